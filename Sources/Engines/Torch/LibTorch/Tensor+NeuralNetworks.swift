extension Tensor {
  public enum GELU: Sendable { case exact, tanh }

  /// Matrix product of the last two dimensions, batched over the others.
  public func matmul(_ other: Tensor) throws -> Tensor { try call("aten::matmul", .tensor(self), .tensor(other)) }

  /// `self · weightᵀ + bias`; weight [out, in], bias [out].
  ///
  /// A weight in bfloat16 is widened for float32 numbers; a frozen one without keeping the wide copy for the gradients. A
  /// trained one in float32 is rounded for bfloat16 numbers.
  public func linear(_ weight: Tensor, _ bias: Tensor?) throws -> Tensor {
    if dtype == .bfloat16, weight.dtype == .float32, weight.requiresGrad {
      return try linear(weight.to(.bfloat16), bias?.to(.bfloat16))
    }
    guard dtype == .float32, weight.dtype == .bfloat16 else {
      return try call("aten::linear", .tensor(self), .tensor(weight), .optional(bias))
    }
    guard !weight.requiresGrad, bias?.requiresGrad != true else {
      return try linear(weight.to(.float32), bias?.to(.float32))
    }
    return try linear(joined: weight, bias, of: [])
  }

  /// `self · joinedᵀ + bias`, where the gradients by `joined`, whose rows are those of `weights` and the same memory, go to
  /// these; neither `joined` nor `bias` gets any.
  public func linear(joined: Tensor, _ bias: Tensor?, of weights: [Tensor]) throws -> Tensor {
    let handles: [OpaquePointer?] = weights.map(\.handle)
    let result = withExtendedLifetime(weights) {
      api.joined_linear(handle, joined.handle, bias?.handle, handles, Int32(handles.count))
    }
    guard let result else { throw api.lastError }
    return Tensor(owning: result)
  }

  /// `x · cosines + exchanged(x) · sines`, where the halves of the last dimension have changed places, in float32 and rounded
  /// to the type of `self`. The first half of the sines is the negative of the second, and neither factor gets a gradient.
  public func rotated(cosines: Tensor, sines: Tensor) throws -> Tensor {
    guard let result = api.rotate(handle, cosines.handle, sines.handle) else { throw api.lastError }
    return Tensor(owning: result)
  }

  /// `gelu(self · weightᵀ + bias)`; weight [out, in], bias [out].
  ///
  /// Where no gradient is recorded, in the product's own memory, and on a CPU in bfloat16 one kernel: the function is applied
  /// before its argument is rounded and leaves the caches. (In float32 that kernel is off by 1e-6.)
  public func linearGELU(_ weight: Tensor, _ bias: Tensor, _ form: GELU) throws -> Tensor {
    guard ![self, weight, bias].contains(where: \.requiresGrad) else { return try linear(weight, bias).gelu(form) }
    guard device == .cpu, dtype == .bfloat16, weight.dtype == .bfloat16, Self.fusesLinearGELU else {
      return try call("aten::gelu_", .tensor(linear(weight, bias)), .text(form == .tanh ? "tanh" : "none"))
    }
    return try fusedLinearGELU(weight, bias, form)
  }

  private func fusedLinearGELU(_ weight: Tensor, _ bias: Tensor, _ form: GELU) throws -> Tensor {
    try call(
      "mkldnn::_linear_pointwise", .tensor(self), .tensor(weight), .tensor(bias), .text("gelu"), .noScalars,
      .text(form == .tanh ? "tanh" : "none"))
  }

  /// Whether this libtorch has the kernel for this processor.
  private static let fusesLinearGELU =
    (try? Tensor.ones([1, 16], dtype: .bfloat16).fusedLinearGELU(
      .ones([16, 16], dtype: .bfloat16), .ones([16], dtype: .bfloat16), .tanh)) != nil

  /// 2-D convolution of [B, C, H, W] with weight [out, C, kh, kw].
  public func convolution2D(_ weight: Tensor, _ bias: Tensor?, stride: Int) throws -> Tensor {
    try call("aten::conv2d", .tensor(self), .tensor(weight), .optional(bias), .ints([stride, stride]))
  }

  /// 3-D convolution of [B, C, T, H, W] with weight [out, C, kt, kh, kw].
  public func convolution3D(_ weight: Tensor, _ bias: Tensor?, stride: [Int]) throws -> Tensor {
    try call("aten::conv3d", .tensor(self), .tensor(weight), .optional(bias), .ints(stride))
  }

  /// Embedding lookup: `self` [rows, width], indices of any shape → indices' shape + [width].
  ///
  /// The row `paddingIndex` gets no gradient.
  public func embeddings(at indices: Tensor, paddingIndex: Int? = nil) throws -> Tensor {
    try call("aten::embedding", .tensor(self), .tensor(indices), .int(paddingIndex ?? -1))
  }

  /// Layer normalization over the last dimension.
  public func layerNorm(_ weight: Tensor?, _ bias: Tensor?, epsilon: Double) throws -> Tensor {
    try call("aten::layer_norm", .tensor(self), .ints([size(-1)]), .optional(weight), .optional(bias), .double(epsilon))
  }

  /// Division by the root mean square of the last dimension.
  public func rmsNorm(_ weight: Tensor, epsilon: Double) throws -> Tensor {
    try call("aten::rms_norm", .tensor(self), .ints([size(-1)]), .tensor(weight), .double(epsilon))
  }

  public func softmax(dimension: Int) throws -> Tensor {
    try call("aten::softmax.int", .tensor(self), .int(dimension))
  }

  /// Attention of queries [B, H, Q, D] to keys and values [B, H, K, D]; `mask` is added to the scores, or, if bool,
  /// selects the visible keys.
  ///
  /// Always the fused kernel: in bfloat16 on a CPU two products with a softmax between are faster (14 ms, not 24, for 12 heads
  /// of 64 and 1,024 tokens on two cores), but round the scores, and with scores of 4 the result is off by 1 %, not 0.2 %.
  public static func attention(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor? = nil, scale: Double? = nil
  ) throws -> Tensor {
    try call(
      "aten::scaled_dot_product_attention", .tensor(queries), .tensor(keys), .tensor(values), .optional(mask),
      .double(0), .bool(false), scale.map(Argument.double) ?? .none)
  }

  public func gelu(_ form: GELU) throws -> Tensor {
    try call("aten::gelu", .tensor(self), .text(form == .tanh ? "tanh" : "none"))
  }

  /// `x · sigmoid(x)`.
  public func silu() throws -> Tensor { try call("aten::silu", .tensor(self)) }

  /// `1 / (1 + exp(-x))`.
  public func sigmoid() throws -> Tensor { try call("aten::sigmoid", .tensor(self)) }

  /// `max(x, 0)`.
  public func relu() throws -> Tensor { try call("aten::relu", .tensor(self)) }

  /// For each value, the index of the first of the ascending `boundaries` [N] that is larger.
  public func bucketize(_ boundaries: Tensor) throws -> Tensor {
    try call("aten::bucketize.Tensor", .tensor(self), .tensor(boundaries), .bool(false), .bool(true))
  }

  /// [B, C, H, W] resized to [height, width], bilinear without antialiasing, `align_corners=false`.
  public func resizedBilinear(height: Int, width: Int) throws -> Tensor {
    try call("aten::upsample_bilinear2d", .tensor(self), .ints([height, width]), .bool(false))
  }

  /// [B, C, H, W] resized to [height, width], bicubic, `align_corners=false`; `antialias` averages
  /// when it shrinks an image.
  public func resizedBicubic(height: Int, width: Int, antialias: Bool) throws -> Tensor {
    try call(
      antialias ? "aten::_upsample_bicubic2d_aa" : "aten::upsample_bicubic2d", .tensor(self), .ints([height, width]),
      .bool(false))
  }
}
