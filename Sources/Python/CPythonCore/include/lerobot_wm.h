// The C interface of liblerobot_wm.so, the core as a library of a process that has loaded libtorch already.
//
// A function is called by its name, with a request and an answer in JSON and tensors beside them; PythonCore/CoreFunctions.swift
// lists them. shim/operators.cpp makes operators of torch's dispatcher, lerobot_wm::NAME, of those that Python asks for, so
// that autograd records through them.
#pragma once
#include <stdint.h>

#include "wm_torch.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Takes a function's answer, and its tensors, which the taker copies, or owns no longer than its own call.
///
/// A failure has a sentence in the answer's place, and a count of -1.
typedef void (*lerobot_wm_take)(void *taker, const char *answer, const wm_tensor *tensors, int32_t count);

/// Calls a function; `take` is called once, before this returns.
///
/// - `request`: a JSON object.
/// - `names`, `tensors`: `count` tensors and what each is called. The callee owns them.
void lerobot_wm_call(
    const char *function, const char *request, const char *const *names, const wm_tensor *tensors, int32_t count,
    lerobot_wm_take take, void *taker);

/// Copies what an environment's cameras see, one after another, each [height, width, 3], and its state.
///
/// `take` is called once, with an empty answer or a failure.
void lerobot_wm_observe(
    int64_t environment, uint8_t *images, int64_t image_bytes, float *state, int64_t state_count, lerobot_wm_take take,
    void *taker);

/// Releases an object that a function has given the number of.
void lerobot_wm_release(int64_t object);

#ifdef __cplusplus
}
#endif
