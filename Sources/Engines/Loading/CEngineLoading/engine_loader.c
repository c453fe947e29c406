#define _GNU_SOURCE
#include "engine_loader.h"

#include <dlfcn.h>
#include <stdio.h>

const char *engine_load(const char *path, const char *prefix, const char *const *names, int count, void **table) {
  static _Thread_local char message[512];
  // Global: a device library opened later (CUDA, ROCm) resolves against what is already here.
  void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (!library) return dlerror();
  for (int i = 0; i < count; i++) {
    char symbol[128];
    snprintf(symbol, sizeof symbol, "%s%s", prefix, names[i]);
    table[i] = dlsym(library, symbol);
    if (!table[i]) {
      snprintf(message, sizeof message, "%s has no symbol %s", path, symbol);
      return message;
    }
  }
  return 0;
}
