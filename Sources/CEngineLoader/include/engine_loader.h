#pragma once
#include <stdint.h>

/// Opens the shared library at `path` and stores the addresses of `names` in `table`, in order.
///
/// `prefix` is put before each name. Returns NULL on success, otherwise a sentence that stays valid on this thread
/// until its next call.
const char *_Nullable engine_load(
    const char *_Nonnull path, const char *_Nonnull prefix, const char *_Nonnull const *_Nonnull names, int count,
    void *_Nullable *_Nonnull table);
