import CMuJoCo

extension PhysicsModel {
  /// From and to which value an actuator's control goes.
  public func controlRange(ofActuator actuator: Int) -> (low: Double, high: Double) {
    precondition(actuator >= 0 && actuator < actuatorCount)
    let range = pointer.pointee.actuator_ctrlrange
    return (range?[2 * actuator] ?? 0, range?[2 * actuator + 1] ?? 0)
  }
}
