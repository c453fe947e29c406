#define _GNU_SOURCE
#include "engine_loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const char *find(void *library, const char *file, const char *prefix, const char *name, void *pointer) {
  static _Thread_local char message[512];
  char symbol[128];
  snprintf(symbol, sizeof symbol, "%s%s", prefix, name);
  void *address = dlsym(library, symbol);
  memcpy(pointer, &address, sizeof address);
  if (address) return 0;
  snprintf(message, sizeof message, "%s has no symbol %s", file, symbol);
  return message;
}

const char *engine_load(const char *path, const char *prefix, const char *const *names, int count, void **table) {
  // Global: a device library opened later (CUDA, ROCm) resolves against what is already here.
  void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (!library) return dlerror();
  for (int i = 0; i < count; i++) {
    const char *problem = find(library, path, prefix, names[i], &table[i]);
    if (problem) return problem;
  }
  return 0;
}

const char *engine_open(
    const char *const *libraries, int count, engine_visibility visibility, const engine_symbol *symbols) {
  void *library = 0;
  int opened = 0;
  for (int i = 0; i < count && !library; i++) {
    opened = i;
    library = dlopen(libraries[i], RTLD_NOW | (visibility == ENGINE_GLOBAL ? RTLD_GLOBAL : RTLD_LOCAL));
  }
  if (!library) return dlerror();
  for (const engine_symbol *symbol = symbols; symbol->name; symbol++) {
    const char *problem = find(library, libraries[opened], "", symbol->name, symbol->pointer);
    if (problem) return problem;
  }
  return 0;
}
