import MuJoCoPhysics

/// The robot's sensor values: joints after a physics step, poses before it.
public struct RobotReadings: Sendable, Equatable {
  /// The grip site's position, meters.
  public let endEffectorPosition: SIMD3<Double>
  /// The hand's orientation: x, y, z, w.
  public let endEffectorQuaternion: SIMD4<Double>
  /// Of the two fingers, meters.
  public let gripperPositions: [Double]
  /// Of the arm, radians.
  public let jointPositions: [Double]
  /// Of the arm, radians a second.
  public let jointVelocities: [Double]
  /// All generalized positions that the poses were computed from and images are drawn of.
  let kinematicsPositions: [Double]

  init(_ robot: RobotHandles, _ simulation: Simulation, kinematicsPositions: [Double]) {
    endEffectorPosition = simulation.sitePosition(robot.gripSite)
    let hand = simulation.bodyQuaternion(robot.hand)
    endEffectorQuaternion = SIMD4(hand.y, hand.z, hand.w, hand.x)
    gripperPositions = robot.fingers.map { simulation.position(at: $0.position) }
    jointPositions = robot.arm.map { simulation.position(at: $0.position) }
    jointVelocities = robot.arm.map { simulation.velocity(at: $0.velocity) }
    self.kinematicsPositions = kinematicsPositions
  }

  /// A name for each number of ``policyState``.
  public static let policyStateNames = [
    "x", "y", "z", "axis_angle1", "axis_angle2", "axis_angle3", "gripper1", "gripper2",
  ]

  /// The state as LeRobot passes it to a policy, `[8]`: position (3), axis times angle (3), fingers (2).
  public var policyState: [Float] {
    let axisAngle = Rotation.axisAngle(of: endEffectorQuaternion)
    return [
      Float(endEffectorPosition.x), Float(endEffectorPosition.y), Float(endEffectorPosition.z), axisAngle.x,
      axisAngle.y, axisAngle.z, Float(gripperPositions[0]), Float(gripperPositions[1]),
    ]
  }
}
