// OpenGL contexts without a window, opened at run time: the build needs no GL headers and no GL libraries.
#pragma once

/// A library: Mesa's off-screen software renderer, or EGL on a graphics card or in software.
typedef enum {
  WM_GL_OSMESA = 0,
  WM_GL_EGL_DEVICE = 1,
  WM_GL_EGL_SOFTWARE = 2,
} wm_gl_kind;

typedef struct wm_gl_context wm_gl_context;

/// Creates a context with a frame of `width` × `height` pixels, current on no thread.
///
/// Safe to call from several threads at once. MuJoCo resolves the GL functions once per process, so the first
/// context fixes the library (OSMesa or EGL) for all later ones. Returns NULL and writes an error message to `error`
/// (at most `capacity` bytes with the final 0) on failure.
wm_gl_context *_Nullable wm_gl_create(
    wm_gl_kind kind, int width, int height, char *_Nonnull error, int capacity);

/// The library that this process draws with, or -1 before the first context.
int wm_gl_kind_in_use(void);

/// Makes the context current on this thread; 0 on failure.
int wm_gl_make_current(wm_gl_context *_Nonnull context);

/// Leaves this thread without a current context, so that another thread may use it; 0 on failure.
int wm_gl_clear_current(wm_gl_context *_Nonnull context);

/// Frees the context, which must not be current on another thread.
void wm_gl_destroy(wm_gl_context *_Nonnull context);
