#include "wm_media.h"

#define WM_NAME(result, name, parameters) #name,
static const char *const names[] = {WM_MEDIA_FUNCTIONS(WM_NAME)};

const char *const *wm_media_function_names(int *count) {
  *count = sizeof names / sizeof *names;
  return names;
}
