import RobotEnvironments

/// One control step of an episode that is recorded.
public struct RecordedStep: Sendable {
  /// What there was to be seen before the action, by all cameras.
  public let observation: Observation
  /// The action as it was planned.
  public let action: [Float]
  /// What the environment answered.
  public let result: StepResult
  /// Whether the episode ended with it.
  public let isLast: Bool
}

/// Keeps whole episodes, as a dataset does. Called by any worker, at once by several.
public protocol EpisodeRecorder: Sendable {
  /// Keeps an episode that did not break off.
  func record(_ steps: [RecordedStep], of result: EpisodeResult, from start: StartState) throws
}
