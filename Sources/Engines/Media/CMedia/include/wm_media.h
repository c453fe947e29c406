// The C interface of libpng and libjpeg: compressed bytes in, RGB pixels out, and back. Implemented by shim/media.cpp and
// opened at run time; both sides share only this header.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// X(result, name, parameters): every function of the table, in order. Integers report failure as -1; `last_error` then
/// holds the reason for this thread. Pixels are RGB, 8 bits, row by row from the top; `capacity` counts bytes. An
/// encoder's bytes belong to the caller, who returns them to `free_bytes`.
#define WM_MEDIA_FUNCTIONS(X)                                                                                \
  X(const char *, last_error, (void))                                                                        \
  X(void, free_bytes, (uint8_t * bytes))                                                                     \
  X(int, png_size, (const uint8_t *bytes, size_t count, int32_t *width, int32_t *height))                    \
  X(int, png_decode, (const uint8_t *bytes, size_t count, uint8_t *pixels, size_t capacity))                 \
  X(int, png_encode, (const uint8_t *pixels, int32_t width, int32_t height, uint8_t **bytes, size_t *count)) \
  X(int, jpeg_size, (const uint8_t *bytes, size_t count, int32_t *width, int32_t *height))                   \
  X(int, jpeg_decode, (const uint8_t *bytes, size_t count, uint8_t *pixels, size_t capacity))                \
  X(int, jpeg_encode,                                                                                        \
    (const uint8_t *pixels, int32_t width, int32_t height, int32_t quality, uint8_t **bytes, size_t *count))

#define WM_FIELD(result, name, parameters) result(*name) parameters;
typedef struct {
  WM_MEDIA_FUNCTIONS(WM_FIELD)
} wm_media_api;
#undef WM_FIELD

/// The functions' names in table order, and how many there are.
const char *const *wm_media_function_names(int *count);

#ifdef __cplusplus
}
#endif
