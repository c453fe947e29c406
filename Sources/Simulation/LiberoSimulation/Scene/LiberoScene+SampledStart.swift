import Failures
import Foundation
import MuJoCoPhysics

/// Where a reset without an initial state puts everything, before objects come to rest.
struct SampledStart: Sendable, Equatable {
  /// Poses of the fixtures' outermost bodies.
  let fixtures: [String: PhysicsModel.Pose]
  /// Poses of movable objects, by their free joints.
  let objects: [String: PhysicsModel.Pose]
  /// Positions of doors, drawers and knobs, by their joints.
  let joints: [String: Double]
}

extension LiberoScene {
  /// A site's position while fixtures stand where the model has them and joints are at given positions.
  typealias SitePosition = (_ site: String, _ joints: [String: Double]) throws -> SIMD3<Double>

  /// Draws a start in the task's own regions, as LIBERO's `reset` does after `seed(seed)` in a new environment of LeRobot.
  ///
  /// - Throws: if there is no room for an object.
  func sampledStart(seed: UInt32, site: SitePosition) throws -> SampledStart {
    try draw(seed: seed) { random, joints throws in
      guard var placed = try placeOnSurface(&random) else { return nil }
      // LIBERO places what is on parts of fixtures first, then what is inside them, then what is on objects.
      for statement in onParts + inParts {
        let part = try site(statement.arguments[1], joints)
        guard let next = try placeAtPart(statement, part, placed, &random) else { return nil }
        placed.append(next)
      }
      for statement in onObjects { placed.append(try placeOnObject(statement, placed, &random)) }
      return SampledStart(fixtures: Self.fixturePoses(placed), objects: objectPoses(placed), joints: joints)
    }
  }

  /// Puts everything where a start has it.
  func place(_ start: SampledStart, in simulation: Simulation) throws {
    try place(start.fixtures, in: simulation)
    for (joint, pose) in start.objects {
      let first = try simulation.model.addresses(ofJoint: joint).position
      for axis in 0..<3 { simulation.setPosition(pose.position[axis], at: first + axis) }
      for axis in 0..<4 { simulation.setPosition(pose.quaternion[axis], at: first + 3 + axis) }
    }
    try setJoints(start.joints, in: simulation)
  }

  func setJoints(_ joints: [String: Double], in simulation: Simulation) throws {
    for (joint, value) in joints {
      simulation.setPosition(value, at: try simulation.model.addresses(ofJoint: joint).position)
    }
  }

  private func objectPoses(_ placed: [Placed]) -> [String: PhysicsModel.Pose] {
    var poses: [String: PhysicsModel.Pose] = [:]
    for object in objects {
      if let joint = object.freeJoint { poses[joint] = placed.first { $0.name == object.name }?.pose }
    }
    return poses
  }

  // MARK: Doors, drawers and knobs

  /// Draws the positions of open, closed, on and off joints several times over; the last ones count.
  func drawJoints(rounds: Int, _ random: inout LegacyRandom) -> [String: Double] {
    var joints: [String: Double] = [:]
    for _ in 0..<rounds {
      for statement in problem.initialState where statement.relation.arity == 1 {
        let (category, moved) = articulation(of: statement.arguments[0])
        let range = Articulation.resetRange(of: statement.relation, category: category) ?? (0, 0)
        let value = random.uniform(range.low, range.high)
        for joint in moved { joints[joint] = value }
      }
    }
    return joints
  }

  /// The category and the joints of an object, or of the part that a region belongs to.
  private func articulation(of name: String) -> (category: String, joints: [String]) {
    if let site = sites[name] {
      return (objects.first { $0.name == site.parent }?.category ?? "", site.joints)
    }
    guard let object = objects.first(where: { $0.name == name }) else { return ("", []) }
    return (object.category, object.joints.filter { $0 != object.freeJoint })
  }

  // MARK: Objects that are not on the work surface

  private var onParts: [BddlPredicate] {
    problem.initialState.filter { $0.relation == .on && extents[problem.regions[$0.arguments[1]]?.target ?? ""] != nil }
  }
  private var inParts: [BddlPredicate] {
    problem.initialState.filter { $0.relation == .in && problem.regions[$0.arguments[1]] != nil }
  }
  private var onObjects: [BddlPredicate] {
    problem.initialState.filter { statement in
      statement.relation == .on && objects.contains { $0.name == statement.arguments[1] && !$0.isFixture }
    }
  }

  /// Places an object on or in a region of a fixture; nil if it finds no room.
  private func placeAtPart(
    _ statement: BddlPredicate, _ part: SIMD3<Double>, _ placed: [Placed], _ random: inout LegacyRandom
  ) throws -> Placed? {
    let (object, extent, support, supportExtent) = try pair(
      statement, problem.regions[statement.arguments[1]]?.target ?? "", placed)
    let isInside = statement.relation == .in
    let quaternion = support.pose.quaternion
    let offset =
      Rotation.matrix(of: SIMD4(quaternion.y, quaternion.z, quaternion.w, quaternion.x)) * [
        part.x, part.y, part.z,
      ]
    var origin = support.pose.position
    if !isInside { origin.z += supportExtent.top }
    let size = sites[statement.arguments[1]]?.size ?? [0, 0]
    // LIBERO puts what is inside at the center, and takes half of the half size on a part.
    let room = isInside ? SIMD2(0, 0) : SIMD2(size[0] / 2 - extent.radius, size[1] / 2 - extent.radius)
    for _ in 0..<Self.tries {
      let x = random.uniform(-room.x, room.x) + origin.x + offset[0]
      let y = random.uniform(-room.y, room.y) + origin.y + offset[1]
      let position = SIMD3(x, y, origin.z + offset[2] - extent.bottom)
      guard isFree(position, extent, placed) else { continue }
      return Placed(object, position, try drawRotation(of: object, &random))
    }
    return nil
  }

  /// Places an object on another one, whether or not there is room.
  private func placeOnObject(
    _ statement: BddlPredicate, _ placed: [Placed], _ random: inout LegacyRandom
  ) throws -> Placed {
    let (object, extent, support, supportExtent) = try pair(statement, statement.arguments[1], placed)
    // Drawn although the range is empty.
    for _ in 0..<2 { _ = random.uniform() }
    let base = support.pose.position
    let position = SIMD3(base.x, base.y, 0.01 + (base.z + supportExtent.top) - extent.bottom)
    return Placed(object, position, try drawRotation(of: object, &random))
  }

  private func pair(
    _ statement: BddlPredicate, _ name: String, _ placed: [Placed]
  ) throws -> (LiberoObject, ObjectModel.Extent, Placed, ObjectModel.Extent) {
    guard let object = objects.first(where: { $0.name == statement.arguments[0] }), let extent = extents[object.name],
      let support = placed.first(where: { $0.name == name }), let supportExtent = extents[name]
    else {
      throw Failure(
        "'\(statement.arguments[0])' cannot be placed at '\(statement.arguments[1])', which has no place of its own in "
          + problem.name)
    }
    return (object, extent, support, supportExtent)
  }

  /// Draws a movable object's orientation: LIBERO writes quaternions x, y, z, w, and MuJoCo reads them as w, x, y, z.
  func drawRotation(of object: LiberoObject, _ random: inout LegacyRandom) throws -> SIMD4<Double> {
    let rotations = try ObjectCategory(named: object.category).rotations
    var quaternion = SIMD4(0.0, 0, 0, 1)
    for rotation in rotations {
      let angle = random.uniform(rotation.low, rotation.high)
      quaternion = Self.product(rotation.quaternion(of: angle), quaternion)
      // robosuite multiplies in single precision, which it does for several axes only.
      if rotations.count > 1 { quaternion = SIMD4<Double>(SIMD4<Float>(quaternion)) }
    }
    return quaternion
  }

  /// The product of two quaternions x, y, z, w.
  private static func product(_ first: SIMD4<Double>, _ second: SIMD4<Double>) -> SIMD4<Double> {
    let (a, b) = (first, second)
    return SIMD4(
      a.x * b.w + a.y * b.z - a.z * b.y + a.w * b.x, -a.x * b.z + a.y * b.w + a.z * b.x + a.w * b.y,
      a.x * b.y - a.y * b.x + a.z * b.w + a.w * b.z, -a.x * b.x - a.y * b.y - a.z * b.z + a.w * b.w)
  }
}

extension ObjectCategory.AxisRotation {
  /// The quaternion x, y, z, w of the rotation by an angle.
  fileprivate func quaternion(of angle: Double) -> SIMD4<Double> {
    let (sine, cosine) = (sin(angle / 2), cos(angle / 2))
    return switch axis {
    case .x: SIMD4(sine, 0, 0, cosine)
    case .y: SIMD4(0, sine, 0, cosine)
    case .z: SIMD4(0, 0, sine, cosine)
    }
  }
}

extension Articulation {
  /// The joint values that LIBERO's reset draws from, radians or meters; nil where a category has none.
  static func resetRange(of relation: BddlPredicate.Relation, category: String) -> (low: Double, high: Double)? {
    switch (category, relation) {
    case ("microwave", .open): (-2.094, -1.3)
    case ("microwave", .close), ("short_cabinet", .close), ("short_fridge", .close): (-0.005, 0)
    case ("wooden_cabinet", .open), ("white_cabinet", .open): (-0.16, -0.14)
    case ("wooden_cabinet", .close), ("white_cabinet", .close): (0, 0.005)
    case ("short_cabinet", .open): (0.10, 0.16)
    case ("short_fridge", .open): (2.0, 2.7)
    case ("flat_stove", .turnOn): (0.5, 2.1)
    case ("flat_stove", .turnOff): (-0.005, 0)
    default: nil
    }
  }
}
