import LibTorch

/// `x · Wᵀ + b`.
public struct Linear {
  /// [out, in]
  public private(set) var weight: Tensor
  /// [out], or none.
  public let bias: Tensor?
  private let adapter: LowRankAdapter?
  /// Whether an adapter changes what it gives.
  var isAdapted: Bool { adapter != nil }

  /// Builds it from `weight` and `bias` of a scope, and its adapter where the store has one for it.
  public init(
    _ scope: ParameterScope, inputs: Int, outputs: Int, bias hasBias: Bool = true,
    weights: Initializer? = nil, biases: Initializer? = nil
  ) throws {
    try self.init(scope, inputs: inputs, outputs: outputs, bias: hasBias, weights: weights, biases: biases, at: .alone)
  }

  /// A layer without bias that is kept for its file and not applied: its weight stays there if it may.
  public init(kept scope: ParameterScope, inputs: Int, outputs: Int, weights: Initializer) throws {
    try self.init(
      scope, inputs: inputs, outputs: outputs, bias: false, weights: weights, biases: nil, at: .table)
  }

  /// The same with its weight in a place of its own kind.
  init(
    _ scope: ParameterScope, inputs: Int, outputs: Int, bias hasBias: Bool, weights: Initializer?,
    biases: Initializer?, at place: ParameterPlace
  ) throws {
    weight = try scope.parameter("weight", [outputs, inputs], weights ?? .fanIn(inputs), place)
    bias = hasBias ? try scope.parameter("bias", [outputs], biases ?? .fanIn(inputs)) : nil
    adapter = try scope.adapter(inputs: inputs, outputs: outputs)
  }

  /// […, in] → […, out]
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let output = try input.linear(weight, bias)
    return try adapter.map { try output + $0(input) } ?? output
  }

  /// The same for several inputs in `dtype`: a weight in bfloat16 is widened to float32 once.
  public func widened(to dtype: DType) throws -> Linear {
    guard dtype == .float32, weight.dtype == .bfloat16 else { return self }
    var copy = self
    copy.weight = try weight.to(dtype)
    return copy
  }

  /// The same, and an activation after it.
  public func callAsFunction(_ input: Tensor, _ activation: Tensor.GELU) throws -> Tensor {
    guard let bias, adapter == nil else { return try self(input).gelu(activation) }
    return try input.linearGELU(weight, bias, activation)
  }
}

/// Layer normalization over the last dimension.
public struct LayerNorm {
  /// [width]
  public let weight: Tensor
  let bias: Tensor
  let epsilon: Double

  /// Builds it from `weight` and `bias` of a scope.
  public init(_ scope: ParameterScope, width: Int, epsilon: Double = 1e-5) throws {
    weight = try scope.parameter("weight", [width], .ones)
    bias = try scope.parameter("bias", [width], .zeros)
    self.epsilon = epsilon
  }

  /// Any shape ending in the width → the same shape.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try input.layerNorm(weight, bias, epsilon: epsilon)
  }
}

/// Division by the root mean square of the last dimension (Llama's normalization), computed in float32.
public struct RMSNorm {
  public let weight: Tensor
  let epsilon: Double

  /// Builds it from `weight` of a scope.
  public init(_ scope: ParameterScope, width: Int, epsilon: Double) throws {
    weight = try scope.parameter("weight", [width], .ones)
    self.epsilon = epsilon
  }

  /// Any shape ending in the width → the same shape.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try input.rmsNorm(weight, epsilon: epsilon)
  }
}

/// A table of vectors looked up by number.
public struct Embedding {
  /// [rows, width]
  public let weight: Tensor
  let paddingIndex: Int?

  /// Builds it from `weight` of a scope; the row `paddingIndex` gets no gradient.
  public init(
    _ scope: ParameterScope, rows: Int, width: Int, paddingIndex: Int? = nil,
    weights: Initializer = .normal(standardDeviation: 1)
  ) throws {
    weight = try scope.table("weight", [rows, width], weights)
    self.paddingIndex = paddingIndex
  }

  /// Indices (int64) of any shape → that shape + [width].
  public func callAsFunction(_ indices: Tensor) throws -> Tensor {
    try weight.embeddings(at: indices, paddingIndex: paddingIndex)
  }
}

/// Images cut into square patches, each projected to a vector: a convolution whose stride is its kernel.
public struct PatchEmbedding2D {
  let weight: Tensor
  let bias: Tensor
  /// A patch's side in pixels.
  public let patchSize: Int

  /// Builds it from `weight` and `bias` of a scope.
  public init(
    _ scope: ParameterScope, channels: Int, width: Int, patchSize: Int, weights: Initializer? = nil,
    biases: Initializer? = nil
  ) throws {
    let fanIn = channels * patchSize * patchSize
    weight = try scope.parameter("weight", [width, channels, patchSize, patchSize], weights ?? .fanIn(fanIn))
    bias = try scope.parameter("bias", [width], biases ?? .fanIn(fanIn))
    self.patchSize = patchSize
  }

  /// [B, C, H, W] → [B, patches, width], row by row.
  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    guard images.device == .cpu else { return try patches(of: images).linear(weight.flattened(from: 1), bias) }
    // Contiguous, or every sum and normalization after it would walk through memory in strides.
    return try images.convolution2D(weight, bias, stride: patchSize).flattened(from: 2).transposed(1, 2).contiguous()
  }

  /// [B, C, H, W] → [B, patches, C · side · side]: on GPUs the product is 20 times faster than the convolution of three
  /// channels, which does not run on their matrix units.
  private func patches(of images: Tensor) throws -> Tensor {
    let (batch, channels) = (images.size(0), images.size(1))
    let (rows, columns) = (images.size(2) / patchSize, images.size(3) / patchSize)
    return try images.slice(dimension: 2, 0..<rows * patchSize).slice(dimension: 3, 0..<columns * patchSize)
      .reshaped([batch, channels, rows, patchSize, columns, patchSize]).permuted([0, 2, 4, 1, 3, 5])
      .reshaped([batch, rows * columns, channels * patchSize * patchSize])
  }
}

/// Clips cut into tubelets of square patches, each projected to a vector.
public struct PatchEmbedding3D {
  let weight: Tensor
  let bias: Tensor
  let stride: [Int]

  /// Builds it from `weight` and `bias` of a scope.
  public init(
    _ scope: ParameterScope, channels: Int, width: Int, tubeletSize: Int, patchSize: Int
  ) throws {
    let fanIn = channels * tubeletSize * patchSize * patchSize
    weight = try scope.parameter("weight", [width, channels, tubeletSize, patchSize, patchSize], .fanIn(fanIn))
    bias = try scope.parameter("bias", [width], .fanIn(fanIn))
    stride = [tubeletSize, patchSize, patchSize]
  }

  /// [B, C, T, H, W] → [B, tubelets · patches, width], frame by frame, row by row.
  public func callAsFunction(_ clips: Tensor) throws -> Tensor {
    try clips.convolution3D(weight, bias, stride: stride).flattened(from: 2).transposed(1, 2).contiguous()
  }
}
