/// An arm of the matrix: which policy is trained, and what its action expert is shown.
public enum Experiment: String, Sendable, CaseIterable {
  /// The baseline, `smolvla`.
  case baseline = "E0"
  /// The control for the added capacity: a memory of zeros.
  case zeroMemory = "E1"
  /// The treatment: a predicted memory.
  case predictedMemory = "E2"
  /// Trained with the true future, which closed loop does not know: there the prediction is shown.
  case oracle
  /// The memory of other samples.
  case shuffle
  /// A memory of noise.
  case random

  /// Whether the arm has a world modality.
  public var isWorld: Bool { self != .baseline }

  /// The arm's own flags of `lerobot-wm train`.
  public var flags: [String] {
    func world(train: String, rollout: String) -> [String] {
      [
        "--policy.type=smolvla_world", "--policy.world_memory_mode_train=\(train)",
        "--policy.world_memory_mode_rollout=\(rollout)",
      ]
    }
    return switch self {
    case .baseline: ["--policy.type=smolvla"]
    case .zeroMemory: world(train: "zero", rollout: "zero")
    case .predictedMemory: world(train: "pred", rollout: "pred")
    case .oracle: world(train: "oracle", rollout: "pred")
    case .shuffle: world(train: "shuffle", rollout: "shuffle")
    case .random: world(train: "random", rollout: "random")
    }
  }
}
