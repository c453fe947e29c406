/// A goal that an instruction names.
enum ShapesGoal: Sendable, Equatable {
  /// Move the block by `ShapesGoal.pushDistance` towards a side of the table.
  case push(block: Int, direction: SIMD2<Double>)
  /// Touch this block before any other.
  case touch(block: Int)
  /// Touch the block for the first time on the side that faces `direction`.
  case touchSide(block: Int, direction: SIMD2<Double>)

  /// How far a pushed block must go, meters.
  static let pushDistance = 0.1
}

/// A task of the suite: the blocks on the table and the goals that an episode's instruction is chosen from.
struct ShapesTask: Sendable {
  struct Choice: Sendable {
    let instruction: String
    let goal: ShapesGoal
  }

  let name: String
  let blocks: [ShapesColor]
  let choices: [Choice]

  static let left = SIMD2(-1.0, 0.0)
  static let right = SIMD2(1.0, 0.0)
  static let away = SIMD2(0.0, 1.0)

  /// Every task, in the order they are listed.
  static let all: [ShapesTask] = [
    ShapesTask(
      name: "push_side", blocks: [.red],
      choices: [
        Choice(instruction: "push the block left", goal: .push(block: 0, direction: left)),
        Choice(instruction: "push the block right", goal: .push(block: 0, direction: right)),
      ]),
    ShapesTask(
      name: "push_direction", blocks: [.red],
      choices: [
        Choice(instruction: "push the block left", goal: .push(block: 0, direction: left)),
        Choice(instruction: "push the block right", goal: .push(block: 0, direction: right)),
        Choice(instruction: "push the block away", goal: .push(block: 0, direction: away)),
      ]),
    ShapesTask(
      name: "touch_side", blocks: [.red],
      choices: [
        Choice(instruction: "touch the left side of the block", goal: .touchSide(block: 0, direction: left)),
        Choice(instruction: "touch the right side of the block", goal: .touchSide(block: 0, direction: right)),
      ]),
    ShapesTask(
      name: "touch_color", blocks: [.red, .green, .blue],
      choices: [ShapesColor.red, .green, .blue].enumerated().map { index, color in
        Choice(instruction: "touch the \(color.rawValue) block", goal: .touch(block: index))
      }),
  ]
}

enum ShapesColor: String, Sendable {
  case red, green, blue

  /// Red, green, blue and opacity in 0…1, as MJCF writes them.
  var components: String {
    switch self {
    case .red: "0.9 0.1 0.1 1"
    case .green: "0.1 0.8 0.2 1"
    case .blue: "0.15 0.3 0.95 1"
    }
  }
}
