// The C face of libpng, libjpeg and FFmpeg: compressed bytes in, RGB pixels out, and back. Implemented by
// native/media.cpp and opened at run time; this header is all that both sides share.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A video open for reading, and one being written.
typedef struct wm_video_s *wm_video;
typedef struct wm_video_writer_s *wm_video_writer;

typedef struct {
  int32_t width, height;
  double frames_per_second, duration;
  char codec[32], pixel_format[32];
} wm_video_info;

typedef struct {
  int32_t width, height;
  int32_t rate_numerator, rate_denominator;
  int32_t quality, key_interval, threads;
  const char *encoder;
} wm_video_settings;

/// X(result, name, parameters): every function of the table, in order. Ints report failure as -1, pointers as NULL;
/// `last_error` then holds the reason for this thread. Pixels are RGB, 8 bits, row by row from the top; `capacity` counts
/// bytes. An encoder's bytes belong to the caller, who returns them to `free_bytes`.
#define WM_MEDIA_FUNCTIONS(X)                                                                                      \
  X(const char *, last_error, (void))                                                                              \
  X(const char *, version, (void))                                                                                 \
  X(void, free_bytes, (uint8_t * bytes))                                                                           \
  X(int, png_size, (const uint8_t *bytes, size_t count, int32_t *width, int32_t *height))                          \
  X(int, png_decode, (const uint8_t *bytes, size_t count, uint8_t *pixels, size_t capacity))                       \
  X(int, png_encode, (const uint8_t *pixels, int32_t width, int32_t height, uint8_t **bytes, size_t *count))       \
  X(int, jpeg_size, (const uint8_t *bytes, size_t count, int32_t *width, int32_t *height))                         \
  X(int, jpeg_decode, (const uint8_t *bytes, size_t count, uint8_t *pixels, size_t capacity))                      \
  X(int, jpeg_encode,                                                                                              \
    (const uint8_t *pixels, int32_t width, int32_t height, int32_t quality, uint8_t **bytes, size_t *count))       \
  X(wm_video, video_open, (const char *path, int32_t threads, wm_video_info *info))                                \
  X(int, video_seek, (wm_video video, double time, double tolerance, double *found))                               \
  X(int, video_pixels, (wm_video video, uint8_t *pixels, size_t capacity))                                         \
  X(int64_t, video_planes, (wm_video video, uint8_t *planes, size_t capacity))                                     \
  X(void, video_close, (wm_video video))                                                                           \
  X(int, has_encoder, (const char *name))                                                                          \
  X(wm_video_writer, video_create, (const char *path, const wm_video_settings *settings))                          \
  X(int, video_write, (wm_video_writer writer, const uint8_t *pixels))                                             \
  X(int64_t, video_position, (wm_video_writer writer))                                                             \
  X(int, video_finish, (wm_video_writer writer))                                                                   \
  X(void, video_discard, (wm_video_writer writer))

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
