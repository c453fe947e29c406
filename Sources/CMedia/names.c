#include "wm_media.h"
