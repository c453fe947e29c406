import LibTorch
import NeuralNetworks

/// Gated cross-attention from the action expert's hidden states to a memory of future latents.
///
/// `out = h + tanh(gate) · attention(h, W·memory)`, in float32. The gate is a scalar that starts at 0, where the output
/// is the input.
public struct GatedWorldInjection {
  /// The gate before its tanh; a scalar.
  public let gate: Tensor
  private let futureProjection: Linear
  private let attention: MultiHeadAttention

  /// Below this opening the gate counts as closed.
  public static let closedBelow = 1e-6

  /// Builds it from a scope (`model.world_inject`): `future_proj`, `cross_attn`, `gate`.
  ///
  /// - Parameter width: the width of the action expert.
  /// - Throws: where the heads do not divide that width.
  public init(
    _ scope: ParameterScope, _ configuration: WorldModalityConfiguration, width: Int
  ) throws {
    futureProjection = try Linear(scope["future_proj"], inputs: configuration.worldLatentDimension, outputs: width)
    attention = try MultiHeadAttention(scope["cross_attn"], width: width, heads: configuration.injectionHeads)
    gate = try scope.parameter("gate", [], .constant(configuration.gateInitialization))
  }

  /// How far the gate stands open, `tanh(gate)`; a scalar.
  public func opening() throws -> Tensor { try gate.tanh() }

  /// Whether the gate is so far closed that the memory would change nothing.
  public func isClosed() throws -> Bool {
    try withoutGradients { try abs(opening().item()) } < Self.closedBelow
  }

  /// Hidden states [B, L, width] and memory [B, M, D] → hidden states [B, L, width], float32.
  public func callAsFunction(_ hidden: Tensor, _ memory: Tensor) throws -> Tensor {
    let states = try hidden.to(.float32)
    return try states + opening() * attention(states, futureProjection(memory.to(.float32)))
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
    return (try states + opening() * context, diagnostics)
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

  /// The scalars by their log keys.
  public var metrics: [(key: String, value: Tensor)] {
    [
      ("world_attn_entropy", entropy), ("world_attn_pmax", largestWeight), ("world_ctx_norm", contextNorm),
      ("world_act_norm", hiddenNorm),
    ]
  }
}
