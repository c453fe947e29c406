import CMuJoCo
import Failures

/// The full state, poses and contacts.
extension Simulation {
  public var positions: [Double] { Array(UnsafeBufferPointer(start: pointer.pointee.qpos, count: model.positionCount)) }

  public var velocities: [Double] {
    Array(UnsafeBufferPointer(start: pointer.pointee.qvel, count: model.velocityCount))
  }

  /// Sets time, positions and velocities; controls and the solver's warm start stay. Wrong counts are an error.
  public func setState(time: Double, positions: [Double], velocities: [Double]) throws {
    guard positions.count == model.positionCount, velocities.count == model.velocityCount else {
      throw Failure(
        "a state of this model has \(model.positionCount) positions and \(model.velocityCount) velocities, and this one"
          + " has \(positions.count) and \(velocities.count)")
    }
    pointer.pointee.time = time
    setPositions(positions)
    velocities.withUnsafeBufferPointer { values in
      if let start = values.baseAddress { pointer.pointee.qvel.update(from: start, count: values.count) }
    }
  }

  private func setPositions(_ positions: [Double]) {
    positions.withUnsafeBufferPointer { values in
      if let start = values.baseAddress { pointer.pointee.qpos.update(from: start, count: values.count) }
    }
  }

  /// Runs `body` with all poses as they are at other positions, and restores positions and poses afterwards.
  ///
  /// - Parameters:
  ///   - positions: the positions that `body` sees.
  ///   - present: the positions that the present poses belong to, which after a step are the ones before it.
  public func withPoses<Value>(at positions: [Double], present: [Double], _ body: () throws -> Value) throws -> Value {
    precondition(positions.count == model.positionCount && present.count == model.positionCount)
    let original = self.positions
    defer { setPositions(original) }
    setPositions(positions)
    try computePoses()
    let value = try body()
    setPositions(present)
    try computePoses()
    return value
  }

  private func computePoses() throws {
    try guarded("compute poses") { wm_mujoco_poses(&$0, modelPointer, pointer, &$1) }
  }

  /// A body's orientation in the world: w, x, y, z.
  public func bodyQuaternion(_ index: Int) -> SIMD4<Double> {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nbody))
    guard let values = pointer.pointee.xquat else { return SIMD4(1, 0, 0, 0) }
    return SIMD4(values[4 * index], values[4 * index + 1], values[4 * index + 2], values[4 * index + 3])
  }

  /// The world position of a site, meters.
  public func sitePosition(_ index: Int) -> SIMD3<Double> {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nsite))
    return vector(pointer.pointee.site_xpos, index)
  }

  /// A site's orientation in the world: a rotation matrix, `[3, 3]`, row-major.
  public func siteRotation(_ index: Int) -> [Double] {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nsite))
    return Array(UnsafeBufferPointer(start: pointer.pointee.site_xmat + 9 * index, count: 9))
  }

  /// The number of contacts that the last step or `forward()` found.
  public var contactCount: Int { Int(pointer.pointee.ncon) }

  /// Whether any geom of one set and any of the other are close enough to be a contact, even if no force acts.
  public func isContact(between first: Set<Int>, and second: Set<Int>) -> Bool {
    guard let contacts = pointer.pointee.contact else { return false }
    return UnsafeBufferPointer(start: contacts, count: contactCount).contains { contact in
      let one = Int(contact.geom.0)
      let other = Int(contact.geom.1)
      return (first.contains(one) && second.contains(other)) || (first.contains(other) && second.contains(one))
    }
  }
}
