#include "wm_arrow.h"
