#include "wm_version.h"

const char *const wm_commit = WM_COMMIT;
