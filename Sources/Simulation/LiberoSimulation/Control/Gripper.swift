/// The gripper's command, which changes by 0.01 in every physics step.
struct Gripper: Sendable, Equatable {
  static let speed = 0.01
  /// One per finger, −1…1; the fingers move in opposite directions.
  private(set) var commands = [0.0, 0.0]

  /// Advances by one physics step: a positive number closes, a negative one opens, and zero holds.
  mutating func advance(_ action: Double) {
    let direction = action > 0 ? 1.0 : action < 0 ? -1.0 : 0.0
    commands[0] = min(1, max(-1, commands[0] - Self.speed * direction))
    commands[1] = min(1, max(-1, commands[1] + Self.speed * direction))
  }
}
