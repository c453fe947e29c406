// The C interface of Arrow's Parquet reader and writer. Implemented by shim/arrow.cpp and opened at run time; both
// sides share only this header. Columns cross it by the Arrow C Data Interface.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_NULLABLE 2

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};
#endif

/// A Parquet file open for reading, and one being written.
typedef struct wm_parquet_s *wm_parquet;
typedef struct wm_parquet_writer_s *wm_parquet_writer;

/// Where a row group's values of one leaf column lie in the file, its pages one after another.
typedef struct {
  int64_t offset, size;
  int32_t is_snappy, max_definition_level;
} wm_column_chunk;

/// X(result, name, parameters): every function of the table, in order. Pointers and ints report failure as NULL or -1;
/// `last_error` then holds Arrow's text for this thread. `read` takes top-level names; `chunk` takes a leaf's dotted path
/// and returns 0 unless it holds plain or Snappy-compressed byte arrays, one at most a row; `write` makes one row group
/// and leaves the array released.
#define WM_ARROW_FUNCTIONS(X)                                                                        \
  X(const char *, last_error, (void))                                                                \
  X(const char *, version, (void))                                                                   \
  X(wm_parquet, open, (const char *path))                                                            \
  X(void, close, (wm_parquet file))                                                                  \
  X(int, row_group_count, (wm_parquet file))                                                         \
  X(int64_t, row_count, (wm_parquet file, int row_group))                                            \
  X(int, schema, (wm_parquet file, struct ArrowSchema *schema))                                      \
  X(int, read,                                                                                       \
    (wm_parquet file, int row_group, const char *const *columns, int count, struct ArrowArray *rows, \
     struct ArrowSchema *schema))                                                                    \
  X(int, chunk, (wm_parquet file, int row_group, const char *leaf, wm_column_chunk *chunk))          \
  X(wm_parquet_writer, create, (const char *path, struct ArrowSchema *schema))                       \
  X(int, write, (wm_parquet_writer writer, struct ArrowArray *rows))                                 \
  X(int64_t, position, (wm_parquet_writer writer))                                                   \
  X(int, finish, (wm_parquet_writer writer))                                                         \
  X(void, discard, (wm_parquet_writer writer))

#define WM_FIELD(result, name, parameters) result(*name) parameters;
typedef struct {
  WM_ARROW_FUNCTIONS(WM_FIELD)
} wm_arrow_api;
#undef WM_FIELD

/// The functions' names in table order, and how many there are.
const char *const *wm_arrow_function_names(int *count);

#ifdef __cplusplus
}
#endif
