#include "wm_torch.h"

#define WM_NAME(result, name, parameters) #name,
static const char *const names[] = {WM_TORCH_FUNCTIONS(WM_NAME)};

const char *const *wm_torch_function_names(int *count) {
  *count = sizeof names / sizeof *names;
  return names;
}
