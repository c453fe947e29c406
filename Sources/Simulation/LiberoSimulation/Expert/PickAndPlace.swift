import CounterBasedRandom

/// How a gripper that points down grasps a kind of object, in the object's frame.
struct Grasp: Sendable, Equatable {
  /// Distance of the grasped part, for a bowl its rim, from the object's center, meters.
  let radius: Double
  /// Height of the grip site above the object's origin, meters.
  let height: Double

  /// The grasp of a category, if there is one; a bowl is grasped by its rim because it is wider than the gripper opens.
  static func of(_ category: String) -> Grasp? {
    category == "akita_black_bowl" ? Grasp(radius: 0.048, height: 0.038) : nil
  }
}

/// Places one object on another, one control step at a time, by the positions of both.
struct PickAndPlace: Sendable {
  /// Positions in the world, meters.
  struct SceneState: Sendable {
    var gripper: SIMD3<Double>
    var object: SIMD3<Double>
    var support: SIMD3<Double>
    /// The other objects and fixtures.
    var others: [(position: SIMD3<Double>, radius: Double)] = []
  }

  enum Phase: Int, Sendable, CaseIterable { case approach, descend, grasp, lift, move, lower, release, retreat }

  private(set) var phase = Phase.approach
  private let grasp: Grasp
  private let random: CountedRandom
  private var stepsInPhase = 0
  private var failedGrasps = 0
  /// The side at which the object is grasped, along the fingers' axis (the world's y).
  private var side = 1.0
  /// The grip site's height while it carries the object.
  private var travelHeight = 0.0
  /// The gripper's position at the start of a phase that keeps or raises it, and the object's when the gripper closed.
  private var anchor = SIMD3<Double>.zero
  private var objectAtGrasp = SIMD3<Double>.zero

  /// Control per meter of error; 1 spans 5 cm.
  private static let gain = 10.0
  /// Increase of `gain` with each control step of a phase.
  private static let gainPerStep = 0.5
  /// Control steps from open to closed.
  private static let strokeSteps = 8
  /// Standard deviation of the noise, in units of the action.
  private static let noiseDeviation = 0.04
  /// Height above a target at which the gripper approaches and leaves it, meters.
  private static let clearance = 0.07
  /// Height above all objects of these scenes, meters.
  private static let safeHeight = 1.15
  /// Horizontal error up to which the gripper descends, meters.
  private static let lateralTolerance = 0.015
  /// Horizontal distance from the goal at which the object is lowered towards it, meters.
  private static let nearDistance = 0.12
  /// Maximum of control steps per phase.
  private static let maximumSteps: [Phase: Int] = [
    .approach: 60, .descend: 30, .grasp: 14, .lift: 40, .move: 70, .lower: 45, .release: 10, .retreat: 200,
  ]

  /// - Parameter random: the episode's random numbers.
  init(_ grasp: Grasp, random: CountedRandom) {
    self.grasp = grasp
    self.random = random
  }

  /// The action at control step `step`: x, y, z and the gripper, each −1…1.
  mutating func action(_ sceneState: SceneState, step: Int) -> SIMD4<Double> {
    if step == 0 { begin(sceneState) }
    if hasFailedToGrasp(sceneState) {
      side = -side
      failedGrasps += 1
      enter(.approach, sceneState)
    }
    while isDone(sceneState), let next = Phase(rawValue: phase.rawValue + 1) { enter(next, sceneState) }
    stepsInPhase += 1
    let error = target(sceneState) - sceneState.gripper
    // A stretched arm responds little to small actions, so the gain rises while an error remains.
    var move = error * (Self.gain + Self.gainPerStep * Double(stepsInPhase))
    // Axes are independent: sideways drift on the way down is corrected at full speed.
    if phase == .descend || phase == .lower {
      let sideways = (error.x * error.x + error.y * error.y).squareRoot()
      move.z = sideways > Self.lateralTolerance ? 0 : max(move.z, error.z < -0.06 ? -1 : -0.5)
    }
    let isStill = phase == .grasp || phase == .release
    let noise = SIMD3(random.at(step).normals(count: 3).map(Double.init)) * (isStill ? 0 : Self.noiseDeviation)
    let noisyMove = (move + noise).clamped(lowerBound: SIMD3(repeating: -1), upperBound: SIMD3(repeating: 1))
    return SIMD4(noisyMove, fingers)
  }

  /// The gripper's action; after a failed grasp it descends half open, to fit into narrow gaps.
  private var fingers: Double {
    switch phase {
    case .grasp, .lift, .move, .lower: return 1
    case .release, .retreat: return -1
    case .approach where failedGrasps > 0:
      if stepsInPhase <= Self.strokeSteps { return -1 }
      return stepsInPhase <= Self.strokeSteps + Self.strokeSteps / 2 ? 1 : 0
    case .approach, .descend: return failedGrasps > 0 ? 0 : -1
    }
  }

  private mutating func begin(_ sceneState: SceneState) {
    // The outer finger goes where there is more room.
    func room(_ side: Double) -> Double {
      let finger = sceneState.object + SIMD3(0, side * (grasp.radius + 0.04), 0)
      return sceneState.others.map { other in
        let offset = other.position - finger
        return (offset.x * offset.x + offset.y * offset.y).squareRoot() - other.radius
      }.min() ?? 1
    }
    side = room(1) >= room(-1) ? 1 : -1
  }

  private mutating func enter(_ next: Phase, _ sceneState: SceneState) {
    phase = next
    stepsInPhase = 0
    switch next {
    case .grasp: (anchor, objectAtGrasp) = (sceneState.gripper, sceneState.object)
    case .lift:
      anchor = sceneState.gripper
      travelHeight = max(sceneState.object.z, sceneState.support.z) + Self.clearance + grasp.height
    case .release: anchor = sceneState.gripper
    case .retreat: anchor = sceneState.gripper + SIMD3(0, 0, Self.clearance)
    default: break
    }
  }

  private func target(_ sceneState: SceneState) -> SIMD3<Double> {
    let rim = sceneState.object + SIMD3(0, side * grasp.radius, grasp.height)
    switch phase {
    case .approach:
      // High until it is above the object, to clear tall ones.
      let offset = rim - sceneState.gripper
      let isNear = (offset.x * offset.x + offset.y * offset.y).squareRoot() < 0.05
      return rim + SIMD3(0, 0, isNear ? Self.clearance : max(Self.clearance, Self.safeHeight - rim.z))
    case .descend: return rim
    case .grasp, .release, .retreat: return anchor
    case .lift: return SIMD3(anchor.x, anchor.y, travelHeight)
    case .move:
      let above = sceneState.support - (sceneState.object - sceneState.gripper)
      let offset = above - sceneState.gripper
      let isNear = (offset.x * offset.x + offset.y * offset.y).squareRoot() < Self.nearDistance
      return SIMD3(above.x, above.y, isNear ? min(travelHeight, above.z + Self.clearance) : travelHeight)
    case .lower: return sceneState.support - (sceneState.object - sceneState.gripper) + SIMD3(0, 0, 0.006)
    }
  }

  /// Whether the gripper could not descend or lifted nothing; it then tries the object's other side.
  private func hasFailedToGrasp(_ sceneState: SceneState) -> Bool {
    switch phase {
    case .descend:
      stepsInPhase >= Self.maximumSteps[.descend] ?? 0 && sceneState.gripper.z - target(sceneState).z > 0.015
    case .move: stepsInPhase == 1 && sceneState.object.z - objectAtGrasp.z < 0.02
    default: false
    }
  }

  private func isDone(_ sceneState: SceneState) -> Bool {
    let limit = Self.maximumSteps[phase] ?? 0
    if stepsInPhase >= limit { return phase != .retreat }
    let error = target(sceneState) - sceneState.gripper
    let sideways = (error.x * error.x + error.y * error.y).squareRoot()
    switch phase {
    case .approach:
      return sideways < 0.008 && abs(error.z) < 0.03 && (failedGrasps == 0 || stepsInPhase > 2 * Self.strokeSteps)
    case .descend: return abs(error.z) < 0.006 && sideways < 0.008
    case .grasp, .release, .retreat: return false
    case .lift: return error.z < 0.03
    case .move: return sideways < 0.008
    case .lower: return error.z > -0.004
    }
  }
}
