#pragma once

/// Opens the shared library at `path`, visible to libraries opened later, and stores the addresses of the functions
/// `names`, each after `prefix`, in `table`, in order.
///
/// Returns NULL on success, otherwise an error message that stays valid on this thread until its next call.
const char *engine_load(const char *path, const char *prefix, const char *const *names, int count, void **table);

/// Whether libraries that are opened later see an engine's symbols.
typedef enum { ENGINE_LOCAL, ENGINE_GLOBAL } engine_visibility;

/// A function of a system library, and the function pointer that receives its address.
typedef struct {
  const char *name;
  void *pointer;
} engine_symbol;

/// Opens the first of `count` system libraries that loads, and fills in `symbols`, up to the one without a name.
///
/// Returns NULL on success, otherwise an error message that stays valid on this thread until its next call.
const char *engine_open(
    const char *const *libraries, int count, engine_visibility visibility, const engine_symbol *symbols);
