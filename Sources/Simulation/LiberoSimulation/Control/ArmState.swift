import MuJoCoPhysics

/// The arm's state that the controller computes torques from.
struct ArmState: Sendable {
  /// The grip site's position, meters.
  var position: SIMD3<Double>
  /// The grip site's orientation, `[3, 3]`.
  var rotation: Matrix
  /// The grip site's velocity, m/s.
  var velocity: SIMD3<Double>
  /// The grip site's angular velocity, rad/s.
  var angularVelocity: SIMD3<Double>
  /// Radians.
  var jointPositions: [Double]
  /// Radians a second.
  var jointVelocities: [Double]
  /// Of the grip site's position, `[3, 7]`.
  var linearJacobian: Matrix
  /// Of the grip site's orientation, `[3, 7]`.
  var angularJacobian: Matrix
  /// Of the arm's joints, `[7, 7]`.
  var massMatrix: Matrix
}

extension ArmState {
  /// Reads the state from a simulation after its forward computation.
  ///
  /// - Parameter scratch: buffers for the whole model's Jacobian and mass matrix.
  init(_ robot: RobotHandles, in simulation: Simulation, scratch: inout Simulation.SiteDynamics) throws {
    try simulation.read(&scratch, ofSite: robot.gripSite)
    let count = simulation.model.velocityCount
    let degrees = robot.arm.map(\.velocity)
    let rows = 0..<3
    linearJacobian = Matrix(
      3, degrees.count, values: rows.flatMap { row in degrees.map { scratch.linearJacobian[row * count + $0] } })
    angularJacobian = Matrix(
      3, degrees.count, values: rows.flatMap { row in degrees.map { scratch.angularJacobian[row * count + $0] } })
    massMatrix = Matrix(
      degrees.count, degrees.count,
      values: degrees.flatMap { row in degrees.map { scratch.massMatrix[row * count + $0] } })
    jointPositions = robot.arm.map { simulation.position(at: $0.position) }
    jointVelocities = robot.arm.map { simulation.velocity(at: $0.velocity) }
    // Only the arm's joints move the grip site.
    let linear = linearJacobian * jointVelocities
    let angular = angularJacobian * jointVelocities
    velocity = SIMD3(linear[0], linear[1], linear[2])
    angularVelocity = SIMD3(angular[0], angular[1], angular[2])
    position = simulation.sitePosition(robot.gripSite)
    rotation = Matrix(3, 3, values: simulation.siteRotation(robot.gripSite))
  }
}
