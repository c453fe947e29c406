// libpng and libjpeg behind wm_media.h. Both leave by longjmp, so the functions that call them hold nothing that needs a
// destructor.
#include "wm_media.h"

#include "../../Loading/shim/shim.hpp"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

namespace {

void fail(const char *text) { last_error_text = text; }

// ------------------------------------------------------------------------------------------------ PNG

constexpr int32_t side_limit = 16384;

struct png_source {
  const uint8_t *bytes;
  size_t left;
};

void png_fail(png_structp png, png_const_charp text) {
  fail(text);
  longjmp(png_jmpbuf(png), 1);
}

void png_warn(png_structp, png_const_charp) {}

void png_take(png_structp png, png_bytep to, size_t count) {
  auto *source = static_cast<png_source *>(png_get_io_ptr(png));
  if (count > source->left) png_error(png, "the data ends early");
  memcpy(to, source->bytes, count);
  source->bytes += count;
  source->left -= count;
}

/// Reads the size and, into a buffer if one is given, the pixels: palettes and gray expanded, 16 bits cut to 8, alpha
/// dropped and gamma ignored, as Pillow's convert("RGB") does.
int png_read(const uint8_t *bytes, size_t count, int32_t *width, int32_t *height, uint8_t *pixels, size_t capacity) {
  png_source source{bytes, count};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, png_fail, png_warn);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  if (!info || setjmp(png_jmpbuf(png))) {
    if (!info) fail("out of memory");
    png_destroy_read_struct(&png, &info, nullptr);
    return -1;
  }
  png_set_read_fn(png, &source, png_take);
  png_set_user_limits(png, side_limit, side_limit);
  png_set_chunk_malloc_max(png, 64 << 20);
  // The chunks' own checks cover the same bytes.
  png_set_option(png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
  png_read_info(png, info);
  *width = png_get_image_width(png, info);
  *height = png_get_image_height(png, info);
  if (pixels) {
    if (capacity < size_t(3) * *width * *height) png_error(png, "the image is larger than its header declares");
    if (png_get_bit_depth(png, info) == 16) png_set_strip_16(png);
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t stride = png_get_rowbytes(png, info);
    if (stride != size_t(3) * *width) png_error(png, "the pixels are not RGB");
    for (int pass = 0; pass < passes; pass++)
      for (int32_t row = 0; row < *height; row++) png_read_row(png, pixels + row * stride, nullptr);
    png_read_end(png, nullptr);
  }
  png_destroy_read_struct(&png, &info, nullptr);
  return 0;
}

struct byte_sink {
  uint8_t *bytes;
  size_t count, capacity;
};

void png_put(png_structp png, png_bytep from, size_t count) {
  auto *sink = static_cast<byte_sink *>(png_get_io_ptr(png));
  if (sink->count + count > sink->capacity) {
    size_t capacity = std::max(sink->capacity * 2, sink->count + count);
    auto *grown = static_cast<uint8_t *>(realloc(sink->bytes, capacity));
    if (!grown) png_error(png, "out of memory");
    sink->bytes = grown;
    sink->capacity = capacity;
  }
  memcpy(sink->bytes + sink->count, from, count);
  sink->count += count;
}

void png_flush_nothing(png_structp) {}

// ------------------------------------------------------------------------------------------------ JPEG

struct jpeg_failure {
  jpeg_error_mgr manager;
  jmp_buf leave;
};

void jpeg_fail(j_common_ptr jpeg) {
  char text[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, text);
  fail(text);
  longjmp(reinterpret_cast<jpeg_failure *>(jpeg->err)->leave, 1);
}

void jpeg_message(j_common_ptr jpeg, int level) {
  // libjpeg fills missing data with gray and only warns; a robot's frame must be complete.
  if (level < 0 && (jpeg->err->msg_code == JWRN_JPEG_EOF || jpeg->err->msg_code == JWRN_HIT_MARKER)) jpeg_fail(jpeg);
}

int jpeg_read(const uint8_t *bytes, size_t count, int32_t *width, int32_t *height, uint8_t *pixels, size_t capacity) {
  jpeg_decompress_struct jpeg;
  jpeg_failure failure;
  jpeg.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = jpeg_fail;
  failure.manager.emit_message = jpeg_message;
  jpeg_create_decompress(&jpeg);
  if (setjmp(failure.leave)) {
    jpeg_destroy_decompress(&jpeg);
    return -1;
  }
  jpeg_mem_src(&jpeg, bytes, count);
  jpeg_read_header(&jpeg, TRUE);
  *width = jpeg.image_width;
  *height = jpeg.image_height;
  if (pixels) {
    jpeg.out_color_space = JCS_RGB;
    jpeg_start_decompress(&jpeg);
    size_t stride = size_t(3) * jpeg.output_width;
    if (jpeg.output_components != 3 || capacity < stride * jpeg.output_height) {
      fail("the pixels are not RGB of the header's size");
      jpeg_destroy_decompress(&jpeg);
      return -1;
    }
    while (jpeg.output_scanline < jpeg.output_height) {
      uint8_t *row = pixels + stride * jpeg.output_scanline;
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
  }
  jpeg_destroy_decompress(&jpeg);
  return 0;
}

}  // namespace

EXPORT const char *wm_media_last_error(void) { return last_error_text.c_str(); }

EXPORT void wm_media_free_bytes(uint8_t *bytes) { free(bytes); }

EXPORT int wm_media_png_size(const uint8_t *bytes, size_t count, int32_t *width, int32_t *height) {
  return png_read(bytes, count, width, height, nullptr, 0);
}

EXPORT int wm_media_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t capacity) {
  int32_t width, height;
  return png_read(bytes, count, &width, &height, pixels, capacity);
}

EXPORT int wm_media_png_encode(const uint8_t *pixels, int32_t width, int32_t height, uint8_t **bytes, size_t *count) {
  byte_sink sink{nullptr, 0, 0};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, png_fail, png_warn);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  if (!info || setjmp(png_jmpbuf(png))) {
    if (!info) fail("out of memory");
    png_destroy_write_struct(&png, &info);
    free(sink.bytes);
    return -1;
  }
  png_set_write_fn(png, &sink, png_put, png_flush_nothing);
  png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
               PNG_FILTER_TYPE_BASE);
  png_set_compression_level(png, 3);
  png_write_info(png, info);
  for (int32_t row = 0; row < height; row++) png_write_row(png, pixels + size_t(row) * 3 * width);
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  *bytes = sink.bytes;
  *count = sink.count;
  return 0;
}

EXPORT int wm_media_jpeg_size(const uint8_t *bytes, size_t count, int32_t *width, int32_t *height) {
  return jpeg_read(bytes, count, width, height, nullptr, 0);
}

EXPORT int wm_media_jpeg_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t capacity) {
  int32_t width, height;
  return jpeg_read(bytes, count, &width, &height, pixels, capacity);
}

EXPORT int wm_media_jpeg_encode(
    const uint8_t *pixels, int32_t width, int32_t height, int32_t quality, uint8_t **bytes, size_t *count) {
  jpeg_compress_struct jpeg;
  jpeg_failure failure;
  unsigned char *encoded = nullptr;
  unsigned long size = 0;
  jpeg.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = jpeg_fail;
  jpeg_create_compress(&jpeg);
  if (setjmp(failure.leave)) {
    jpeg_destroy_compress(&jpeg);
    free(encoded);
    return -1;
  }
  jpeg_mem_dest(&jpeg, &encoded, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = const_cast<uint8_t *>(pixels) + size_t(3) * width * jpeg.next_scanline;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  *bytes = encoded;
  *count = size;
  return 0;
}
