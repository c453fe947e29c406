import LibTorch

/// A pre-norm block of a vision transformer, whose parts its model builds: names and order are the checkpoint's.
///
/// h = x + s₁ · attention(norm₁(x)), then h + s₂ · mlp(norm₂(h)); the scales s by channel are optional.
public struct VisionTransformerBlock {
  private let norm1, norm2: LayerNorm
  private var queries, keys, values, output: Linear
  private var up, down: Linear
  private let scale1, scale2: Tensor?
  private let heads: Int
  private let activation: Tensor.GELU
  private let fusesActivation: Bool

  /// - Parameter fusesActivation: whether the activation may be part of the product before it, which rounds once less;
  ///   otherwise bfloat16 numbers are those of the two operations that transformers makes.
  public init(
    norms: (LayerNorm, LayerNorm), queries: Linear, keys: Linear, values: Linear, output: Linear, up: Linear,
    down: Linear, scales: (Tensor, Tensor)? = nil, heads: Int, activation: Tensor.GELU,
    fusesActivation: Bool = false
  ) {
    (norm1, norm2) = norms
    (self.queries, self.keys, self.values, self.output) = (queries, keys, values, output)
    (self.up, self.down) = (up, down)
    (scale1, scale2) = (scales?.0, scales?.1)
    self.heads = heads
    self.activation = activation
    self.fusesActivation = fusesActivation
  }

  /// [B, tokens, width] → the same shape.
  ///
  /// - Parameter rotate: applied to queries and keys, [B, heads, tokens, head size].
  public func callAsFunction(_ input: Tensor, rotate: (Tensor) throws -> Tensor = { $0 }) throws -> Tensor {
    let normed = try norm1(input)
    let attended = try Tensor.attention(
      queries: rotate(split(queries(normed))), keys: rotate(split(keys(normed))), values: split(values(normed)))
    let hidden = try input + scaled(output(attended.transposed(1, 2).flattened(from: 2)), scale1)
    let normed2 = try norm2(hidden)
    let activated = fusesActivation ? try up(normed2, activation) : try up(normed2).gelu(activation)
    return try hidden + scaled(down(activated), scale2)
  }

  /// The same block for several inputs in `dtype`: matrices in bfloat16 are widened to float32 once.
  public func widened(to dtype: DType) throws -> VisionTransformerBlock {
    var copy = self
    for part in [\Self.queries, \.keys, \.values, \.output, \.up, \.down] {
      copy[keyPath: part] = try self[keyPath: part].widened(to: dtype)
    }
    return copy
  }

  private func scaled(_ branch: Tensor, _ scale: Tensor?) throws -> Tensor {
    if let scale { try branch * scale } else { branch }
  }

  /// [B, tokens, width] → [B, heads, tokens, head size]
  private func split(_ input: Tensor) throws -> Tensor {
    try input.reshaped([input.size(0), input.size(1), heads, -1]).transposed(1, 2)
  }
}
