#include "wm_mujoco.h"

#define WM_NAME(name) #name,
static const char *const names[] = {WM_MUJOCO_FUNCTIONS(WM_NAME)};

const char *const *wm_mujoco_function_names(int *count) {
  *count = sizeof names / sizeof *names;
  return names;
}
