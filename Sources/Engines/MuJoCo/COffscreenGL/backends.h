// The functions of each GL library.
#pragma once
#include "wm_offscreengl.h"

struct wm_gl_context {
  wm_gl_kind kind;
  int width, height;
  void *handle;   // OSMesaContext or EGLContext
  void *surface;  // OSMesa's pixels or EGL's pbuffer
};

/// Each returns 1 on success; on failure 0 with a message in `error`.
int wm_osmesa_create(wm_gl_context *context, char *error, int capacity);
int wm_osmesa_make_current(wm_gl_context *context);
int wm_osmesa_clear_current(wm_gl_context *context);
void wm_osmesa_destroy(wm_gl_context *context);

int wm_egl_create(wm_gl_context *context, char *error, int capacity);
int wm_egl_make_current(wm_gl_context *context);
int wm_egl_clear_current(wm_gl_context *context);
void wm_egl_destroy(wm_gl_context *context);
