#include <malloc.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "wm_mujoco.h"

// MuJoCo has no error returns: its handler must not return. Each guarded call below sets a jump target; only MuJoCo's own
// C frames are between the jump and its target.
typedef struct {
  jmp_buf landing;
  wm_mujoco_message *message;
} guard;

static _Thread_local guard *active;

static void on_error(const char *text) {
  if (!active) {
    fprintf(stderr, "MuJoCo: %s\n", text);
    abort();
  }
  snprintf(active->message->text, sizeof active->message->text, "%s", text);
  longjmp(active->landing, 1);
}

// Warnings are read from their counters in mjData; the default handler would write a file.
static void on_warning(const char *text) { (void)text; }

void wm_mujoco_take_errors(const wm_mujoco_api *api) {
  *api->mju_user_error = on_error;
  *api->mju_user_warning = on_warning;
}

#define GUARDED(call)                       \
  guard here;                               \
  here.message = message;                   \
  active = &here;                           \
  if (setjmp(here.landing) == 0) {          \
    call;                                   \
    active = NULL;                          \
    return 1;                               \
  }                                         \
  active = NULL;                            \
  return 0;

int wm_mujoco_make_data(const wm_mujoco_api *api, const mjModel *model, mjData **data, wm_mujoco_message *message) {
  GUARDED(*data = api->mj_makeData(model))
}

int wm_mujoco_reset(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message) {
  GUARDED(api->mj_resetData(model, data))
}

int wm_mujoco_forward(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message) {
  GUARDED(api->mj_forward(model, data))
}

int wm_mujoco_step(
    const wm_mujoco_api *api, const mjModel *model, mjData *data, int count, wm_mujoco_message *message) {
  GUARDED(for (int i = 0; i < count; i++) api->mj_step(model, data))
}

int wm_mujoco_forward_part(
    const wm_mujoco_api *api, const mjModel *model, mjData *data, mjtStage done, wm_mujoco_message *message) {
  GUARDED(api->mj_forwardSkip(model, data, done, 1))
}

int wm_mujoco_finish_step(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message) {
  GUARDED(api->mj_step2(model, data))
}

int wm_mujoco_poses(const wm_mujoco_api *api, const mjModel *model, mjData *data, wm_mujoco_message *message) {
  GUARDED({
    api->mj_kinematics(model, data);
    api->mj_comPos(model, data);
    api->mj_camlight(model, data);
  })
}

int wm_mujoco_site_dynamics(
    const wm_mujoco_api *api, const mjModel *model, mjData *data, int site, double *translation, double *rotation,
    double *mass, wm_mujoco_message *message) {
  GUARDED({
    api->mj_jacSite(model, data, translation, rotation, site);
    api->mj_fullM(model, mass, data->qM);
  })
}

void wm_mujoco_return_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

int wm_mujoco_first_warning(const mjData *data, int *information) {
  for (int kind = 0; kind < mjNWARNING; kind++) {
    if (data->warning[kind].number > 0) {
      *information = data->warning[kind].lastinfo;
      return kind;
    }
  }
  return -1;
}

static int prepare(
    const wm_mujoco_api *api, wm_mujoco_renderer *renderer, const mjModel *model, wm_mujoco_message *message) {
  GUARDED({
    api->mjv_makeScene(model, &renderer->scene, 2000);
    api->mjr_makeContext(model, &renderer->context, mjFONTSCALE_100);
    api->mjr_setBuffer(mjFB_OFFSCREEN, &renderer->context);
  })
}

wm_mujoco_renderer *wm_mujoco_make_renderer(
    const wm_mujoco_api *api, const mjModel *model, int width, int height, wm_mujoco_message *message) {
  wm_mujoco_renderer *renderer = calloc(1, sizeof *renderer);
  if (!renderer) {
    snprintf(message->text, sizeof message->text, "out of memory");
    return NULL;
  }
  api->mjv_defaultScene(&renderer->scene);
  api->mjv_defaultOption(&renderer->option);
  api->mjv_defaultCamera(&renderer->camera);
  api->mjr_defaultContext(&renderer->context);
  renderer->camera.type = mjCAMERA_FIXED;
  int ready = prepare(api, renderer, model, message);
  if (ready && renderer->context.currentBuffer != mjFB_OFFSCREEN) {
    snprintf(message->text, sizeof message->text, "the GL library has no off-screen framebuffer");
    ready = 0;
  }
  if (ready && (renderer->context.offWidth < width || renderer->context.offHeight < height)) {
    snprintf(message->text, sizeof message->text,
             "the model's off-screen frame is %d x %d pixels, smaller than %d x %d (visual/global offwidth, offheight)",
             renderer->context.offWidth, renderer->context.offHeight, width, height);
    ready = 0;
  }
  if (ready) return renderer;
  wm_mujoco_free_renderer(api, renderer);
  return NULL;
}

int wm_mujoco_draw(
    const wm_mujoco_api *api, wm_mujoco_renderer *renderer, const mjModel *model, mjData *data, int camera, int width,
    int height, unsigned char *pixels, wm_mujoco_message *message) {
  const mjrRect frame = {0, 0, width, height};
  renderer->camera.fixedcamid = camera;
  GUARDED({
    api->mjv_updateScene(model, data, &renderer->option, NULL, &renderer->camera, mjCAT_ALL, &renderer->scene);
    api->mjr_render(frame, &renderer->scene, &renderer->context);
    api->mjr_readPixels(pixels, NULL, frame, &renderer->context);
  })
}

void wm_mujoco_free_renderer(const wm_mujoco_api *api, wm_mujoco_renderer *renderer) {
  api->mjr_freeContext(&renderer->context);
  api->mjv_freeScene(&renderer->scene);
  free(renderer);
}
