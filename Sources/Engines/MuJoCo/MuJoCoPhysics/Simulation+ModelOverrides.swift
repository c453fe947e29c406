import Failures
import CMuJoCo

extension PhysicsModel {
  /// Where a body stands in its parent's frame.
  public struct Pose: Sendable, Equatable {
    /// Its position, metres.
    public let position: SIMD3<Double>
    /// Its orientation, a unit quaternion w, x, y, z.
    public let quaternion: SIMD4<Double>

    /// Makes a pose.
    public init(position: SIMD3<Double>, quaternion: SIMD4<Double>) {
      self.position = position
      self.quaternion = quaternion
    }
  }
}

/// What one simulation may change in its model.
extension Simulation {
  /// Places a body that has no joint in its parent's frame, for this simulation alone.
  ///
  /// Nothing derived is computed anew, as where a program writes into a compiled model.
  ///
  /// - Throws: if the simulation was not made to vary.
  public func place(body: Int, at pose: PhysicsModel.Pose) throws {
    precondition(body >= 0 && body < Int(model.pointer.pointee.nbody))
    let seen = try changeable()
    for axis in 0..<3 { seen.pointee.body_pos[3 * body + axis] = pose.position[axis] }
    for axis in 0..<4 { seen.pointee.body_quat[4 * body + axis] = pose.quaternion[axis] }
  }

  /// A site's opacity as this simulation draws it; at 0 and below the site is not drawn.
  public func siteOpacity(_ index: Int) -> Float {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nsite))
    return modelPointer.pointee.site_rgba[4 * index + 3]
  }

  /// Sets a site's opacity for this simulation alone.
  ///
  /// - Throws: if the simulation was not made to vary.
  public func setSiteOpacity(_ opacity: Float, of index: Int) throws {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nsite))
    try changeable().pointee.site_rgba[4 * index + 3] = opacity
  }

  private func changeable() throws -> UnsafeMutablePointer<mjModel> {
    guard let overlay else { throw Failure("this simulation was not made to differ from its model") }
    return overlay.pointer
  }
}
