import CountedRandom

/// How a gripper that points down takes hold of a kind of thing, in the thing's own frame.
struct Grasp: Sendable, Equatable {
  /// How far from the thing's middle one finger stands on each side of what is held, metres; for a bowl its rim.
  let radius: Double
  /// How far above the thing's origin the grip site is, metres.
  let height: Double

  /// What the expert can take hold of, by category; a bowl is taken by its rim, being wider than the gripper opens.
  static func of(_ category: String) -> Grasp? {
    category == "akita_black_bowl" ? Grasp(radius: 0.048, height: 0.038) : nil
  }
}

/// Carries one thing onto another, one control step at a time, by where both of them are.
struct PickAndPlace: Sendable {
  /// What it looks at: positions in the world, metres.
  struct Sight: Sendable {
    var gripper: SIMD3<Double>
    var object: SIMD3<Double>
    var support: SIMD3<Double>
    /// Everything else that stands about.
    var others: [SIMD3<Double>] = []
  }

  enum Phase: Int, Sendable, CaseIterable { case approach, descend, grasp, lift, move, lower, release, retreat }

  private(set) var phase = Phase.approach
  private let grasp: Grasp
  private let random: CountedRandom
  private var stepsInPhase = 0
  /// On which side of the thing, along the fingers' way (the world's y), it is held.
  private var side = 1.0
  /// The height at which things are carried.
  private var travel = 0.0
  /// Where the gripper was when it closed, and how the thing hung below it then.
  private var anchor = SIMD3<Double>.zero
  private var hanging = SIMD3<Double>.zero

  /// Control per metre of error; 1 spans 5 cm.
  private static let gain = 10.0
  /// Standard deviation of the hand's shaking, in units of the action.
  private static let shaking = 0.04
  /// How far above what it goes for the gripper comes and goes, metres.
  private static let clearance = 0.10
  /// Control steps that each phase takes at most.
  private static let patience: [Phase: Int] = [
    .approach: 70, .descend: 45, .grasp: 14, .lift: 40, .move: 70, .lower: 45, .release: 10, .retreat: 200,
  ]

  /// - Parameter random: the numbers of the episode.
  init(_ grasp: Grasp, random: CountedRandom) {
    self.grasp = grasp
    self.random = random
  }

  /// The action at control step `step`: x, y, z and the gripper, each −1…1.
  mutating func action(_ sight: Sight, step: Int) -> SIMD4<Double> {
    if step == 0 { begin(sight) }
    while isDone(sight), let next = Phase(rawValue: phase.rawValue + 1) { enter(next, sight) }
    stepsInPhase += 1
    var move = (target(sight) - sight.gripper) * Self.gain
    let longest = max(abs(move.x), abs(move.y), abs(move.z))
    if longest > speed { move *= speed / longest }
    let isStill = phase == .grasp || phase == .release
    let shake = SIMD3(random.at(step).normals(count: 3).map(Double.init)) * (isStill ? 0 : Self.shaking)
    let shaken = (move + shake).clamped(lowerBound: SIMD3(repeating: -1), upperBound: SIMD3(repeating: 1))
    let holds = phase.rawValue >= Phase.grasp.rawValue && phase.rawValue < Phase.release.rawValue
    return SIMD4(shaken, holds ? 1 : -1)
  }

  private var speed: Double {
    switch phase {
    case .descend, .lower: 0.5
    default: 1
    }
  }

  private mutating func begin(_ sight: Sight) {
    // The outer finger goes where there is more room.
    func room(_ side: Double) -> Double {
      let finger = sight.object + SIMD3(0, side * (grasp.radius + 0.04), 0)
      return sight.others.map { other in
        let away = other - finger
        return (away.x * away.x + away.y * away.y).squareRoot()
      }.min() ?? 1
    }
    side = room(1) >= room(-1) ? 1 : -1
  }

  private mutating func enter(_ next: Phase, _ sight: Sight) {
    phase = next
    stepsInPhase = 0
    switch next {
    case .grasp: anchor = sight.gripper
    case .lift:
      anchor = sight.gripper
      travel = max(sight.object.z, sight.support.z) + Self.clearance + grasp.height
    case .move, .lower: hanging = sight.object - sight.gripper
    case .release: anchor = sight.gripper
    case .retreat: anchor = sight.gripper + SIMD3(0, 0, Self.clearance)
    default: break
    }
  }

  private func target(_ sight: Sight) -> SIMD3<Double> {
    let rim = sight.object + SIMD3(0, side * grasp.radius, grasp.height)
    switch phase {
    case .approach: return rim + SIMD3(0, 0, Self.clearance)
    case .descend: return rim
    case .grasp, .release, .retreat: return anchor
    case .lift: return SIMD3(anchor.x, anchor.y, travel)
    case .move:
      let above = sight.support - (sight.object - sight.gripper)
      return SIMD3(above.x, above.y, travel)
    case .lower: return sight.support - (sight.object - sight.gripper) + SIMD3(0, 0, 0.006)
    }
  }

  private func isDone(_ sight: Sight) -> Bool {
    let limit = Self.patience[phase] ?? 0
    if stepsInPhase >= limit { return phase != .retreat }
    let error = target(sight) - sight.gripper
    let sideways = (error.x * error.x + error.y * error.y).squareRoot()
    switch phase {
    case .approach: return sideways < 0.008 && abs(error.z) < 0.03
    case .descend: return abs(error.z) < 0.006 && sideways < 0.008
    case .grasp, .release, .retreat: return false
    case .lift: return error.z < 0.03
    case .move: return sideways < 0.008
    case .lower: return error.z > -0.004
    }
  }
}
