#include "wm_media.h"
#include "wm_video.h"

#define WM_NAME(result, name, parameters) #name,
static const char *const media_names[] = {WM_MEDIA_FUNCTIONS(WM_NAME)};
static const char *const video_names[] = {WM_VIDEO_FUNCTIONS(WM_NAME)};

const char *const *wm_media_function_names(int *count) {
  *count = sizeof media_names / sizeof *media_names;
  return media_names;
}

const char *const *wm_video_function_names(int *count) {
  *count = sizeof video_names / sizeof *video_names;
  return video_names;
}
