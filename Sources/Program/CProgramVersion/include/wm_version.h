// The commit that the program was built from, as Package.swift found it.
#pragma once

/// 40 hexadecimal digits, with a + if the working tree had changes; "unknown" outside a repository.
extern const char *const _Nonnull wm_commit;
