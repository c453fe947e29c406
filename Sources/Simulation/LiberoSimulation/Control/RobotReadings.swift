import MuJoCoPhysics

/// What the robot's sensors say: joints as they are after a physics step, poses as they were before it.
public struct RobotReadings: Sendable, Equatable {
  /// Where the grip site is, metres.
  public let endEffectorPosition: SIMD3<Double>
  /// How the hand is turned: x, y, z, w.
  public let endEffectorQuaternion: SIMD4<Double>
  /// Of the two fingers, metres.
  public let gripperPositions: [Double]
  /// Of the arm, radians.
  public let jointPositions: [Double]
  /// Of the arm, radians a second.
  public let jointVelocities: [Double]
  /// All positions that the poses belong to, and that the cameras see.
  let posedPositions: [Double]

  init(_ robot: RobotHandles, _ simulation: Simulation, posed: [Double]) {
    endEffectorPosition = simulation.sitePosition(robot.gripSite)
    let hand = simulation.bodyQuaternion(robot.hand)
    endEffectorQuaternion = SIMD4(hand.y, hand.z, hand.w, hand.x)
    gripperPositions = robot.fingers.map { simulation.position(at: $0.position) }
    jointPositions = robot.arm.map { simulation.position(at: $0.position) }
    jointVelocities = robot.arm.map { simulation.velocity(at: $0.velocity) }
    posedPositions = posed
  }

  /// A name for each number of ``policyState``.
  public static let policyStateNames = [
    "x", "y", "z", "axis_angle1", "axis_angle2", "axis_angle3", "gripper1", "gripper2",
  ]

  /// The state as LeRobot gives it to a policy, `[8]`: position (3), axis times angle (3), fingers (2).
  public var policyState: [Float] {
    let turned = Rotation.axisAngle(of: endEffectorQuaternion)
    return [
      Float(endEffectorPosition.x), Float(endEffectorPosition.y), Float(endEffectorPosition.z), turned.x, turned.y,
      turned.z, Float(gripperPositions[0]), Float(gripperPositions[1]),
    ]
  }
}
