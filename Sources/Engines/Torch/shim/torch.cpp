// libtorch behind wm_torch.h: one boxed call by operator name, plus what the dispatcher does not offer.
#include "wm_torch.h"

#include "../../Loading/shim/shim.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/version.h>

// Newer torch records the work of any device. Older torch needs the headers of CUDA's own toolkit; with neither nothing is
// recorded.
#if __has_include(<ATen/accelerator/Graph.h>)
#include <ATen/accelerator/Graph.h>
using Graph = at::accelerator::Graph;
#define RECORDS_GRAPHS
#elif __has_include(<ATen/cuda/CUDAGraph.h>) && __has_include(<cuda_runtime_api.h>) && __has_include(<crt/host_config.h>)
#include <ATen/cuda/CUDAGraph.h>
using Graph = at::cuda::CUDAGraph;
#define RECORDS_GRAPHS
#endif

#if __has_include(<c10/core/CachingDeviceAllocator.h>) && (TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 9)
#include <c10/core/CachingDeviceAllocator.h>
#define REPORTS_MEMORY
#endif

#include <malloc.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace {

// Otherwise glibc takes fresh pages, which the system fills with zeros, for every large tensor: a tenth of a step on a CPU.
__attribute__((constructor)) void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

using TensorPointer = c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>;

at::TensorImpl *implementation(wm_tensor handle) { return reinterpret_cast<at::TensorImpl *>(handle); }

at::Tensor borrow(wm_tensor handle) {
  return handle ? at::Tensor(TensorPointer::reclaim_copy(implementation(handle))) : at::Tensor();
}

wm_tensor give(at::Tensor &&tensor) {
  return tensor.defined() ? reinterpret_cast<wm_tensor>(tensor.unsafeReleaseTensorImpl()) : nullptr;
}

/// As `guarded`, with libtorch's messages cut before their C++ backtraces.
template <typename Result, typename Body>
Result guarded_call(Result failure, Body body) {
  return guarded(failure, [&] {
    try {
      return body();
    } catch (const c10::Error &error) {
      throw std::runtime_error(error.what_without_backtrace());
    }
  });
}

/// Operators are looked up once per call site: the Swift side passes string literals, so the address is the key.
const c10::OperatorHandle &find_operator(const char *name) {
  thread_local std::unordered_map<const char *, c10::OperatorHandle> known;
  auto found = known.find(name);
  if (found != known.end()) return found->second;
  std::string text(name);
  auto dot = text.find('.');
  auto base = text.substr(0, dot), overload = dot == std::string::npos ? "" : text.substr(dot + 1);
  auto handle = c10::Dispatcher::singleton().findSchema({base, overload});
  TORCH_CHECK(handle.has_value(), "libtorch ", TORCH_VERSION, " has no operator ", text);
  return known.emplace(name, *handle).first->second;
}

c10::IValue unpack(const wm_value &argument) {
  switch (argument.kind) {
    case WM_TENSOR: return borrow(argument.value.tensor);
    case WM_INT: return argument.value.integer;
    case WM_DOUBLE: return argument.value.real;
    case WM_BOOL: return argument.value.integer != 0;
    case WM_STRING: return std::string(argument.value.text);
    case WM_DEVICE: return c10::Device(std::string(argument.value.text));
    case WM_INT_LIST: {
      c10::List<int64_t> list;
      list.reserve(argument.count);
      for (int i = 0; i < argument.count; i++) list.push_back(argument.value.integers[i]);
      return list;
    }
    case WM_TENSOR_LIST: {
      c10::List<at::Tensor> list;
      list.reserve(argument.count);
      for (int i = 0; i < argument.count; i++) list.push_back(borrow(argument.value.tensors[i]));
      return list;
    }
    case WM_NO_SCALARS: return c10::List<std::optional<at::Scalar>>();
    default: return c10::IValue();
  }
}

/// The type that a linear layer of this input computes in.
at::ScalarType product_type(const at::Tensor &input) {
  auto device = input.device().type();
  return at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : input.scalar_type();
}

/// One linear layer whose weight is the rows of several, which lie side by side in it and get the gradients; without any the
/// weight is frozen. A wide copy of the weight is not kept for the gradients.
struct JoinedLinear : torch::autograd::Function<JoinedLinear> {
  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &input, at::TensorList weights, const at::Tensor &joined,
      const std::optional<at::Tensor> &bias) {
    auto type = product_type(input);
    auto factor = input.to(type), weight = joined.to(type);
    std::vector<int64_t> rows;
    bool is_trained = false;
    for (const auto &part : weights) {
      rows.push_back(part.size(0));
      is_trained = is_trained || part.requires_grad();
    }
    if (context) {
      context->saved_data["rows"] = rows;
      context->save_for_backward(
          {is_trained ? factor : at::Tensor(), joined.itemsize() < weight.itemsize() ? joined : weight});
    }
    return at::linear(factor, weight, bias ? std::optional(bias->to(type)) : bias);
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto rows = context->saved_data["rows"].toIntVector();
    const auto &gradient = gradients[0];
    torch::autograd::variable_list results(rows.size() + 3);
    if (context->needs_input_grad(0)) results[0] = gradient.matmul(saved[1].to(gradient.scalar_type()));
    if (!saved[0].defined()) return results;
    auto whole = gradient.flatten(0, -2).t().mm(saved[0].flatten(0, -2)).to(at::kFloat).split_with_sizes(rows);
    for (size_t i = 0; i < rows.size(); i++)
      if (context->needs_input_grad(i + 1)) results[i + 1] = whole[i];
    return results;
  }
};

/// Halves of the last dimension turned against each other; the first half of the sines is negative.
struct Rotation : torch::autograd::Function<Rotation> {
  static at::Tensor turned(const at::Tensor &input, const at::Tensor &cosines, const at::Tensor &sines, double direction) {
    auto exchanged = input.roll(input.size(-1) / 2, -1);
    return (input * cosines).add_(exchanged * sines, direction).to(input.scalar_type());
  }

  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &input, const at::Tensor &cosines,
      const at::Tensor &sines) {
    context->save_for_backward({cosines, sines});
    return turned(input, cosines, sines, 1);
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    return {turned(gradients[0], saved[0], saved[1], -1), at::Tensor(), at::Tensor()};
  }
};

#ifdef RECORDS_GRAPHS
/// A graph, and the stream that the thread had before the recording.
struct Recording {
  Graph graph;
  c10::Stream before;
};
#endif

}  // namespace

EXPORT const char *wm_torch_last_error(void) { return last_error_text.c_str(); }
EXPORT const char *wm_torch_version(void) { return TORCH_VERSION; }
EXPORT int64_t wm_torch_compiled_abi(void) { return TORCH_ABI_VERSION; }
EXPORT int64_t wm_torch_loaded_abi(void) { return aoti_torch_abi_version(); }

EXPORT int wm_torch_device_count(void) {
  return guarded_call(0, [] {
    if (!c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) return 0;
    return (int)c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount();
  });
}

EXPORT int wm_torch_synchronize(int index) {
  return guarded_call(-1, [&] {
    c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).synchronizeDevice(index);
    return 0;
  });
}

EXPORT int64_t wm_torch_peak_memory(int index) {
  return guarded_call((int64_t)-1, [&]() -> int64_t {
#ifdef REPORTS_MEMORY
    auto stats = c10::getDeviceAllocator(c10::DeviceType::CUDA)->getDeviceStats((c10::DeviceIndex)index);
    return stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
#else
    TORCH_CHECK(false, "libtorch ", TORCH_VERSION, " does not say how much memory it uses; 2.9 does");
#endif
  });
}

EXPORT void wm_torch_set_thread_count(int count) { at::set_num_threads(count); }
EXPORT int wm_torch_thread_count(void) { return at::get_num_threads(); }

EXPORT int wm_torch_set_grad_enabled(int enabled) {
  bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(enabled != 0);
  return before;
}

/// Sets the type that PyTorch's autocast computes in on this thread, -1 for none, and returns the one before.
EXPORT int wm_torch_set_autocast(int device_type, int dtype) {
  auto device = (at::DeviceType)device_type;
  int before = at::autocast::is_autocast_enabled(device) ? (int)at::autocast::get_autocast_dtype(device) : -1;
  if (dtype >= 0) at::autocast::set_autocast_dtype(device, (at::ScalarType)dtype);
  // Casts of parameters are kept until the last user has left.
  if (before < 0 && dtype >= 0) at::autocast::increment_nesting();
  if (before >= 0 && dtype < 0 && at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device, dtype >= 0);
  return before;
}

EXPORT void wm_torch_allow_tf32(int allowed) {
  at::globalContext().setAllowTF32CuBLAS(allowed != 0);
  at::globalContext().setAllowTF32CuDNN(allowed != 0);
}

EXPORT void wm_torch_release(wm_tensor handle) {
  if (handle) TensorPointer::reclaim(implementation(handle));
}

EXPORT int wm_torch_call(const char *name, const wm_value *arguments, int count, wm_tensor *results, int capacity) {
  return guarded_call(-1, [&] {
    const auto &handle = find_operator(name);
    const auto &parameters = handle.schema().arguments();
    torch::jit::Stack stack;
    stack.reserve(parameters.size() + 2);
    for (int i = 0; i < count; i++) stack.push_back(unpack(arguments[i]));
    for (size_t i = count; i < parameters.size(); i++) {
      const auto &fallback = parameters[i].default_value();
      TORCH_CHECK(fallback.has_value(), name, " needs argument ", parameters[i].name());
      stack.push_back(*fallback);
    }
    handle.callBoxed(stack);
    int produced = 0;
    auto keep = [&](at::Tensor &&tensor) {
      TORCH_CHECK(produced < capacity, name, " returns more tensors than expected");
      results[produced++] = give(std::move(tensor));
    };
    for (auto &value : stack) {
      if (value.isTensor()) keep(std::move(value).toTensor());
      else if (value.isTensorList())
        for (auto tensor : value.toTensorVector()) keep(std::move(tensor));
    }
    return produced;
  });
}

EXPORT wm_tensor wm_torch_joined_linear(
    wm_tensor input, wm_tensor joined, wm_tensor bias, const wm_tensor *weights, int count) {
  return guarded_call((wm_tensor) nullptr, [&] {
    std::vector<at::Tensor> parts;
    for (int i = 0; i < count; i++) parts.push_back(borrow(weights[i]));
    auto shift = bias ? std::optional(borrow(bias)) : std::nullopt;
    if (!at::GradMode::is_enabled()) return give(JoinedLinear::forward(nullptr, borrow(input), parts, borrow(joined), shift));
    return give(JoinedLinear::apply(borrow(input), at::TensorList(parts), borrow(joined), shift));
  });
}

EXPORT wm_tensor wm_torch_rotate(wm_tensor input, wm_tensor cosines, wm_tensor sines) {
  return guarded_call((wm_tensor) nullptr, [&] {
    if (!at::GradMode::is_enabled()) return give(Rotation::turned(borrow(input), borrow(cosines), borrow(sines), 1));
    return give(Rotation::apply(borrow(input), borrow(cosines), borrow(sines)));
  });
}

EXPORT void wm_torch_info(wm_tensor handle, wm_tensor_info *info) {
  at::Tensor tensor = borrow(handle);
  info->rank = (int32_t)tensor.dim();
  info->dtype = (int32_t)tensor.scalar_type();
  info->device_type = (int32_t)tensor.device().type();
  info->device_index = tensor.device().index();
  info->requires_grad = tensor.requires_grad();
  info->is_leaf = tensor.is_leaf();
  info->is_contiguous = tensor.is_contiguous();
  info->element_count = tensor.numel();
  info->byte_count = (int64_t)tensor.nbytes();
}

EXPORT void wm_torch_sizes(wm_tensor handle, int64_t *sizes) {
  for (int64_t size : implementation(handle)->sizes()) *sizes++ = size;
}

EXPORT void *wm_torch_data(wm_tensor handle) {
  return guarded_call((void *)nullptr, [&] { return borrow(handle).data_ptr(); });
}

EXPORT wm_tensor wm_torch_from_blob(
    void *bytes, const int64_t *sizes, int rank, int dtype, void (*release)(void *), void *owner) {
  return guarded_call((wm_tensor) nullptr, [&] {
    auto options = at::TensorOptions().dtype((at::ScalarType)dtype);
    return give(at::from_blob(bytes, at::IntArrayRef(sizes, rank), [=](void *) { release(owner); }, options));
  });
}

EXPORT int wm_torch_records_graphs(void) {
#ifdef RECORDS_GRAPHS
  return wm_torch_device_count() > 0;
#else
  return 0;
#endif
}

/// From here on this thread's work on the device is recorded and not done.
EXPORT wm_graph wm_torch_begin_graph(int index) {
  return guarded_call((wm_graph) nullptr, [&]() -> wm_graph {
#ifdef RECORDS_GRAPHS
    c10::impl::VirtualGuardImpl device(c10::DeviceType::CUDA);
    auto place = c10::Device(c10::DeviceType::CUDA, (c10::DeviceIndex)index);
    // The default stream cannot be recorded, and what was queued on it must be done.
    device.synchronizeDevice(place.index());
    auto before = device.exchangeStream(device.getStreamFromGlobalPool(place));
    auto recording = std::unique_ptr<Recording>(new Recording{{}, before});
    try {
      recording->graph.capture_begin();
    } catch (...) {
      device.exchangeStream(before);
      throw;
    }
    return reinterpret_cast<wm_graph>(recording.release());
#else
    TORCH_CHECK(false, "libtorch ", TORCH_VERSION, " records no graphs here");
#endif
  });
}

EXPORT int wm_torch_end_graph(wm_graph handle) {
  return guarded_call(-1, [&] {
#ifdef RECORDS_GRAPHS
    auto recording = reinterpret_cast<Recording *>(handle);
    c10::impl::VirtualGuardImpl device(c10::DeviceType::CUDA);
    try {
      recording->graph.capture_end();
    } catch (...) {
      device.exchangeStream(recording->before);
      throw;
    }
    device.exchangeStream(recording->before);
#endif
    return 0;
  });
}

EXPORT int wm_torch_replay_graph(wm_graph handle) {
  return guarded_call(-1, [&] {
#ifdef RECORDS_GRAPHS
    reinterpret_cast<Recording *>(handle)->graph.replay();
#endif
    return 0;
  });
}

EXPORT void wm_torch_release_graph(wm_graph handle) {
#ifdef RECORDS_GRAPHS
  delete reinterpret_cast<Recording *>(handle);
#endif
}

EXPORT int wm_torch_item(wm_tensor handle, double *value) {
  return guarded_call(-1, [&] {
    *value = borrow(handle).item().toDouble();
    return 0;
  });
}

EXPORT int wm_torch_set_requires_grad(wm_tensor handle, int enabled) {
  return guarded_call(-1, [&] {
    borrow(handle).set_requires_grad(enabled != 0);
    return 0;
  });
}

EXPORT int wm_torch_backward(wm_tensor handle) {
  return guarded_call(-1, [&] {
    borrow(handle).backward();
    return 0;
  });
}

EXPORT wm_tensor wm_torch_grad(wm_tensor handle) {
  return guarded_call((wm_tensor) nullptr, [&] {
    at::Tensor gradient = borrow(handle).grad();
    return give(std::move(gradient));
  });
}

EXPORT int wm_torch_clear_grad(wm_tensor handle) {
  return guarded_call(-1, [&] {
    borrow(handle).mutable_grad().reset();
    return 0;
  });
}

/// Records the operators of this thread and of autograd's, and what they start on GPUs.
EXPORT int wm_torch_start_profiler(void) {
  return guarded_call(-1, [] {
    using namespace torch::profiler::impl;
    std::set<ActivityType> activities{ActivityType::CPU};
    if (wm_torch_device_count() > 0) activities.insert(ActivityType::CUDA);
    ProfilerConfig config(ProfilerState::KINETO);
    torch::autograd::profiler::prepareProfiler(config, activities);
    torch::autograd::profiler::enableProfiler(config, activities);
    return 0;
  });
}

/// Call on the thread that started it.
EXPORT int wm_torch_stop_profiler(void (*visit)(void *, const wm_profiler_event *), void *owner) {
  return guarded_call(-1, [&] {
    // Work that is still queued belongs to the recording; a device that is not in use stays so.
    for (int index = 0; index < wm_torch_device_count(); index++)
      if (at::globalContext().getAcceleratorHooksInterface(at::kCUDA).hasPrimaryContext(index))
        c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).synchronizeDevice(index);
    auto result = torch::autograd::profiler::disableProfiler();
    for (const auto &event : result->events()) {
      std::string name = event.name();
      int device = event.deviceType() == c10::DeviceType::CPU ? -1 : event.deviceIndex();
      wm_profiler_event found{
          name.c_str(), device, event.deviceResourceId(), (int64_t)event.startNs(), (int64_t)event.endNs()};
      visit(owner, &found);
    }
    return 0;
  });
}
