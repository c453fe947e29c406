import Failures
import Foundation
import MuJoCoPhysics

extension LiberoScene {
  /// Where the fixtures stand in an episode: their outermost bodies' poses in the world, by the bodies' names.
  ///
  /// They are what LeRobot's new environment draws at `reset(seed)`. Movable objects are
  /// placed on the way, because each draw moves the generator and fixtures may follow them; an initial state then
  /// overwrites their poses.
  ///
  /// - Throws: a sentence where the description leaves no room for an object.
  public func fixturePoses(seed: UInt32) throws -> [String: PhysicsModel.Pose] {
    var random = LegacyRandom(seed: seed)
    // An attempt that leaves no room is followed by another, as in the official stack, with the generator as it stands.
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

  /// A simulation of the task's compiled model as it stands in an episode, with the sites hidden that no image shows.
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

  /// Puts fixtures where they are to stand.
  func place(_ poses: [String: PhysicsModel.Pose], in simulation: Simulation) throws {
    for (name, pose) in poses {
      try simulation.place(body: simulation.model.index(of: .body, named: name), at: pose)
    }
  }

  private static let attempts = 10
  private static let tries = 5000

  /// How many things are open, closed, on or off at first; each draws the place of its joints.
  private var articulationDraws: Int { problem.initialState.count { $0.relation.arity == 1 } }

  /// Something that has been put down.
  fileprivate struct Placed {
    let name: String
    let isFixture: Bool
    let position: SIMD3<Double>
    let yaw: Double
  }

  /// Puts down what the description puts on the work surface, in its order; nil where something finds no room.
  private func place(_ random: inout LegacyRandom) throws -> [Placed]? {
    var placed: [Placed] = []
    for statement in problem.initialState where statement.relation == .on {
      let (name, target) = (statement.arguments[0], statement.arguments[1])
      // Things on other objects come last, and then no fixture follows.
      guard let region = problem.regions[target], extents[region.target] == nil else { continue }
      guard let object = objects.first(where: { $0.name == name }), let extent = extents[name], !region.ranges.isEmpty
      else {
        throw Failure("'\(name)' cannot be put on '\(target)': expected an object and a region with a rectangle")
      }
      guard !placed.contains(where: { $0.name == name }) else {
        throw Failure("'\(name)' is put in two places by the description of \(problem.name)")
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
        for turn in try ObjectCategory(named: object.category).turns { _ = random.uniform(turn.low, turn.high) }
      }
      return Placed(name: object.name, isFixture: object.isFixture, position: position, yaw: yaw)
    }
    return nil
  }

  /// Whether nothing that has been put down is so near, seen from above, that the two would touch.
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
