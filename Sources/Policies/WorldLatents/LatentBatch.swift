import LibTorch

/// The latents of one training batch.
public struct LatentBatch {
  /// z[t−T+1 … t], [B, T, D].
  public let history: Tensor
  /// z[t+1 … t+K], [B, K, D].
  public let future: Tensor
  /// [B, K] bool: which of them lie within the episode.
  public let isValid: Tensor

  public init(history: Tensor, future: Tensor, isValid: Tensor) {
    self.history = history
    self.future = future
    self.isValid = isValid
  }
}
