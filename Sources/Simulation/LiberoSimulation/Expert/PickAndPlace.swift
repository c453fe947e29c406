import CounterBasedRandom

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
    var others: [(position: SIMD3<Double>, radius: Double)] = []
  }

  enum Phase: Int, Sendable, CaseIterable { case approach, descend, grasp, lift, move, lower, release, retreat }

  private(set) var phase = Phase.approach
  private let grasp: Grasp
  private let random: CountedRandom
  private var stepsInPhase = 0
  private var misses = 0
  /// On which side of the thing, along the fingers' way (the world's y), it is held.
  private var side = 1.0
  /// The height at which things are carried.
  private var travel = 0.0
  /// Where the gripper was when it closed, and the thing.
  private var anchor = SIMD3<Double>.zero
  private var found = SIMD3<Double>.zero

  /// Control per metre of error; 1 spans 5 cm.
  private static let gain = 10.0
  /// By how much that rises with each control step of a phase.
  private static let insistence = 0.5
  /// Control steps from open to closed.
  private static let strokeSteps = 8
  /// Standard deviation of the hand's shaking, in units of the action.
  private static let shaking = 0.04
  /// How far above what it goes for the gripper comes and goes, metres.
  private static let clearance = 0.07
  /// Above everything that stands about in these scenes, metres.
  private static let safeHeight = 1.15
  /// How far beside its way the gripper may be while it goes down, metres.
  private static let funnel = 0.015
  /// How near to its place a thing is when it need not be carried high any more, metres.
  private static let nearby = 0.12
  /// Control steps that each phase takes at most.
  private static let patience: [Phase: Int] = [
    .approach: 60, .descend: 30, .grasp: 14, .lift: 40, .move: 70, .lower: 45, .release: 10, .retreat: 200,
  ]

  /// - Parameter random: the numbers of the episode.
  init(_ grasp: Grasp, random: CountedRandom) {
    self.grasp = grasp
    self.random = random
  }

  /// The action at control step `step`: x, y, z and the gripper, each −1…1.
  mutating func action(_ sight: Sight, step: Int) -> SIMD4<Double> {
    if step == 0 { begin(sight) }
    if hasMissed(sight) {
      side = -side
      misses += 1
      enter(.approach, sight)
    }
    while isDone(sight), let next = Phase(rawValue: phase.rawValue + 1) { enter(next, sight) }
    stepsInPhase += 1
    let error = target(sight) - sight.gripper
    // The stretched arm yields little to a weak pull, so what lasts is pulled at harder.
    var move = error * (Self.gain + Self.insistence * Double(stepsInPhase))
    // Each axis by itself: what the arm drifts sideways on its way down is corrected at full strength.
    if phase == .descend || phase == .lower {
      let sideways = (error.x * error.x + error.y * error.y).squareRoot()
      move.z = sideways > Self.funnel ? 0 : max(move.z, error.z < -0.06 ? -1 : -0.5)
    }
    let isStill = phase == .grasp || phase == .release
    let shake = SIMD3(random.at(step).normals(count: 3).map(Double.init)) * (isStill ? 0 : Self.shaking)
    let shaken = (move + shake).clamped(lowerBound: SIMD3(repeating: -1), upperBound: SIMD3(repeating: 1))
    return SIMD4(shaken, fingers)
  }

  /// Opens or closes; after a miss the fingers come half open, to fit where there is little room.
  private var fingers: Double {
    switch phase {
    case .grasp, .lift, .move, .lower: return 1
    case .release, .retreat: return -1
    case .approach where misses > 0:
      if stepsInPhase <= Self.strokeSteps { return -1 }
      return stepsInPhase <= Self.strokeSteps + Self.strokeSteps / 2 ? 1 : 0
    case .approach, .descend: return misses > 0 ? 0 : -1
    }
  }

  private mutating func begin(_ sight: Sight) {
    // The outer finger goes where there is more room.
    func room(_ side: Double) -> Double {
      let finger = sight.object + SIMD3(0, side * (grasp.radius + 0.04), 0)
      return sight.others.map { other in
        let away = other.position - finger
        return (away.x * away.x + away.y * away.y).squareRoot() - other.radius
      }.min() ?? 1
    }
    side = room(1) >= room(-1) ? 1 : -1
  }

  private mutating func enter(_ next: Phase, _ sight: Sight) {
    phase = next
    stepsInPhase = 0
    switch next {
    case .grasp: (anchor, found) = (sight.gripper, sight.object)
    case .lift:
      anchor = sight.gripper
      travel = max(sight.object.z, sight.support.z) + Self.clearance + grasp.height
    case .release: anchor = sight.gripper
    case .retreat: anchor = sight.gripper + SIMD3(0, 0, Self.clearance)
    default: break
    }
  }

  private func target(_ sight: Sight) -> SIMD3<Double> {
    let rim = sight.object + SIMD3(0, side * grasp.radius, grasp.height)
    switch phase {
    case .approach:
      // High until it is above, so that nothing tall is in the way.
      let away = rim - sight.gripper
      let isNear = (away.x * away.x + away.y * away.y).squareRoot() < 0.05
      return rim + SIMD3(0, 0, isNear ? Self.clearance : max(Self.clearance, Self.safeHeight - rim.z))
    case .descend: return rim
    case .grasp, .release, .retreat: return anchor
    case .lift: return SIMD3(anchor.x, anchor.y, travel)
    case .move:
      let above = sight.support - (sight.object - sight.gripper)
      let away = above - sight.gripper
      let isNear = (away.x * away.x + away.y * away.y).squareRoot() < Self.nearby
      return SIMD3(above.x, above.y, isNear ? min(travel, above.z + Self.clearance) : travel)
    case .lower: return sight.support - (sight.object - sight.gripper) + SIMD3(0, 0, 0.006)
    }
  }

  /// Whether the gripper could not get down, or came up with nothing; it then tries the thing's other side.
  private func hasMissed(_ sight: Sight) -> Bool {
    switch phase {
    case .descend: stepsInPhase >= Self.patience[.descend] ?? 0 && sight.gripper.z - target(sight).z > 0.015
    case .move: stepsInPhase == 1 && sight.object.z - found.z < 0.02
    default: false
    }
  }

  private func isDone(_ sight: Sight) -> Bool {
    let limit = Self.patience[phase] ?? 0
    if stepsInPhase >= limit { return phase != .retreat }
    let error = target(sight) - sight.gripper
    let sideways = (error.x * error.x + error.y * error.y).squareRoot()
    switch phase {
    case .approach:
      return sideways < 0.008 && abs(error.z) < 0.03 && (misses == 0 || stepsInPhase > 2 * Self.strokeSteps)
    case .descend: return abs(error.z) < 0.006 && sideways < 0.008
    case .grasp, .release, .retreat: return false
    case .lift: return error.z < 0.03
    case .move: return sideways < 0.008
    case .lower: return error.z > -0.004
    }
  }
}
