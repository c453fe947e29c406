#include "wm_arrow.h"

#define WM_NAME(result, name, parameters) #name,
static const char *const names[] = {WM_ARROW_FUNCTIONS(WM_NAME)};

const char *const *wm_arrow_function_names(int *count) {
  *count = sizeof names / sizeof *names;
  return names;
}
