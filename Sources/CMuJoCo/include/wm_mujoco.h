// MuJoCo's own headers (laid here by the set-up) and a table of the functions this project calls.
#pragma once
#include <mujoco/mujoco.h>

#define WM_MUJOCO_FUNCTIONS(X) \
  X(mj_version)                \
  X(mj_parseXMLString)         \
  X(mj_compile)                \
  X(mj_deleteSpec)             \
  X(mjs_getError)              \
  X(mj_deleteModel)            \
  X(mj_makeData)               \
  X(mj_deleteData)             \
  X(mj_resetData)              \
  X(mj_forward)                \
  X(mj_step)                   \
  X(mj_name2id)                \
  X(mj_id2name)                \
  X(mjv_defaultScene)          \
  X(mjv_defaultOption)         \
  X(mjv_defaultCamera)         \
  X(mjv_makeScene)             \
  X(mjv_freeScene)             \
  X(mjv_updateScene)           \
  X(mjr_defaultContext)        \
  X(mjr_makeContext)           \
  X(mjr_freeContext)           \
  X(mjr_setBuffer)             \
  X(mjr_render)                \
  X(mjr_readPixels)

#define WM_FIELD(name) __typeof__(&name) name;
typedef struct {
  WM_MUJOCO_FUNCTIONS(WM_FIELD)
} wm_mujoco_api;
#undef WM_FIELD

/// The functions' names in table order, and how many there are.
const char *const *wm_mujoco_function_names(int *count);
