import CMuJoCo

extension PhysicsModel {
  /// The bounds of an actuator's control.
  public func controlRange(ofActuator actuator: Int) -> (low: Double, high: Double) {
    precondition(actuator >= 0 && actuator < actuatorCount)
    guard let range = pointer.pointee.actuator_ctrlrange else {
      preconditionFailure("a model with actuators has ranges")
    }
    return (range[2 * actuator], range[2 * actuator + 1])
  }
}
