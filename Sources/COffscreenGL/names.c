#include "wm_offscreengl.h"
