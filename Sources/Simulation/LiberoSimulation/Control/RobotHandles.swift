import MuJoCoPhysics

/// The indices of the Panda's and its gripper's elements in a model, found by robosuite's names.
struct RobotHandles: Sendable {
  typealias Joint = (position: Int, velocity: Int)

  /// The joints' positions at which robosuite builds the robot in LIBERO, radians.
  let initialPositions: [Double]
  let arm: [Joint]
  let fingers: [Joint]
  let armActuators: [Int]
  let fingerActuators: [Int]
  let armTorqueRanges: [(low: Double, high: Double)]
  let fingerControlRanges: [(low: Double, high: Double)]
  let gripSite: Int
  let hand: Int
  let cameras: [String: Int]

  /// The fingers' positions at which robosuite builds the gripper, meters.
  static let initialFingerPositions = [0.020833, -0.020833]
  /// LeRobot's names of the cameras, and the model's.
  static let cameraNames = [("image", "agentview"), ("image2", "robot0_eye_in_hand")]

  init(_ model: PhysicsModel, initialPositions: [Double] = Self.mountedPanda) throws {
    self.initialPositions = initialPositions
    var arm: [Joint] = []
    var armActuators: [Int] = []
    for number in 1...7 {
      arm.append(try model.addresses(ofJoint: "robot0_joint\(number)"))
      armActuators.append(try model.index(of: .actuator, named: "robot0_torq_j\(number)"))
    }
    var fingers: [Joint] = []
    var fingerActuators: [Int] = []
    for number in 1...2 {
      fingers.append(try model.addresses(ofJoint: "gripper0_finger_joint\(number)"))
      fingerActuators.append(try model.index(of: .actuator, named: "gripper0_gripper_finger_joint\(number)"))
    }
    var cameras: [String: Int] = [:]
    for (name, camera) in Self.cameraNames { cameras[name] = try model.index(of: .camera, named: camera) }
    self.arm = arm
    self.armActuators = armActuators
    self.fingers = fingers
    self.fingerActuators = fingerActuators
    self.cameras = cameras
    armTorqueRanges = armActuators.map { model.controlRange(ofActuator: $0) }
    fingerControlRanges = fingerActuators.map { model.controlRange(ofActuator: $0) }
    gripSite = try model.index(of: .site, named: "gripper0_grip_site")
    hand = try model.index(of: .body, named: "robot0_right_hand")
  }

  /// LIBERO's Panda on a mount or on the floor.
  static let mountedPanda = [0, -0.161037389, 0, -2.44459747, 0, 2.2267522, Double.pi / 4]
}
