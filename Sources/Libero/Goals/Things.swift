import MuJoCo

/// An object or fixture as goals see it: its root body, what touches, and what moves.
struct GoalObject: Sendable {
  let body: Int
  /// Geoms that make contacts.
  let geoms: Set<Int>
  /// Where the values of its hinges and slides begin among the positions.
  let joints: [Int]
  let articulation: Articulation
}

/// A region of the scene as goals see it: a box, the object that it is a part of, and what moves with it.
struct GoalRegion: Sendable {
  let site: Int
  /// Half sizes, metres.
  let size: SIMD3<Double>
  /// The object that it belongs to; nil for a region of a table or the floor.
  let parent: GoalObject?
  /// Where the values of the hinges and slides of its own body begin among the positions.
  let joints: [Int]

  /// Whether a point lies in the box; the box's turned half sizes are taken along the world's axes, as LIBERO does, and
  /// its floor is a centimetre lower.
  func contains(_ point: SIMD3<Double>, in simulation: Simulation) -> Bool {
    let center = simulation.sitePosition(site)
    let rotation = Matrix(3, 3, values: simulation.siteRotation(site))
    let reach = (rotation * [size.x, size.y, size.z]).map(abs)
    for axis in 0..<3 {
      let low = center[axis] - reach[axis] - (axis == 2 ? 0.01 : 0)
      guard point[axis] > low, point[axis] < center[axis] + reach[axis] else { return false }
    }
    return true
  }

  /// Whether a point lies above the box, at most 10 cm.
  func isUnder(_ point: SIMD3<Double>, in simulation: Simulation) -> Bool {
    let away = point - simulation.sitePosition(site)
    let offset = Matrix(3, 3, values: simulation.siteRotation(site)) * [away.x, away.y, away.z]
    return size.z - 0.005 < offset[2] && offset[2] < size.z + 0.10 && abs(offset[0]) < size.x && abs(offset[1]) < size.y
  }
}

/// What a goal may be about.
enum GoalThing: Sendable {
  case object(GoalObject)
  case region(GoalRegion)

  /// Finds an object by its root body, or else a region by its site.
  ///
  /// - Parameter categories: every object's and fixture's category, by its name.
  init(named name: String, in model: Model, categories: [String: String]) throws(LiberoError) {
    do throws(SimulationError) {
      if let category = categories[name] {
        self = .object(try GoalObject(named: name, category: category, in: model))
        return
      }
      let site = try model.index(of: .site, named: name)
      let body = model.body(ofSite: site)
      var parent: GoalObject?
      for (owner, category) in categories where name.hasPrefix("\(owner)_") {
        let object = try GoalObject(named: owner, category: category, in: model)
        if model.subtree(ofBody: object.body).contains(body) { parent = object }
      }
      self = .region(
        GoalRegion(
          site: site, size: model.size(ofSite: site), parent: parent,
          joints: model.scalarJointPositions(ofBodies: [body])))
    } catch {
      throw LiberoError("the goal speaks of '\(name)', which the scene does not have: \(error)")
    }
  }
}

extension GoalObject {
  init(named name: String, category: String, in model: Model) throws(SimulationError) {
    body = try model.index(of: .body, named: "\(name)_main")
    let bodies = model.subtree(ofBody: body)
    // robosuite keeps what collides in group 0 and what is only seen in group 1.
    geoms = model.geoms(ofBodies: bodies, inGroup: 0)
    joints = model.scalarJointPositions(ofBodies: bodies)
    articulation = Articulation(category: category)
  }
}
