import RGBImages

/// What a policy sees at one control step.
public struct Observation: Sendable, Equatable {
  /// Images by camera name (the name in a dataset without its `observation.images.` prefix).
  public let images: [String: RGBImage]
  /// The robot's own state, raw (not normalized), as `EnvironmentSpecification.stateNames` names it.
  public let state: [Float]
  public let instruction: String

  public init(images: [String: RGBImage], state: [Float], instruction: String) {
    self.images = images
    self.state = state
    self.instruction = instruction
  }
}

/// What one control step brought about.
public struct StepResult: Sendable, Equatable {
  /// 1 on the step that fulfils the goal, else 0.
  public let reward: Float
  /// Whether the episode is over because the goal is fulfilled; the step limit is the caller's to keep.
  public let terminated: Bool
  /// Whether the goal is fulfilled.
  public let success: Bool

  public init(reward: Float, terminated: Bool, success: Bool) {
    self.reward = reward
    self.terminated = terminated
    self.success = success
  }
}
