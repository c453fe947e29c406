import CMuJoCo

/// How a model hangs together: which geoms and joints belong to a body, where a site sits.
extension Model {
  /// A body and all bodies below it.
  public func subtree(ofBody root: Int) -> Set<Int> {
    var found: Set<Int> = [root]
    // Parents come before their children.
    for body in 0..<Int(pointer.pointee.nbody) where found.contains(Int(pointer.pointee.body_parentid[body])) {
      if body > 0 { found.insert(body) }
    }
    return found
  }

  /// The geoms of the given bodies that are in one group.
  public func geoms(ofBodies bodies: Set<Int>, inGroup group: Int) -> Set<Int> {
    Set(
      (0..<Int(pointer.pointee.ngeom)).filter { geom in
        bodies.contains(Int(pointer.pointee.geom_bodyid[geom])) && Int(pointer.pointee.geom_group[geom]) == group
      })
  }

  /// Where the values of the given bodies' hinges and slides begin among the generalised positions.
  public func scalarJointPositions(ofBodies bodies: Set<Int>) -> [Int] {
    (0..<Int(pointer.pointee.njnt)).filter { joint in
      let kind = pointer.pointee.jnt_type[joint]
      return bodies.contains(Int(pointer.pointee.jnt_bodyid[joint]))
        && (kind == Int32(mjJNT_HINGE.rawValue) || kind == Int32(mjJNT_SLIDE.rawValue))
    }.map { Int(pointer.pointee.jnt_qposadr[$0]) }
  }

  /// The body that a site is fixed to.
  public func body(ofSite site: Int) -> Int {
    precondition(site >= 0 && site < Int(pointer.pointee.nsite))
    return Int(pointer.pointee.site_bodyid[site])
  }

  /// A site's half sizes, metres.
  public func size(ofSite site: Int) -> SIMD3<Double> {
    precondition(site >= 0 && site < Int(pointer.pointee.nsite))
    guard let sizes = pointer.pointee.site_size else { return .zero }
    return SIMD3(sizes[3 * site], sizes[3 * site + 1], sizes[3 * site + 2])
  }

  /// From and to which value an actuator's control goes.
  public func controlRange(ofActuator actuator: Int) -> (low: Double, high: Double) {
    precondition(actuator >= 0 && actuator < actuatorCount)
    let range = pointer.pointee.actuator_ctrlrange
    return (range?[2 * actuator] ?? 0, range?[2 * actuator + 1] ?? 0)
  }
}
