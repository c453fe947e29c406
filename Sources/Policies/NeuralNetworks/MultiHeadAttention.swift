import Failures
import LibTorch

/// PyTorch's `MultiheadAttention` (batch first, no dropout): one projection for queries, keys and values together.
public struct MultiHeadAttention {
  let inputWeight: Tensor
  let inputBias: Tensor
  let outputProjection: Linear
  let heads: Int
  let width: Int

  /// Builds it from `in_proj_weight`, `in_proj_bias` and `out_proj` of a scope.
  ///
  /// - Throws: where the heads do not divide the width.
  public init(_ scope: ParameterScope, width: Int, heads: Int) throws {
    guard heads > 0, width % heads == 0 else {
      throw Failure("attention: \(heads) heads do not divide the width \(width)")
    }
    inputWeight = try scope.parameter("in_proj_weight", [3 * width, width], .xavier(fanIn: width, fanOut: 3 * width))
    inputBias = try scope.parameter("in_proj_bias", [3 * width], .zeros)
    outputProjection = try Linear(scope["out_proj"], inputs: width, outputs: width, biases: .zeros)
    self.heads = heads
    self.width = width
  }

  /// Queries [B, Q, W] attend to `memory` [B, K, W] → [B, Q, W].
  public func callAsFunction(_ queries: Tensor, _ memory: Tensor) throws -> Tensor {
    let (q, k, v) = try projections(queries, memory)
    return try join(Tensor.attention(queries: q, keys: k, values: v))
  }

  /// Like the call, and the attention's weights [B, heads, Q, K] beside it.
  public func withWeights(
    _ queries: Tensor, _ memory: Tensor
  ) throws -> (output: Tensor, weights: Tensor) {
    let (q, k, v) = try projections(queries, memory)
    let scale = 1 / Double(width / heads).squareRoot()
    let weights = try (q * scale).matmul(k.transposed(2, 3)).softmax(dimension: -1)
    return (try join(weights.matmul(v)), weights)
  }

  private func projections(_ queries: Tensor, _ memory: Tensor) throws -> (Tensor, Tensor, Tensor) {
    if queries === memory {
      let parts = try queries.linear(inputWeight, inputBias).split(dimension: -1, sizes: [width, width, width])
      return (try split(parts[0]), try split(parts[1]), try split(parts[2]))
    }
    let weights = try inputWeight.split(dimension: 0, sizes: [width, 2 * width])
    let biases = try inputBias.split(dimension: 0, sizes: [width, 2 * width])
    let keysValues = try memory.linear(weights[1], biases[1]).split(dimension: -1, sizes: [width, width])
    return (try split(queries.linear(weights[0], biases[0])), try split(keysValues[0]), try split(keysValues[1]))
  }

  /// [B, L, W] → [B, heads, L, W / heads]
  private func split(_ input: Tensor) throws -> Tensor {
    try input.reshaped([input.size(0), input.size(1), heads, width / heads]).transposed(1, 2)
  }

  private func join(_ attended: Tensor) throws -> Tensor {
    try outputProjection(attended.transposed(1, 2).flattened(from: 2))
  }
}

/// PyTorch's `TransformerEncoderLayer` with `norm_first`, ReLU and no dropout.
public struct TransformerEncoderLayer {
  let attention: MultiHeadAttention
  let linear1: Linear
  let linear2: Linear
  let norm1: LayerNorm
  let norm2: LayerNorm

  /// Builds it from `self_attn`, `linear1`, `linear2`, `norm1` and `norm2` of a scope.
  public init(_ scope: ParameterScope, width: Int, heads: Int, feedForward: Int) throws {
    attention = try MultiHeadAttention(scope["self_attn"], width: width, heads: heads)
    linear1 = try Linear(scope["linear1"], inputs: width, outputs: feedForward)
    linear2 = try Linear(scope["linear2"], inputs: feedForward, outputs: width)
    norm1 = try LayerNorm(scope["norm1"], width: width)
    norm2 = try LayerNorm(scope["norm2"], width: width)
  }

  /// [B, L, width] → the same shape.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let normed = try norm1(input)
    let attended = try input + attention(normed, normed)
    return try attended + linear2(linear1(norm2(attended)).relu())
  }
}
