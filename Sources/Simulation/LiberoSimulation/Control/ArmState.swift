import MuJoCoPhysics

/// What the controller knows of the arm at one moment.
struct ArmState: Sendable {
  /// Where the grip site is, metres.
  var position: SIMD3<Double>
  /// How the grip site is turned, `[3, 3]`.
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
  var translation: Matrix
  /// Of the grip site's orientation, `[3, 7]`.
  var turning: Matrix
  /// Of the arm's joints, `[7, 7]`.
  var mass: Matrix
}

extension ArmState {
  /// Reads it from a simulation with the present state computed.
  ///
  /// - Parameter scratch: room for the whole model's Jacobian and mass matrix.
  init(
    _ robot: RobotHandles, in simulation: Simulation, scratch: inout Simulation.SiteDynamics
  ) throws {
    try simulation.read(&scratch, ofSite: robot.gripSite)
    let count = simulation.model.velocityCount
    let degrees = robot.arm.map(\.velocity)
    let rows = 0..<3
    translation = Matrix(
      3, degrees.count, values: rows.flatMap { row in degrees.map { scratch.translation[row * count + $0] } })
    turning = Matrix(
      3, degrees.count, values: rows.flatMap { row in degrees.map { scratch.rotation[row * count + $0] } })
    mass = Matrix(
      degrees.count, degrees.count, values: degrees.flatMap { row in degrees.map { scratch.mass[row * count + $0] } })
    jointPositions = robot.arm.map { simulation.position(at: $0.position) }
    jointVelocities = robot.arm.map { simulation.velocity(at: $0.velocity) }
    // Only the arm's joints move the grip site.
    let linear = translation * jointVelocities
    let angular = turning * jointVelocities
    velocity = SIMD3(linear[0], linear[1], linear[2])
    angularVelocity = SIMD3(angular[0], angular[1], angular[2])
    position = simulation.sitePosition(robot.gripSite)
    rotation = Matrix(3, 3, values: simulation.siteRotation(robot.gripSite))
  }
}
