import CMuJoCo

/// For controllers that run between the two halves of a physics step.
extension Simulation {
  /// A site's Jacobian and the joints' mass matrix at the last computed state.
  public struct SiteDynamics: Sendable {
    /// `[3, velocityCount]`, row-major: the site's velocity per generalized velocity.
    public var linearJacobian: [Double]
    /// `[3, velocityCount]`, row-major: the site's angular velocity per generalized velocity.
    public var angularJacobian: [Double]
    /// `[velocityCount, velocityCount]`, row-major.
    public var massMatrix: [Double]

    public init(of model: PhysicsModel) {
      let count = model.velocityCount
      linearJacobian = [Double](repeating: 0, count: 3 * count)
      angularJacobian = [Double](repeating: 0, count: 3 * count)
      massMatrix = [Double](repeating: 0, count: count * count)
    }
  }

  /// Computes the state as `forward()` does, without sensors; `again` keeps what depends only on positions and
  /// velocities and recomputes accelerations, which moves the solver's warm start.
  public func prepareStep(again: Bool = false) throws {
    try guarded("compute the state") {
      wm_mujoco_forward_part(&$0, modelPointer, pointer, again ? mjSTAGE_VEL : mjSTAGE_NONE, &$1)
    }
    try throwWarnings()
  }

  /// Advances time by one physics step with the current controls; after `prepareStep()` the result is bit-identical to
  /// `step()`, at a lower cost.
  public func finishStep() throws {
    try guarded("advance the simulation") { wm_mujoco_finish_step(&$0, modelPointer, pointer, &$1) }
    try throwWarnings()
  }

  /// Fills in a site's Jacobian and the mass matrix.
  public func read(_ dynamics: inout SiteDynamics, ofSite site: Int) throws {
    let count = model.velocityCount
    precondition(site >= 0 && site < Int(model.pointer.pointee.nsite))
    precondition(dynamics.linearJacobian.count == 3 * count && dynamics.angularJacobian.count == 3 * count)
    precondition(dynamics.massMatrix.count == count * count)
    try guarded("compute a Jacobian") {
      wm_mujoco_site_dynamics(
        &$0, modelPointer, pointer, Int32(site), &dynamics.linearJacobian, &dynamics.angularJacobian,
        &dynamics.massMatrix, &$1)
    }
  }

  /// The force of gravity, Coriolis and centrifugal effects on a degree of freedom.
  public func biasForce(at index: Int) -> Double {
    precondition(index >= 0 && index < model.velocityCount)
    return pointer.pointee.qfrc_bias[index]
  }

  public var controls: [Double] { Array(UnsafeBufferPointer(start: pointer.pointee.ctrl, count: model.actuatorCount)) }
}
