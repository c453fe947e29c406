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
    var random = LegacyRandom(seed: seed)
    // As in the official stack, a failed attempt is followed by another without reseeding.
    for attempt in 1...Self.attempts {
      // The robot's joints are drawn with a noise of zero.
      _ = random.normals(count: 7)
      // The samplers are registered when LIBERO's environment is made, when LeRobot's resets it unseeded, and at each
      // further reset once more.
      for _ in 0..<(attempt + 2) * articulationDraws { _ = random.uniform() }
      if let placed = try place(&random) {
        return Dictionary(
          uniqueKeysWithValues: placed.filter(\.isFixture).map { ("\($0.name)_main", PhysicsModel.Pose($0)) })
      }
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
  private static let tries = 5000

  /// The number of open, closed, on and off statements; each draws its joints' positions.
  private var articulationDraws: Int { problem.initialState.count { $0.relation.arity == 1 } }

  /// An object or fixture with its drawn pose.
  fileprivate struct Placed {
    let name: String
    let isFixture: Bool
    let position: SIMD3<Double>
    let yaw: Double
  }

  /// Places what the description has on the work surface, in its order; nil if something finds no room.
  private func place(_ random: inout LegacyRandom) throws -> [Placed]? {
    var placed: [Placed] = []
    for statement in problem.initialState where statement.relation == .on {
      let (name, target) = (statement.arguments[0], statement.arguments[1])
      // Objects on other objects come last, and no fixture follows them.
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
      var yaw = 0.0
      if object.isFixture {
        yaw = random.uniform(min(region.yawFrom, region.yawTo), max(region.yawFrom, region.yawTo))
      } else {
        for rotation in try ObjectCategory(named: object.category).rotations {
          _ = random.uniform(rotation.low, rotation.high)
        }
      }
      return Placed(name: object.name, isFixture: object.isFixture, position: position, yaw: yaw)
    }
    return nil
  }

  /// Whether no placed object overlaps an object at `position`, by their radii seen from above and their heights.
  private func isFree(_ position: SIMD3<Double>, _ extent: ObjectModel.Extent, _ placed: [Placed]) -> Bool {
    placed.allSatisfy { other in
      guard let room = extents[other.name] else { return true }
      let (x, y) = (position.x - other.position.x, position.y - other.position.y)
      let near = (x * x + y * y).squareRoot() <= room.radius + extent.radius
      return !(near && position.z - other.position.z <= room.top - extent.bottom)
    }
  }
}

extension PhysicsModel.Pose {
  fileprivate init(_ placed: LiberoScene.Placed) {
    self.init(position: placed.position, quaternion: SIMD4(cos(placed.yaw / 2), 0, 0, sin(placed.yaw / 2)))
  }
}
