import Failures
import MuJoCoPhysics

/// What goals need of an object or fixture: its root body, contact geoms and joints.
struct GoalObject: Sendable {
  let body: Int
  /// Geoms that collide.
  let geoms: Set<Int>
  /// Indices of its hinges and slides among the generalized positions.
  let joints: [Int]
  let articulation: Articulation

  init(_ object: LiberoObject, in model: PhysicsModel) throws {
    body = try model.index(of: .body, named: object.body)
    var geoms: Set<Int> = []
    for name in object.contactGeoms { geoms.insert(try model.index(of: .geom, named: name)) }
    self.geoms = geoms
    joints = try positions(ofJoints: object.joints.filter { $0 != object.freeJoint }, in: model)
    articulation = Articulation(category: object.category)
  }
}

/// What goals need of a region: its box, the object that it is a part of, and the joints that move it.
struct GoalRegion: Sendable {
  let site: Int
  /// Half sizes, meters.
  let size: SIMD3<Double>
  /// The object that it belongs to; nil for a region of a table or the floor.
  let parent: GoalObject?
  /// Indices of its part's hinges and slides among the generalized positions.
  let joints: [Int]

  init(_ name: String, _ site: LiberoSite, of scene: LiberoScene, in model: PhysicsModel) throws {
    self.site = try model.index(of: .site, named: name)
    guard site.size.count >= 3 else { throw Failure("the region '\(name)' is not a box") }
    size = SIMD3(site.size[0], site.size[1], site.size[2])
    if let parent = scene.objects.first(where: { $0.name == site.parent }) {
      self.parent = try GoalObject(parent, in: model)
    } else {
      parent = nil
    }
    joints = try positions(ofJoints: site.joints, in: model)
  }

  /// Whether a point is in the box; as in LIBERO, the rotated half sizes are used along the world's axes, and the lower
  /// bound is a centimeter lower.
  func contains(_ point: SIMD3<Double>, in simulation: Simulation) -> Bool {
    Self.contains(
      point, center: simulation.sitePosition(site), rotation: Matrix(3, 3, values: simulation.siteRotation(site)),
      size: size)
  }

  static func contains(_ point: SIMD3<Double>, center: SIMD3<Double>, rotation: Matrix, size: SIMD3<Double>) -> Bool {
    let halfSizes = (rotation * [size.x, size.y, size.z]).map(abs)
    for axis in 0..<3 {
      let low = center[axis] - halfSizes[axis] - (axis == 2 ? 0.01 : 0)
      guard point[axis] > low, point[axis] < center[axis] + halfSizes[axis] else { return false }
    }
    return true
  }

  /// Whether a point is above the box, at most 10 cm.
  func isUnder(_ point: SIMD3<Double>, in simulation: Simulation) -> Bool {
    Self.isUnder(
      point, center: simulation.sitePosition(site), rotation: Matrix(3, 3, values: simulation.siteRotation(site)),
      size: size)
  }

  static func isUnder(_ point: SIMD3<Double>, center: SIMD3<Double>, rotation: Matrix, size: SIMD3<Double>) -> Bool {
    let difference = point - center
    let offset = rotation * [difference.x, difference.y, difference.z]
    return size.z - 0.005 < offset[2] && offset[2] < size.z + 0.10 && abs(offset[0]) < size.x && abs(offset[1]) < size.y
  }
}

/// What a predicate's argument may name.
enum GoalEntity: Sendable {
  case object(GoalObject)
  case region(GoalRegion)

  /// Finds an object, or else a region.
  init(named name: String, of scene: LiberoScene, in model: PhysicsModel) throws {
    do {
      if let object = scene.objects.first(where: { $0.name == name }) {
        self = .object(try GoalObject(object, in: model))
        return
      }
      if let site = scene.sites[name] {
        self = .region(try GoalRegion(name, site, of: scene, in: model))
        return
      }
    } catch {
      throw Failure("the goal names '\(name)': \(error)")
    }
    throw Failure("the goal names '\(name)', and the scene has no object or region of that name")
  }
}

private func positions(ofJoints names: [String], in model: PhysicsModel) throws -> [Int] {
  var found: [Int] = []
  for name in names { found.append(try model.addresses(ofJoint: name).position) }
  return found
}
