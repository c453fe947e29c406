import LibTorch

/// What a policy that wraps SmolVLA changes on the way from inputs to actions; nothing at first.
public struct Refinement {
  /// Maps embeddings or hidden states to others of the same shape.
  public typealias Change = (Tensor) throws -> Tensor

  /// Changes the prefix's embeddings [B, P, language width]: images, language and state.
  public var prefix: Change?
  /// Tokens that join the prefix behind a gate.
  public var tokens: GatedTokens?
  /// Changes the actions' embeddings [B, S, expert width] before the expert.
  public var suffix: Change?
  /// Changes the expert's hidden states [B, S, expert width] before the output projection.
  public var hidden: Change?

  public init() {}
}
