#include <engine_loader.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends.h"

// The functions of OSMesa that are used.
static struct {
  void *(*create)(unsigned format, int depth_bits, int stencil_bits, int accumulation_bits, void *shared);
  unsigned char (*make_current)(void *context, void *buffer, unsigned type, int width, int height);
  void (*destroy)(void *context);
  int loaded;
} osmesa;

enum { RGBA = 0x1908, UNSIGNED_BYTE = 0x1401 };

static int load(char *error, int capacity) {
  if (osmesa.loaded) return 1;
  const engine_symbol symbols[] = {
      {"OSMesaCreateContextExt", &osmesa.create},
      {"OSMesaMakeCurrent", &osmesa.make_current},
      {"OSMesaDestroyContext", &osmesa.destroy},
      {NULL, NULL},
  };
  // Global: MuJoCo looks for OSMesaGetProcAddress among the process's symbols.
  const char *problem =
      engine_open((const char *const[]){"libOSMesa.so.8", "libOSMesa.so.6"}, 2, ENGINE_GLOBAL, symbols);
  if (problem) snprintf(error, capacity, "OSMesa could not be loaded (%s); install the package libosmesa6", problem);
  osmesa.loaded = !problem;
  return osmesa.loaded;
}

int wm_osmesa_create(wm_gl_context *context, char *error, int capacity) {
  if (!load(error, capacity)) return 0;
  context->surface = calloc(4, (size_t)context->width * context->height);
  context->handle = context->surface ? osmesa.create(RGBA, 24, 8, 0, NULL) : NULL;
  if (context->handle) return 1;
  free(context->surface);
  snprintf(error, capacity, "OSMesa refused a context of %d x %d pixels", context->width, context->height);
  return 0;
}

int wm_osmesa_make_current(wm_gl_context *context) {
  return osmesa.make_current(context->handle, context->surface, UNSIGNED_BYTE, context->width, context->height);
}

int wm_osmesa_clear_current(wm_gl_context *context) {
  (void)context;
  return osmesa.make_current(NULL, NULL, UNSIGNED_BYTE, 0, 0);
}

void wm_osmesa_destroy(wm_gl_context *context) {
  osmesa.destroy(context->handle);
  free(context->surface);
}
