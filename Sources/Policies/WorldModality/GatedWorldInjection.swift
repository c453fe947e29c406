import LibTorch
import NeuralNetworks
import OrderedCollections

/// Gated cross-attention from embeddings or hidden states to a memory of future latents.
///
/// `out = h + tanh(gate) · attention(h, W·memory)`, in float32. Where the gate is 0, as it starts, the output is the
/// input.
public struct GatedWorldInjection {
  public let gate: WorldGate
  private let futureProjection: Linear
  private let attention: MultiHeadAttention

  /// Builds it from a scope, such as `model.world_inject`: `future_proj`, `cross_attn`, `gate`.
  ///
  /// - Parameters:
  ///   - width: the width of what reads the memory.
  ///   - gate: the gate's first value.
  /// - Throws: where the heads do not divide that width.
  init(_ scope: ParameterScope, latentDimension: Int, width: Int, heads: Int, gate initialization: Double) throws {
    futureProjection = try Linear(scope["future_proj"], inputs: latentDimension, outputs: width)
    attention = try MultiHeadAttention(scope["cross_attn"], width: width, heads: heads)
    gate = try WorldGate(scope, initialization: initialization)
  }

  /// Hidden states [B, L, width] and memory [B, M, D] → hidden states [B, L, width], float32.
  public func callAsFunction(_ hidden: Tensor, _ memory: Tensor) throws -> Tensor {
    let states = try hidden.to(.float32)
    return try states + gate.opening() * attention(states, futureProjection(memory.to(.float32)))
  }

  /// Like the call, and what the attention did beside it.
  public func withDiagnostics(
    _ hidden: Tensor, _ memory: Tensor
  ) throws -> (output: Tensor, diagnostics: AttentionDiagnostics) {
    let states = try hidden.to(.float32)
    let (context, weights) = try attention.withWeights(states, futureProjection(memory.to(.float32)))
    let diagnostics = try withoutGradients {
      try AttentionDiagnostics(weights: weights, context: context, hidden: states)
    }
    return (try states + gate.opening() * context, diagnostics)
  }
}

/// What an injection's attention did, as scalars.
public struct AttentionDiagnostics {
  /// Mean of −Σ p·log p, with p clamped at 1e-8 inside the logarithm.
  public let entropy: Tensor
  /// Mean of the largest weight.
  public let largestWeight: Tensor
  /// Mean Euclidean norm of the attended context.
  public let contextNorm: Tensor
  /// Mean Euclidean norm of the hidden states before the injection.
  public let hiddenNorm: Tensor

  /// - Parameters:
  ///   - weights: [B, heads, queries, memory]
  ///   - context: [B, queries, width]
  ///   - hidden: [B, queries, width]
  init(weights: Tensor, context: Tensor, hidden: Tensor) throws {
    let (weights, context, hidden) = try (weights.detached(), context.detached(), hidden.detached())
    entropy = try -(weights * weights.clamp(min: 1e-8).log()).sum(dimensions: [-1]).mean()
    largestWeight = try weights.amax(dimensions: [-1]).mean()
    contextNorm = try context.norm(dimensions: [-1]).mean()
    hiddenNorm = try hidden.norm(dimensions: [-1]).mean()
  }

  /// The scalars by their log keys, which end in `suffix`.
  func metrics(_ suffix: String) -> OrderedDictionary<String, Tensor> {
    [
      "world_attn_entropy" + suffix: entropy, "world_attn_pmax" + suffix: largestWeight,
      "world_ctx_norm" + suffix: contextNorm, "world_act_norm" + suffix: hiddenNorm,
    ]
  }
}
