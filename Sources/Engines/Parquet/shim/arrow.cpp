// Arrow's Parquet reader and writer behind wm_arrow.h: row groups in and out, single-threaded and stateless.
#include <arrow/c/abi.h>

#include "wm_arrow.h"

#include "../../Loading/shim/shim.hpp"

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/io/file.h>
#include <arrow/util/config.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <string>
#include <unordered_set>

struct wm_parquet_s {
  std::unique_ptr<parquet::arrow::FileReader> reader;
};

struct wm_parquet_writer_s {
  std::shared_ptr<arrow::io::FileOutputStream> sink;
  std::shared_ptr<arrow::Schema> schema;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
};

namespace {

void check(const arrow::Status &status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

template <typename Value>
Value take(arrow::Result<Value> &&result) {
  check(result.status());
  return std::move(result).ValueUnsafe();
}

/// The leaves of the Parquet schema under the named top-level columns.
std::vector<int> leaves(const parquet::SchemaDescriptor &schema, const char *const *columns, int count) {
  std::unordered_set<std::string> wanted(columns, columns + count);
  std::vector<int> indices;
  for (int i = 0; i < schema.num_columns(); i++)
    if (wanted.count(schema.GetColumnRoot(i)->name())) indices.push_back(i);
  return indices;
}

}  // namespace

EXPORT const char *wm_arrow_last_error(void) { return last_error_text.c_str(); }

EXPORT const char *wm_arrow_version(void) { return ARROW_VERSION_STRING; }

EXPORT wm_parquet wm_arrow_open(const char *path) {
  return guarded<wm_parquet>(nullptr, [&] {
    auto input = take(arrow::io::MemoryMappedFile::Open(path, arrow::io::FileMode::READ));
    parquet::arrow::FileReaderBuilder builder;
    check(builder.Open(input));
    parquet::ArrowReaderProperties properties;
    properties.set_use_threads(false);
    builder.properties(properties);
    return new wm_parquet_s{take(builder.Build())};
  });
}

EXPORT void wm_arrow_close(wm_parquet file) { delete file; }

EXPORT int wm_arrow_row_group_count(wm_parquet file) { return file->reader->num_row_groups(); }

EXPORT int64_t wm_arrow_row_count(wm_parquet file, int row_group) {
  return guarded<int64_t>(
      -1, [&] { return file->reader->parquet_reader()->metadata()->RowGroup(row_group)->num_rows(); });
}

EXPORT int wm_arrow_schema(wm_parquet file, ArrowSchema *schema) {
  return guarded(-1, [&] {
    std::shared_ptr<arrow::Schema> found;
    check(file->reader->GetSchema(&found));
    check(arrow::ExportSchema(*found, schema));
    return 0;
  });
}

EXPORT int wm_arrow_read(
    wm_parquet file, int row_group, const char *const *columns, int count, ArrowArray *rows, ArrowSchema *schema) {
  return guarded(-1, [&] {
    auto indices = leaves(*file->reader->parquet_reader()->metadata()->schema(), columns, count);
    auto table = take(file->reader->ReadRowGroup(row_group, indices));
    auto batch = take(table->CombineChunksToBatch());
    // The file is untrusted; after this every offset and length inside the batch can be trusted.
    check(batch->ValidateFull());
    check(arrow::ExportRecordBatch(*batch, rows, schema));
    return 0;
  });
}

EXPORT int wm_arrow_chunk(wm_parquet file, int row_group, const char *leaf, wm_column_chunk *chunk) {
  return guarded(-1, [&] {
    auto metadata = file->reader->parquet_reader()->metadata();
    int index = metadata->schema()->ColumnIndex(std::string(leaf));
    if (index < 0) return 0;
    auto *description = metadata->schema()->Column(index);
    auto column = metadata->RowGroup(row_group)->ColumnChunk(index);
    bool is_snappy = column->compression() == parquet::Compression::SNAPPY;
    if (description->physical_type() != parquet::Type::BYTE_ARRAY || description->max_repetition_level() != 0 ||
        column->crypto_metadata() || !column->file_path().empty() ||
        !(is_snappy || column->compression() == parquet::Compression::UNCOMPRESSED))
      return 0;
    chunk->offset = column->data_page_offset();
    if (column->has_dictionary_page() && column->dictionary_page_offset() > 0)
      chunk->offset = std::min(chunk->offset, column->dictionary_page_offset());
    chunk->size = column->total_compressed_size();
    chunk->is_snappy = is_snappy;
    chunk->max_definition_level = description->max_definition_level();
    return 1;
  });
}

EXPORT wm_parquet_writer wm_arrow_create(const char *path, ArrowSchema *schema) {
  return guarded<wm_parquet_writer>(nullptr, [&] {
    auto imported = take(arrow::ImportSchema(schema));
    auto sink = take(arrow::io::FileOutputStream::Open(path));
    auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
    auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    auto writer = take(
        parquet::arrow::FileWriter::Open(*imported, arrow::default_memory_pool(), sink, properties, arrow_properties));
    return new wm_parquet_writer_s{sink, imported, std::move(writer)};
  });
}

EXPORT int wm_arrow_write(wm_parquet_writer writer, ArrowArray *rows) {
  return guarded(-1, [&] {
    auto batch = take(arrow::ImportRecordBatch(rows, writer->schema));
    check(batch->ValidateFull());
    auto table = take(arrow::Table::FromRecordBatches({batch}));
    check(writer->writer->WriteTable(*table, std::max<int64_t>(1, table->num_rows())));
    return 0;
  });
}

EXPORT int64_t wm_arrow_position(wm_parquet_writer writer) {
  return guarded<int64_t>(-1, [&] { return take(writer->sink->Tell()); });
}

EXPORT int wm_arrow_finish(wm_parquet_writer writer) {
  std::unique_ptr<wm_parquet_writer_s> owned(writer);
  return guarded(-1, [&] {
    check(owned->writer->Close());
    check(owned->sink->Close());
    return 0;
  });
}

EXPORT void wm_arrow_discard(wm_parquet_writer writer) {
  // An unfinished writer closes itself on destruction; its error no longer matters.
  guarded(-1, [&] {
    delete writer;
    return 0;
  });
}
