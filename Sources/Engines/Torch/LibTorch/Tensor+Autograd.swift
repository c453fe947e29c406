extension Tensor {
  /// Sets whether gradients are computed for this leaf.
  public func setRequiresGrad(_ enabled: Bool) throws {
    guard api.set_requires_grad(handle, enabled ? 1 : 0) == 0 else { throw api.lastError }
  }

  /// Computes the gradients of this scalar and adds them to the leaves it depends on.
  public func backward() throws {
    guard api.backward(handle) == 0 else { throw api.lastError }
  }

  /// The accumulated gradient; nil before the first `backward()` that reaches this leaf.
  public var gradient: Tensor? {
    api.grad(handle).map(Tensor.init(owning:))
  }

  public func clearGradient() throws {
    guard api.clear_grad(handle) == 0 else { throw api.lastError }
  }

  /// The same numbers without their gradient history.
  public func detached() throws -> Tensor { try call("aten::detach", .tensor(self)) }

  /// Overwrites the elements with another tensor's, converted to this one's type and device.
  public func copy(from source: Tensor) throws {
    try call("aten::copy_", .tensor(self), .tensor(source))
  }

  /// Multiplies each tensor in place by the same factor.
  public static func scale(_ tensors: [Tensor], by factor: Tensor) throws {
    try callAll("aten::_foreach_mul_.Tensor", [.tensors(tensors), .tensor(factor)], results: 0)
  }

  /// Moves each tensor in place towards another by a part of the way: a + part · (b − a).
  public static func interpolate(_ tensors: [Tensor], towards others: [Tensor], by part: Double) throws {
    guard !tensors.isEmpty else { return }
    try callAll("aten::_foreach_lerp_.Scalar", [.tensors(tensors), .tensors(others), .double(part)], results: 0)
  }

  /// One step of AdamW with decoupled weight decay, fused into one kernel; `steps` must have been advanced before.
  ///
  /// - Parameter learningRate: a scalar, float64 on a CPU and float32 on a GPU.
  public static func fusedAdamW(
    parameters: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor], steps: [Tensor],
    learningRate: Tensor, betas: (Double, Double), weightDecay: Double, epsilon: Double
  ) throws {
    try callAll(
      "aten::_fused_adamw_.tensor_lr",
      [
        .tensors(parameters), .tensors(gradients), .tensors(firstMoments), .tensors(secondMoments), .tensors([]),
        .tensors(steps), .tensor(learningRate), .double(betas.0), .double(betas.1), .double(weightDecay),
        .double(epsilon), .bool(false), .bool(false),
      ], results: 0)
  }

  /// Adds one to each tensor in place.
  public static func increment(_ tensors: [Tensor]) throws {
    try callAll("aten::_foreach_add_.Scalar", [.tensors(tensors), .int(1)], results: 0)
  }
}

/// Runs `body` without recording operations for gradients.
///
/// Synchronous on purpose: the setting is per thread and would be lost across an `await`.
public func withoutGradients<Result>(_ body: () throws -> Result) throws -> Result {
  let api = try TorchEngine.shared().api
  let before = api.set_grad_enabled(0)
  defer { _ = api.set_grad_enabled(before) }
  return try body()
}
