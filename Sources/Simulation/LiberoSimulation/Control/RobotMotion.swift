import MuJoCoPhysics

/// The robot in motion: one control step is 25 physics steps, and before each the controller decides the torques.
///
/// It keeps to the order of robosuite 1.4.0, in which the state is computed twice before a physics step: the second time
/// changes nothing but the solver's warm start, which the next bits depend on. What both times and the step itself share
/// is computed once.
final class RobotMotion {
  /// Physics steps in one control step.
  static let substeps = 25
  /// Memory for contacts and constraints: the scenes' own wish (1.3 GB for 5,000 contacts) is never used.
  static let arenaBytes = 256 << 20

  let simulation: Simulation
  let robot: RobotHandles
  private var controller: OperationalSpaceController
  private(set) var gripper = Gripper()
  private(set) var sensed: RobotReadings
  /// The arm as the controller last saw it.
  private var seen: ArmState
  /// The controller has not looked at the arm since its last torques.
  private var mustLook = false
  private var scratch: Simulation.SiteDynamics
  /// The positions that the simulation's poses belong to: those before the last physics step.
  private(set) var posedPositions: [Double]

  init(_ model: PhysicsModel) throws {
    let simulation = try Simulation(model, allowsModelOverrides: true, readsSensors: false, arenaBytes: Self.arenaBytes)
    let robot = try RobotHandles(model)
    var scratch = Simulation.SiteDynamics(of: model)
    let seen = try ArmState(robot, in: simulation, scratch: &scratch)
    self.simulation = simulation
    self.robot = robot
    self.scratch = scratch
    self.seen = seen
    controller = OperationalSpaceController(at: seen)
    posedPositions = simulation.positions
    sensed = RobotReadings(robot, simulation, posed: posedPositions)
  }

  /// Begins again as a rebuilt environment does: the controller takes the built robot's pose as its goal and rest.
  ///
  /// - Parameters:
  ///   - state: the initial state.
  ///   - place: moves the fixtures.
  func reset(
    to state: InitialStates.State, place: (Simulation) throws -> Void
  ) throws {
    try simulation.reset()
    // The controller is made while the gripper and everything else are still where the model has them.
    for (joint, value) in zip(robot.arm, robot.initialPositions) { simulation.setPosition(value, at: joint.position) }
    try simulation.forward()
    seen = try ArmState(robot, in: simulation, scratch: &scratch)
    controller = OperationalSpaceController(at: seen)
    mustLook = false
    gripper = Gripper()
    try place(simulation)
    for (joint, value) in zip(robot.fingers, RobotHandles.initialFingers) {
      simulation.setPosition(value, at: joint.position)
    }
    try simulation.forward()
    try simulation.setState(time: state.time, positions: state.positions, velocities: state.velocities)
    try simulation.forward()
    posedPositions = simulation.positions
    sensed = RobotReadings(robot, simulation, posed: posedPositions)
  }

  /// How the next actions' poses are meant; a reset goes back to relative.
  var mode: ControlMode {
    get { controller.mode }
    set { controller.mode = newValue }
  }

  /// Carries out one action of seven numbers.
  ///
  /// - Parameter substep: called after each physics step.
  func step(
    _ action: [Double], substep: (Simulation) throws -> Void = { _ throws in }
  ) throws {
    for index in 0..<Self.substeps {
      try simulation.prepareStep()
      if mustLook {
        try simulation.prepareStep(again: true)
        seen = try ArmState(robot, in: simulation, scratch: &scratch)
        mustLook = false
      }
      if index == 0 { controller.setGoal(action[..<6], from: seen) }
      command(action)
      posedPositions = simulation.positions
      try simulation.finishStep()
      // The official stack's sensors run one physics step ahead of the control step.
      if index == Self.substeps - 2 { sensed = RobotReadings(robot, simulation, posed: posedPositions) }
      try substep(simulation)
    }
  }

  private func command(_ action: [Double]) {
    let torques = controller.torques(seen, bias: robot.arm.map { simulation.biasForce(at: $0.velocity) })
    mustLook = true
    for (index, actuator) in robot.armActuators.enumerated() {
      let limit = robot.armTorques[index]
      simulation.setControl(min(limit.high, max(limit.low, torques[index])), at: actuator)
    }
    gripper.advance(action[6])
    for (index, actuator) in robot.fingerActuators.enumerated() {
      let range = robot.fingerControls[index]
      let middle = 0.5 * (range.high + range.low)
      simulation.setControl(middle + 0.5 * (range.high - range.low) * gripper.commands[index], at: actuator)
    }
  }
}
