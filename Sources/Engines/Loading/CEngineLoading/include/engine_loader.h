#pragma once

/// Opens the shared library at `path` and stores the addresses of `names`, each behind `prefix`, in `table`, in order.
///
/// Returns NULL on success, otherwise a sentence that stays valid on this thread until its next call.
const char *engine_load(const char *path, const char *prefix, const char *const *names, int count, void **table);
