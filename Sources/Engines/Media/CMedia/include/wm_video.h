// The C interface of FFmpeg: frames by time out of a video, frames into one. Implemented by shim/video.cpp and opened at
// run time; both sides share only this header.
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
  /// Quarter turns, counterclockwise, after which the file says that its images are to be shown; 0 to 3.
  int32_t quarter_turns;
} wm_video_info;

typedef struct {
  int32_t width, height;
  int32_t rate_numerator, rate_denominator;
  int32_t quality, key_interval, threads;
  const char *encoder;
} wm_video_settings;

/// X(result, name, parameters): every function of the table, in order. Integers report failure as -1, pointers as NULL;
/// `last_error` then holds the reason for this thread. `seek` returns 1 if a frame is within the tolerance of the time,
/// for `pixels` and `planes`, else 0; `packets` have been decoded so far. Pixels are RGB, 8 bits, row by row from the top; `capacity` counts
/// bytes. `finish` and `discard` free the writer in any case.
#define WM_VIDEO_FUNCTIONS(X)                                                    \
  X(const char *, last_error, (void))                                            \
  X(const char *, version, (void))                                               \
  X(wm_video, open, (const char *path, int32_t threads, wm_video_info *info))    \
  X(int, seek, (wm_video video, double time, double tolerance, double *found))   \
  X(int64_t, packets, (wm_video video))                                          \
  X(int, pixels, (wm_video video, uint8_t *pixels, size_t capacity))             \
  X(int64_t, planes, (wm_video video, uint8_t *planes, size_t capacity))         \
  X(void, close, (wm_video video))                                               \
  X(int, has_encoder, (const char *name))                                        \
  X(wm_video_writer, create, (const char *path, const wm_video_settings *settings)) \
  X(int, write, (wm_video_writer writer, const uint8_t *pixels))                 \
  X(int64_t, position, (wm_video_writer writer))                                 \
  X(int, finish, (wm_video_writer writer))                                       \
  X(void, discard, (wm_video_writer writer))

#define WM_FIELD(result, name, parameters) result(*name) parameters;
typedef struct {
  WM_VIDEO_FUNCTIONS(WM_FIELD)
} wm_video_api;
#undef WM_FIELD

/// The functions' names in table order, and how many there are.
const char *const *wm_video_function_names(int *count);

#ifdef __cplusplus
}
#endif
