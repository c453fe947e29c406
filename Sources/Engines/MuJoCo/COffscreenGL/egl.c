#include <dlfcn.h>
#include <engine_loader.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "backends.h"

// The part of EGL 1.5 and of its device extensions that is used, with its own types written out.
typedef int32_t integer;
static struct {
  void *(*get_proc_address)(const char *name);
  unsigned (*initialize)(void *display, integer *major, integer *minor);
  unsigned (*bind_api)(unsigned api);
  unsigned (*choose_config)(void *display, const integer *attributes, void **configs, integer size, integer *count);
  void *(*create_context)(void *display, void *config, void *shared, const integer *attributes);
  void *(*create_pbuffer)(void *display, void *config, const integer *attributes);
  unsigned (*make_current)(void *display, void *draw, void *read, void *context);
  unsigned (*destroy_context)(void *display, void *context);
  unsigned (*destroy_surface)(void *display, void *surface);
  // Extensions; NULL in old libraries.
  void *(*get_platform_display)(unsigned platform, void *native, const integer *attributes);
  unsigned (*query_devices)(integer capacity, void **devices, integer *count);
  const char *(*query_device_string)(void *device, integer name);
  int loaded;
} egl;

// One display per process: initialized once and kept.
static void *display;
static wm_gl_kind display_kind;

enum {
  EXTENSIONS = 0x3055,
  PLATFORM_DEVICE = 0x313F,
  PLATFORM_SURFACELESS = 0x31DD,
  OPENGL_API = 0x30A2,
  OPENGL_BIT = 0x0008,
  PBUFFER_BIT = 0x0001,
  NONE = 0x3038,
};

static int load(char *error, int capacity) {
  if (egl.loaded) return 1;
  const engine_symbol symbols[] = {
      {"eglGetProcAddress", &egl.get_proc_address}, {"eglInitialize", &egl.initialize},
      {"eglBindAPI", &egl.bind_api},                {"eglChooseConfig", &egl.choose_config},
      {"eglCreateContext", &egl.create_context},    {"eglCreatePbufferSurface", &egl.create_pbuffer},
      {"eglMakeCurrent", &egl.make_current},        {"eglDestroyContext", &egl.destroy_context},
      {"eglDestroySurface", &egl.destroy_surface},  {NULL, NULL},
  };
  // Local until a context exists: if EGL turns out unusable, OSMesa's symbols must not resolve against it.
  const char *problem = engine_open((const char *const[]){"libEGL.so.1"}, 1, ENGINE_LOCAL, symbols);
  if (problem) {
    snprintf(error, capacity, "EGL could not be loaded (%s); install the package libegl1", problem);
    return 0;
  }
  *(void **)&egl.get_platform_display = egl.get_proc_address("eglGetPlatformDisplayEXT");
  *(void **)&egl.query_devices = egl.get_proc_address("eglQueryDevicesEXT");
  *(void **)&egl.query_device_string = egl.get_proc_address("eglQueryDeviceStringEXT");
  egl.loaded = 1;
  return 1;
}

static void *initialized(unsigned platform, void *native) {
  void *candidate = egl.get_platform_display(platform, native, NULL);
  integer major, minor;
  return candidate && egl.initialize(candidate, &major, &minor) ? candidate : NULL;
}

/// The first graphics card that initializes, or NULL; software devices are skipped.
static void *device_display(void) {
  void *devices[32];
  integer count = 0;
  if (!egl.query_devices || !egl.query_devices(32, devices, &count)) return NULL;
  for (integer i = 0; i < count; i++) {
    const char *extensions = egl.query_device_string ? egl.query_device_string(devices[i], EXTENSIONS) : NULL;
    if (!extensions || strstr(extensions, "EGL_MESA_device_software")) continue;
    void *found = initialized(PLATFORM_DEVICE, devices[i]);
    if (found) return found;
  }
  return NULL;
}

static int open_display(wm_gl_kind kind, char *error, int capacity) {
  if (display && display_kind == kind) return 1;
  if (display) {
    snprintf(error, capacity, "this process already draws on another EGL display");
    return 0;
  }
  if (!egl.get_platform_display) {
    snprintf(error, capacity, "this EGL library cannot open a display without a window system");
    return 0;
  }
  display = kind == WM_GL_EGL_DEVICE ? device_display() : initialized(PLATFORM_SURFACELESS, NULL);
  display_kind = kind;
  if (display) return 1;
  snprintf(error, capacity, kind == WM_GL_EGL_DEVICE ? "EGL found no usable graphics card"
                                                     : "EGL has no software display (install libegl-mesa0)");
  return 0;
}

/// Makes eglGetProcAddress a global symbol of the process, where MuJoCo looks for it.
static void publish(void) {
  dlopen("libEGL.so.1", RTLD_NOW | RTLD_GLOBAL);
  dlopen("libOpenGL.so.0", RTLD_NOW | RTLD_GLOBAL);
}

int wm_egl_create(wm_gl_context *context, char *error, int capacity) {
  if (!load(error, capacity) || !open_display(context->kind, error, capacity)) return 0;
  // Red, green, blue, alpha, depth, stencil sizes; surface type; renderable type.
  const integer wanted[] = {0x3024, 8,      0x3023,      8,      0x3022,     8,    0x3021, 8, 0x3025, 24, 0x3026, 8,
                            0x3033, PBUFFER_BIT, 0x3040, OPENGL_BIT, NONE};
  const integer size[] = {0x3057, context->width, 0x3056, context->height, NONE};
  void *config = NULL;
  integer count = 0;
  if (!egl.bind_api(OPENGL_API) || !egl.choose_config(display, wanted, &config, 1, &count) || count < 1) {
    snprintf(error, capacity, "EGL offers no off-screen OpenGL configuration");
    return 0;
  }
  context->handle = egl.create_context(display, config, NULL, NULL);
  context->surface = context->handle ? egl.create_pbuffer(display, config, size) : NULL;
  if (context->surface) {
    publish();
    return 1;
  }
  if (context->handle) egl.destroy_context(display, context->handle);
  snprintf(error, capacity, "EGL refused a context of %d x %d pixels", context->width, context->height);
  return 0;
}

int wm_egl_make_current(wm_gl_context *context) {
  // The bound API is kept per thread.
  return egl.bind_api(OPENGL_API) && egl.make_current(display, context->surface, context->surface, context->handle);
}

int wm_egl_clear_current(wm_gl_context *context) {
  (void)context;
  return egl.bind_api(OPENGL_API) && egl.make_current(display, NULL, NULL, NULL);
}

void wm_egl_destroy(wm_gl_context *context) {
  egl.destroy_context(display, context->handle);
  egl.destroy_surface(display, context->surface);
}
