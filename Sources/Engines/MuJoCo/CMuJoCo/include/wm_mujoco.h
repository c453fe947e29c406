// MuJoCo's own headers (laid here by the set-up), a table of the functions this project calls, and guarded calls.
#pragma once
#include <mujoco/mujoco.h>

#define WM_MUJOCO_FUNCTIONS(X) \
  X(mj_version)                \
  X(mj_versionString)          \
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
  X(mj_forwardSkip)            \
  X(mj_step2)                  \
  X(mj_kinematics)             \
  X(mj_comPos)                 \
  X(mj_camlight)               \
  X(mj_jacSite)                \
  X(mj_fullM)                  \
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
  X(mjr_readPixels)            \
  X(mju_user_error)            \
  X(mju_user_warning)

// The table is filled completely before use.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"

#define WM_FIELD(name) __typeof__(&name) name;
typedef struct {
  WM_MUJOCO_FUNCTIONS(WM_FIELD)
} wm_mujoco_api;
#undef WM_FIELD

/// The functions' names in table order, and how many there are.
const char *const *wm_mujoco_function_names(int *count);

#pragma clang assume_nonnull begin

/// Takes over MuJoCo's error and warning handlers, which would otherwise end the process or write MUJOCO_LOG.TXT.
void wm_mujoco_take_errors(const wm_mujoco_api *api);

/// An error message of MuJoCo; the size of its longest.
typedef struct {
  char text[1024];
} wm_mujoco_message;

// Calls that return MuJoCo's errors: 1 on success, 0 with `message` filled. After a 0, the data's internal stack is invalid
// until mj_resetData; a failed renderer may only be freed.
int wm_mujoco_make_data(const wm_mujoco_api *api, const mjModel *model, mjData *_Nullable *_Nonnull data, wm_mujoco_message *message);
int wm_mujoco_reset(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message);
int wm_mujoco_forward(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message);
int wm_mujoco_step(
    const wm_mujoco_api *api, const mjModel *model, mjData *data, int count, wm_mujoco_message *message);

// Parts of a step. After wm_mujoco_forward_part with mjSTAGE_NONE and a new control, the result of wm_mujoco_finish_step
// is bit-identical to mj_step; with mjSTAGE_VEL only what depends on controls and forces is recomputed. Neither reads sensors.
int wm_mujoco_forward_part(
    const wm_mujoco_api *api, const mjModel *model, mjData *data, mjtStage done, wm_mujoco_message *message);
int wm_mujoco_finish_step(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message);
/// Poses of bodies, geoms, sites, cameras and lights from positions, and nothing else.
int wm_mujoco_poses(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message);
/// A site's Jacobian (3 × nv, translation and rotation) and the mass matrix (nv × nv), row-major.
int wm_mujoco_site_dynamics(
    const wm_mujoco_api *api, const mjModel *model, mjData *data, int site, double *translation, double *rotation,
    double *mass, wm_mujoco_message *message);

/// Returns memory that compiling freed to the system; the allocator would keep it.
void wm_mujoco_return_memory(void);

/// The first kind of warning that `data` has counted (an mjtWarning), or -1; `*information` is its argument.
int wm_mujoco_first_warning(const mjData *data, int *information);

/// Receives one field of a model: its name in MuJoCo's header (`opt.` before an option's), the type of its `count` bytes
/// ('d' doubles, 'f' floats, 'i' ints, 'b' bytes), and their address.
typedef void (*wm_mujoco_field_visitor)(
    const char *name, char kind, const void *_Nullable bytes, size_t count, void *_Nullable context);

/// Calls `visit` for the sizes, options, statistics and arrays of a model, in the order of MuJoCo's header.
void wm_mujoco_visit_fields(const mjModel *model, wm_mujoco_field_visitor visit, void *_Nullable context);

/// A renderer of a model: an abstract scene, the graphics card's copy of the model, and a camera.
typedef struct {
  mjvScene scene;
  mjvOption option;
  mjvCamera camera;
  mjrContext context;
} wm_mujoco_renderer;

/// Creates a renderer of `width` × `height` pixels in the current GL context; NULL with `message` filled.
wm_mujoco_renderer *_Nullable wm_mujoco_make_renderer(
    const wm_mujoco_api *api, const mjModel *model, int width, int height, wm_mujoco_message *message);

/// Draws the fixed camera `camera` into `pixels`: height × width × RGB, bottom row first.
int wm_mujoco_draw(
    const wm_mujoco_api *api, wm_mujoco_renderer *renderer, const mjModel *model, mjData *data, int camera, int width,
    int height, unsigned char *pixels, wm_mujoco_message *message);

/// Frees a renderer; its GL context must be current.
void wm_mujoco_free_renderer(const wm_mujoco_api *api, wm_mujoco_renderer *renderer);

#pragma clang assume_nonnull end
#pragma clang diagnostic pop
