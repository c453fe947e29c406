import LibTorch
import NeuralNetworks
import SmolVLA

/// The memory's first latents as tokens of the prefix, behind a gate; how it closes them out is ``GatedTokens``.
///
/// A projection makes a token of each latent, not scaled, as SmolVLA makes one of the state. A token stands at the
/// position of the action that leads to its frame.
public struct WorldPrefixTokens {
  public let gate: WorldGate
  private let futureProjection: Linear
  private let count: Int
  private let isVisibleToContext: Bool

  /// Builds it from a scope (`model.world_prefix_tokens`): `future_proj`, `gate`.
  ///
  /// - Parameter width: the width of the prefix's embeddings.
  init(_ scope: ParameterScope, _ configuration: WorldModalityConfiguration, width: Int) throws {
    futureProjection = try Linear(scope["future_proj"], inputs: configuration.worldLatentDimension, outputs: width)
    gate = try WorldGate(scope, initialization: configuration.prefixGateInitialization)
    count = configuration.prefixTokens
    isVisibleToContext = configuration.prefixBlock == .prefix
  }

  /// The tokens of a memory [B, K, D].
  ///
  /// - Parameter usable: bool [B, 1, 1], rows that may be read; nil where all may.
  func callAsFunction(_ memory: Tensor, usable: Tensor?) throws -> GatedTokens {
    let opening = try gate.opening()
    return GatedTokens(
      embeddings: try futureProjection(memory.slice(dimension: 1, 0..<count).to(.float32)),
      opening: try usable.map { try opening * $0.unsqueezed(-1).to(.float32) } ?? opening,
      isVisibleToContext: isVisibleToContext)
  }
}
