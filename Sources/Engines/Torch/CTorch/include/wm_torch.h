// The C interface of libtorch. Implemented by shim/torch.cpp, which is compiled once per torch version and opened at run
// time; both sides share only this header.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// An owned reference to a tensor.
typedef struct wm_tensor_s *wm_tensor;

/// Recorded work of a GPU.
typedef struct wm_graph_s *wm_graph;

typedef enum {
  WM_NONE = 0,
  WM_TENSOR,
  WM_INT,
  WM_DOUBLE,
  WM_BOOL,
  WM_TENSOR_LIST,
  WM_INT_LIST,
  WM_STRING,
  WM_DEVICE,
  /// An empty list of optional numbers.
  WM_NO_SCALARS,
} wm_kind;

/// One argument of an operator, borrowed for the call. Omitted trailing arguments take the schema's defaults.
typedef struct {
  int32_t kind;
  int32_t count;
  union {
    wm_tensor tensor;
    int64_t integer;
    double real;
    const wm_tensor *tensors;
    const int64_t *integers;
    const char *text;
  } value;
} wm_value;

typedef struct {
  int32_t rank, dtype, device_type, device_index, requires_grad, is_leaf, is_contiguous;
  int64_t element_count, byte_count;
} wm_tensor_info;

/// An operator on the CPU, or a piece of work on a GPU; times are nanoseconds since 1970.
typedef struct {
  const char *name;
  /// -1 for the CPU.
  int32_t device_index;
  /// The system's number of the thread, or the stream's.
  int64_t row;
  int64_t start, end;
} wm_profiler_event;

/// X(result, name, parameters): every function of the table, in order. Pointers and ints report failure as NULL or -1;
/// `last_error` then holds libtorch's text for this thread.
#define WM_TORCH_FUNCTIONS(X)                                                                       \
  X(const char *, last_error, (void))                                                               \
  X(const char *, version, (void))                                                                  \
  X(int64_t, compiled_abi, (void))                                                                  \
  X(int64_t, loaded_abi, (void))                                                                    \
  X(int, device_count, (void))                                                                      \
  X(int, synchronize, (int device_index))                                                           \
  X(int64_t, peak_memory, (int device_index))                                                       \
  X(void, set_thread_count, (int count))                                                            \
  X(int, thread_count, (void))                                                                      \
  X(int, set_grad_enabled, (int enabled))                                                           \
  X(int, set_autocast, (int device_type, int dtype))                                                \
  X(void, allow_tf32, (int allowed))                                                                \
  X(void, release, (wm_tensor tensor))                                                              \
  X(int, call, (const char *op, const wm_value *args, int count, wm_tensor *results, int capacity)) \
  X(wm_tensor, joined_linear,                                                                       \
    (wm_tensor input, wm_tensor joined, wm_tensor bias, const wm_tensor *weights, int count))       \
  X(wm_tensor, rotate, (wm_tensor input, wm_tensor cosines, wm_tensor sines))                       \
  X(void, info, (wm_tensor tensor, wm_tensor_info *info))                                           \
  X(void, sizes, (wm_tensor tensor, int64_t *sizes))                                                \
  X(void *, data, (wm_tensor tensor))                                                               \
  X(wm_tensor, from_blob,                                                                           \
    (void *bytes, const int64_t *sizes, int rank, int dtype, void (*release)(void *), void *owner)) \
  X(int, item, (wm_tensor tensor, double *value))                                                   \
  X(int, set_requires_grad, (wm_tensor tensor, int enabled))                                        \
  X(int, backward, (wm_tensor tensor))                                                              \
  X(wm_tensor, grad, (wm_tensor tensor))                                                            \
  X(int, clear_grad, (wm_tensor tensor))                                                            \
  X(int, records_graphs, (void))                                                                    \
  X(wm_graph, begin_graph, (int device_index))                                                      \
  X(int, end_graph, (wm_graph graph))                                                               \
  X(int, replay_graph, (wm_graph graph))                                                            \
  X(void, release_graph, (wm_graph graph))                                                          \
  X(int, start_profiler, (void))                                                                    \
  X(int, stop_profiler, (void (*visit)(void *, const wm_profiler_event *), void *owner))

#define WM_FIELD(result, name, parameters) result(*name) parameters;
typedef struct {
  WM_TORCH_FUNCTIONS(WM_FIELD)
} wm_torch_api;
#undef WM_FIELD

/// The functions' names in table order, and how many there are.
const char *const *wm_torch_function_names(int *count);

#ifdef __cplusplus
}
#endif
