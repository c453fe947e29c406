import RGBImages

/// A policy's input at one control step.
public struct Observation: Sendable, Equatable {
  /// Images by camera name (the name in a dataset without its `observation.images.` prefix).
  public let images: [String: RGBImage]
  /// The robot's state, not normalized, in the order of `EnvironmentSpecification.stateNames`.
  public let state: [Float]
  public let instruction: String

  public init(images: [String: RGBImage], state: [Float], instruction: String) {
    self.images = images
    self.state = state
    self.instruction = instruction
  }
}

/// The outcome of one control step.
public struct StepResult: Sendable, Equatable {
  /// 1 on the step that fulfills the goal, else 0.
  public let reward: Float
  /// Whether the episode is over because the goal is fulfilled; the caller enforces the step limit.
  public let terminated: Bool
  /// Whether the goal is fulfilled.
  public let success: Bool

  public init(reward: Float, terminated: Bool, success: Bool) {
    self.reward = reward
    self.terminated = terminated
    self.success = success
  }
}
