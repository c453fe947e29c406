import RobotPolicies

/// The batches of a run's steps, in order.
public protocol BatchSource {
  /// Returns the batch of the next step, or nil after the last.
  mutating func next() throws -> TrainingBatch?
}
