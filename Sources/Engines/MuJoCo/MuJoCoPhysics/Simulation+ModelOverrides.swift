import CMuJoCo
import Failures

extension PhysicsModel {
  /// A body's pose in its parent's frame.
  public struct Pose: Sendable, Equatable {
    /// Its position, meters.
    public let position: SIMD3<Double>
    /// Its orientation, a unit quaternion w, x, y, z.
    public let quaternion: SIMD4<Double>

    public init(position: SIMD3<Double>, quaternion: SIMD4<Double>) {
      self.position = position
      self.quaternion = quaternion
    }
  }
}

/// Changes to the model for one simulation.
extension Simulation {
  /// Places a body that has no joint in its parent's frame, for this simulation alone.
  ///
  /// Derived quantities are not recomputed, as when writing into a compiled model.
  ///
  /// - Throws: if the simulation was created without `allowsModelOverrides`.
  public func place(body: Int, at pose: PhysicsModel.Pose) throws {
    precondition(body >= 0 && body < Int(model.pointer.pointee.nbody))
    let overridden = try writableModel()
    for axis in 0..<3 { overridden.pointee.body_pos[3 * body + axis] = pose.position[axis] }
    for axis in 0..<4 { overridden.pointee.body_quat[4 * body + axis] = pose.quaternion[axis] }
  }

  /// A site's opacity as this simulation draws it; at 0 and below the site is not drawn.
  public func siteOpacity(_ index: Int) -> Float {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nsite))
    return modelPointer.pointee.site_rgba[4 * index + 3]
  }

  /// Sets a site's opacity for this simulation alone.
  ///
  /// - Throws: if the simulation was created without `allowsModelOverrides`.
  public func setSiteOpacity(_ opacity: Float, of index: Int) throws {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nsite))
    try writableModel().pointee.site_rgba[4 * index + 3] = opacity
  }

  private func writableModel() throws -> UnsafeMutablePointer<mjModel> {
    guard let overlay else { throw Failure("this simulation was created without allowsModelOverrides") }
    return overlay.pointer
  }
}
