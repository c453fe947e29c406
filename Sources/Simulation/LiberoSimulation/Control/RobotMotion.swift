import MuJoCoPhysics

/// Simulates control steps of 25 physics steps each, or as many as the control rate leaves, with the controller's torques computed before every physics step.
///
/// As in robosuite 1.4.0, the state is computed twice before a physics step: the second computation changes only the
/// solver's warm start, which the result depends on in its last bits. What the two and the step share is computed once.
final class RobotMotion {
  /// Physics steps in one control step, at LIBERO's own rate.
  static let substeps = 25
  /// Memory for contacts and constraints: the scenes' models ask for 1.3 GB (5,000 contacts), which is never used.
  static let arenaBytes = 256 << 20

  let simulation: Simulation
  let robot: RobotHandles
  /// Physics steps in one control step.
  let substeps: Int
  private var controller: OperationalSpaceController
  private(set) var gripper = Gripper()
  private(set) var readings: RobotReadings
  private var armState: ArmState
  /// Whether `armState` is older than the controller's last torques.
  private var needsArmState = false
  private var scratch: Simulation.SiteDynamics
  /// The positions that the simulation's poses were computed from: those before the last physics step.
  private(set) var kinematicsPositions: [Double]

  init(_ model: PhysicsModel, substeps: Int = substeps) throws {
    self.substeps = substeps
    let simulation = try Simulation(model, allowsModelOverrides: true, readsSensors: false, arenaBytes: Self.arenaBytes)
    let robot = try RobotHandles(model)
    var scratch = Simulation.SiteDynamics(of: model)
    let armState = try ArmState(robot, in: simulation, scratch: &scratch)
    self.simulation = simulation
    self.robot = robot
    self.scratch = scratch
    self.armState = armState
    controller = OperationalSpaceController(at: armState)
    kinematicsPositions = simulation.positions
    readings = RobotReadings(robot, simulation, kinematicsPositions: kinematicsPositions)
  }

  /// Starts an episode as a newly built environment does: the model's robot pose is the goal, also of the null space.
  ///
  /// - Parameters:
  ///   - state: the initial state; nil for what `place` leaves.
  ///   - place: places the fixtures, and the objects if there is no initial state.
  func reset(to state: InitialStates.State?, place: (Simulation) throws -> Void) throws {
    try simulation.reset()
    // The controller is created while the gripper and the objects are still where the model places them.
    for (joint, value) in zip(robot.arm, robot.initialPositions) { simulation.setPosition(value, at: joint.position) }
    try simulation.forward()
    armState = try ArmState(robot, in: simulation, scratch: &scratch)
    controller = OperationalSpaceController(at: armState)
    needsArmState = false
    gripper = Gripper()
    try place(simulation)
    for (joint, value) in zip(robot.fingers, RobotHandles.initialFingerPositions) {
      simulation.setPosition(value, at: joint.position)
    }
    try simulation.forward()
    if let state {
      try simulation.setState(time: state.time, positions: state.positions, velocities: state.velocities)
    }
    try simulation.forward()
    kinematicsPositions = simulation.positions
    readings = RobotReadings(robot, simulation, kinematicsPositions: kinematicsPositions)
  }

  /// How the next actions are interpreted; `reset` sets it to relative.
  var mode: ControlMode {
    get { controller.mode }
    set { controller.mode = newValue }
  }

  /// Simulates one control step with an action of seven numbers.
  ///
  /// - Parameter substep: called after each physics step.
  func step(_ action: [Double], substep: (Simulation) throws -> Void = { _ throws in }) throws {
    for index in 0..<substeps {
      try simulation.prepareStep()
      if needsArmState {
        try simulation.prepareStep(again: true)
        armState = try ArmState(robot, in: simulation, scratch: &scratch)
        needsArmState = false
      }
      if index == 0 { controller.setGoal(action[..<6], from: armState) }
      setControls(action)
      kinematicsPositions = simulation.positions
      try simulation.finishStep()
      // The official stack's sensors run one physics step ahead of the control step.
      if index == substeps - 2 {
        readings = RobotReadings(robot, simulation, kinematicsPositions: kinematicsPositions)
      }
      try substep(simulation)
    }
  }

  private func setControls(_ action: [Double]) {
    let torques = controller.torques(armState, bias: robot.arm.map { simulation.biasForce(at: $0.velocity) })
    needsArmState = true
    for (index, actuator) in robot.armActuators.enumerated() {
      let limit = robot.armTorqueRanges[index]
      simulation.setControl(min(limit.high, max(limit.low, torques[index])), at: actuator)
    }
    gripper.advance(action[6])
    for (index, actuator) in robot.fingerActuators.enumerated() {
      let range = robot.fingerControlRanges[index]
      let middle = 0.5 * (range.high + range.low)
      simulation.setControl(middle + 0.5 * (range.high - range.low) * gripper.commands[index], at: actuator)
    }
  }
}
