import Failures
import Foundation
import MuJoCoPhysics

extension LiberoScene {
  /// The fixtures' poses in an episode: those of their outermost bodies in the world, by the bodies' names.
  ///
  /// They equal those of a new environment of LeRobot after `reset(seed)`. Movable objects are placed too, because each
  /// draw advances the generator and fixtures may follow; an initial state then overwrites their poses.
  ///
  /// - Throws: if there is no room for an object.
  public func fixturePoses(seed: UInt32) throws -> [String: PhysicsModel.Pose] {
    let placed = try draw(seed: seed) { random, _ throws in try placeOnSurface(&random) }
    return Self.fixturePoses(placed)
  }

  static func fixturePoses(_ placed: [Placed]) -> [String: PhysicsModel.Pose] {
    Dictionary(uniqueKeysWithValues: placed.filter(\.isFixture).map { ("\($0.name)_main", $0.pose) })
  }

  /// Draws as the official stack's reset does, from the generator after `numpy.random.seed(seed)`.
  ///
  /// - Parameter attempt: places everything, with the joints' positions drawn before; nil if something finds no room.
  func draw<Value>(
    seed: UInt32, _ attempt: (inout LegacyRandom, [String: Double]) throws -> Value?
  ) throws -> Value {
    var random = LegacyRandom(seed: seed)
    // As in the official stack, a failed attempt is followed by another without reseeding.
    for number in 1...Self.attempts {
      // The robot's joints are drawn with a noise of zero.
      _ = random.normals(count: 7)
      // The samplers are registered when LIBERO's environment is made, when LeRobot's resets it unseeded, and at each
      // further reset once more.
      let joints = drawJoints(rounds: number + 2, &random)
      if let value = try attempt(&random, joints) { return value }
    }
    throw Failure("the objects of \(problem.name) find no room in their regions with seed \(seed)")
  }

  /// A simulation of the task's compiled model at the start of an episode, without the sites that images do not show.
  public func simulation(of model: PhysicsModel, seed: UInt32) throws -> Simulation {
    let poses = try fixturePoses(seed: seed)
    do {
      let simulation = try Simulation(model, allowsModelOverrides: true)
      try place(poses, in: simulation)
      for name in hiddenSites {
        let site = try model.index(of: .site, named: name)
        let opacity = simulation.siteOpacity(site)
        if opacity > 0 { try simulation.setSiteOpacity(-opacity, of: site) }
      }
      return simulation
    } catch {
      throw Failure("\(problem.name): \(error)")
    }
  }

  /// Places fixtures.
  func place(_ poses: [String: PhysicsModel.Pose], in simulation: Simulation) throws {
    for (name, pose) in poses {
      try simulation.place(body: simulation.model.index(of: .body, named: name), at: pose)
    }
  }

  private static let attempts = 10
  static let tries = 5000

  /// An object or fixture with its drawn pose.
  struct Placed {
    let name: String
    let isFixture: Bool
    let pose: PhysicsModel.Pose

    init(_ object: LiberoObject, _ position: SIMD3<Double>, _ quaternion: SIMD4<Double>) {
      (name, isFixture) = (object.name, object.isFixture)
      pose = PhysicsModel.Pose(position: position, quaternion: quaternion)
    }
  }

  /// Places what the description has on the work surface, in its order; nil if something finds no room.
  func placeOnSurface(_ random: inout LegacyRandom) throws -> [Placed]? {
    var placed: [Placed] = []
    for statement in problem.initialState where statement.relation == .on {
      let (name, target) = (statement.arguments[0], statement.arguments[1])
      guard let region = problem.regions[target], extents[region.target] == nil else { continue }
      guard let object = objects.first(where: { $0.name == name }), let extent = extents[name], !region.ranges.isEmpty
      else {
        throw Failure("'\(name)' cannot be placed on '\(target)': expected an object and a region with a rectangle")
      }
      guard !placed.contains(where: { $0.name == name }) else {
        throw Failure("'\(name)' is placed twice by the description of \(problem.name)")
      }
      guard let next = try place(object, extent, region, placed, &random) else { return nil }
      placed.append(next)
    }
    return placed
  }

  private func place(
    _ object: LiberoObject, _ extent: ObjectModel.Extent, _ region: BddlRegion, _ placed: [Placed],
    _ random: inout LegacyRandom
  ) throws -> Placed? {
    let margin = !object.isFixture && kind.keepsObjectsWithinRegions ? extent.radius : 0
    let lift = object.isFixture ? kind.fixtureLift : 0.01
    for _ in 0..<Self.tries {
      let range = region.ranges[Int(random.integer(below: UInt32(region.ranges.count)))]
      let x = random.uniform(range.x.from + margin, range.x.to - margin) + kind.offset.x
      let y = random.uniform(range.y.from + margin, range.y.to - margin) + kind.offset.y
      let position = SIMD3(x, y, (lift + kind.offset.z) - extent.bottom)
      guard object.isFixture || isFree(position, extent, placed) else { continue }
      let yaw =
        object.isFixture ? random.uniform(min(region.yawFrom, region.yawTo), max(region.yawFrom, region.yawTo)) : 0
      let quaternion =
        try object.isFixture ? SIMD4(cos(yaw / 2), 0, 0, sin(yaw / 2)) : drawRotation(of: object, &random)
      return Placed(object, position, quaternion)
    }
    return nil
  }

  /// Whether no placed object overlaps an object at `position`, by their radii seen from above and their heights.
  func isFree(_ position: SIMD3<Double>, _ extent: ObjectModel.Extent, _ placed: [Placed]) -> Bool {
    placed.allSatisfy { other in
      guard let room = extents[other.name] else { return true }
      let offset = position - other.pose.position
      let near = (offset.x * offset.x + offset.y * offset.y).squareRoot() <= room.radius + extent.radius
      return !(near && offset.z <= room.top - extent.bottom)
    }
  }
}
