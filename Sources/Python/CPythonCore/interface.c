// The functions are PythonCore's; a C module needs a source of its own.
#include "lerobot_wm.h"
