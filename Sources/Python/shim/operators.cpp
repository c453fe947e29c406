// The functions of liblerobot_wm.so as operators of torch's dispatcher: lerobot_wm::NAME(str request, str[] names,
// Tensor[] tensors) -> (str, Tensor[]). Each is a composite of libtorch's own operators, so autograd records those.
#include "lerobot_wm.h"

#include "../../Engines/Loading/shim/shim.hpp"

#include <torch/library.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using TensorPointer = c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>;
using Call = decltype(&lerobot_wm_call);

struct Answer {
  std::string text;
  std::vector<at::Tensor> tensors;
  bool failed = false;
};

void take(void *taker, const char *text, const wm_tensor *tensors, int32_t count) {
  auto &answer = *static_cast<Answer *>(taker);
  answer.text = text;
  answer.failed = count < 0;
  for (int32_t i = 0; i < count; i++)
    answer.tensors.emplace_back(TensorPointer::reclaim_copy(reinterpret_cast<at::TensorImpl *>(tensors[i])));
}

/// Whether the core has a name for a tensor's kind: dense, of ordinary numbers, on the CPU or a GPU.
bool is_readable(const at::Tensor &tensor) {
  if (!tensor.defined() || tensor.layout() != at::kStrided || !(tensor.is_cpu() || tensor.is_cuda())) return false;
  switch (tensor.scalar_type()) {
    case at::kByte: case at::kChar: case at::kShort: case at::kInt: case at::kLong: case at::kBool:
    case at::kHalf: case at::kBFloat16: case at::kFloat: case at::kDouble: return true;
    default: return false;
  }
}

/// Calls the function that an operator is named after.
class Kernel : public c10::OperatorKernel {
 public:
  explicit Kernel(Call call) : call_(call) {}

  void operator()(const c10::OperatorHandle &handle, c10::DispatchKeySet, torch::jit::Stack *stack) {
    auto tensors = torch::jit::pop(*stack).toTensorVector();
    auto list = torch::jit::pop(*stack), request = torch::jit::pop(*stack);
    auto names = list.toListRef();
    TORCH_CHECK(names.size() == tensors.size(), names.size(), " names do not name ", tensors.size(), " tensors");
    std::vector<const char *> texts;
    for (size_t i = 0; i < names.size(); i++) {
      texts.push_back(names[i].toStringRef().c_str());
      TORCH_CHECK(
          is_readable(tensors[i]), texts[i], " is a ", tensors[i].toString(), " of the layout ", tensors[i].layout(),
          "; give a dense tensor of real numbers on the CPU or a GPU");
    }
    std::vector<wm_tensor> given;
    for (auto &tensor : tensors) given.push_back(reinterpret_cast<wm_tensor>(tensor.unsafeReleaseTensorImpl()));
    auto function = handle.operator_name().name.substr(sizeof "lerobot_wm::" - 1);
    Answer answer;
    call_(function.c_str(), request.toStringRef().c_str(), texts.data(), given.data(), (int32_t)given.size(), take, &answer);
    TORCH_CHECK(!answer.failed, answer.text);
    torch::jit::push(*stack, std::move(answer.text), std::move(answer.tensors));
  }

 private:
  Call call_;
};

}  // namespace

/// Defines the operators for the rest of the process; returns NULL, or why that failed.
EXPORT const char *lerobot_wm_define_operators(const char *const *names, int count, Call call) {
  bool defined = guarded(false, [&] {
    // Never deleted: torch's own end may come after this library's.
    auto library = new torch::Library(torch::Library::DEF, "lerobot_wm", std::nullopt, __FILE__, __LINE__);
    for (int i = 0; i < count; i++)
      library->def(
          (std::string(names[i]) + "(str request, str[] names, Tensor[] tensors) -> (str, Tensor[])").c_str(),
          torch::CppFunction::makeFromBoxedFunctor(std::make_unique<Kernel>(call)));
    return true;
  });
  return defined ? nullptr : last_error_text.c_str();
}
