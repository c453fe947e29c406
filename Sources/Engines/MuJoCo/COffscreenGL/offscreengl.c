#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int library = -1;  // 0: OSMesa, 1: EGL; guarded by `lock`
static int kind_in_use = -1;

static int create(wm_gl_context *context, char *error, int capacity) {
  const int wanted = context->kind != WM_GL_OSMESA;
  if (library >= 0 && library != wanted) {
    snprintf(error, capacity, "this process already uses %s and cannot change to %s",
             library ? "EGL" : "OSMesa", wanted ? "EGL" : "OSMesa");
    return 0;
  }
  // Mesa's software renderer starts threads for every context; small images drawn by several threads at once are twice
  // as fast without them. Set before a library is opened, but not before main; a user's value is kept.
  if (library < 0) setenv("LP_NUM_THREADS", "0", 0);
  const int made = wanted ? wm_egl_create(context, error, capacity) : wm_osmesa_create(context, error, capacity);
  if (made) library = wanted;
  if (made) kind_in_use = context->kind;
  return made;
}

wm_gl_context *wm_gl_create(wm_gl_kind kind, int width, int height, char *error, int capacity) {
  if (width < 1 || height < 1 || width > 16384 || height > 16384) {
    snprintf(error, capacity, "a frame of %d x %d pixels cannot be drawn", width, height);
    return NULL;
  }
  wm_gl_context *context = calloc(1, sizeof *context);
  if (!context) {
    snprintf(error, capacity, "out of memory");
    return NULL;
  }
  context->kind = kind;
  context->width = width;
  context->height = height;
  pthread_mutex_lock(&lock);
  const int made = create(context, error, capacity);
  pthread_mutex_unlock(&lock);
  if (made) return context;
  free(context);
  return NULL;
}

int wm_gl_kind_in_use(void) {
  pthread_mutex_lock(&lock);
  const int kind = kind_in_use;
  pthread_mutex_unlock(&lock);
  return kind;
}

int wm_gl_make_current(wm_gl_context *context) {
  return context->kind == WM_GL_OSMESA ? wm_osmesa_make_current(context) : wm_egl_make_current(context);
}

int wm_gl_clear_current(wm_gl_context *context) {
  return context->kind == WM_GL_OSMESA ? wm_osmesa_clear_current(context) : wm_egl_clear_current(context);
}

void wm_gl_destroy(wm_gl_context *context) {
  pthread_mutex_lock(&lock);
  if (context->kind == WM_GL_OSMESA) {
    wm_osmesa_destroy(context);
  } else {
    wm_egl_destroy(context);
  }
  pthread_mutex_unlock(&lock);
  free(context);
}
