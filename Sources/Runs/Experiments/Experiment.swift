/// An arm of the matrix: the policy that is trained and the memory that its action expert reads.
public enum Experiment: String, Sendable, CaseIterable {
  /// The baseline, `smolvla`.
  case baseline = "E0"
  /// The control for the added capacity: a memory of zeros.
  case zeroMemory = "E1"
  /// The treatment: a predicted memory.
  case predictedMemory = "E2"
  /// Trained with the true future, which rollouts do not know; they use the prediction.
  case oracle
  /// The memory of other samples.
  case shuffle
  case random

  /// Whether the arm has a world modality.
  public var isWorld: Bool { self != .baseline }
}
