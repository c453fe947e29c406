import Foundation
import ModelFiles
import Testing

@testable import LiberoSimulation

/// Rows of `oracle/goldens/libero_controller.py`.
private struct ControllerGolden {
  let file: SafetensorsFile

  init() throws {
    file = try SafetensorsFile(
      try #require(Bundle.module.url(forResource: "Goldens/controller", withExtension: "safetensors")))
  }

  var rowCount: Int { get throws { try file.entry("torques").shape[0] } }

  func row<Value: BitwiseCopyable>(_ name: String, _ index: Int, as type: Value.Type) throws -> [Value] {
    let entry = try file.entry(name)
    let width = entry.shape.dropFirst().reduce(1, *)
    return try file.withBytes(of: entry) { bytes in
      (0..<width).map {
        bytes.loadUnaligned(fromByteOffset: (index * width + $0) * MemoryLayout<Value>.stride, as: Value.self)
      }
    }
  }

  func row(_ name: String, _ index: Int) throws -> [Double] { try row(name, index, as: Double.self) }

  func state(_ index: Int) throws -> ArmState {
    ArmState(
      position: SIMD3(try row("position", index)), rotation: Matrix(3, 3, values: try row("rotation", index)),
      velocity: SIMD3(try row("velocity", index)), angularVelocity: SIMD3(try row("angular_velocity", index)),
      jointPositions: try row("joint_positions", index), jointVelocities: try row("joint_velocities", index),
      linearJacobian: Matrix(3, 7, values: try row("translation", index)),
      angularJacobian: Matrix(3, 7, values: try row("turning", index)),
      massMatrix: Matrix(7, 7, values: try row("mass", index)))
  }

  /// A controller with the goal that a row has, before its action or after it.
  func controller(_ index: Int, goal name: String) throws -> OperationalSpaceController {
    let goal = try row(name, index)
    var state = try state(index)
    state.position = SIMD3(goal[0], goal[1], goal[2])
    state.rotation = Matrix(3, 3, values: Array(goal[3...]))
    state.jointPositions = try row("resting", index)
    return OperationalSpaceController(at: state)
  }
}

private func deviation(_ found: [Double], _ expected: [Double]) -> Double {
  zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
}

struct OperationalSpaceControllerTests {
  @Test func `takes robosuite's goals from actions`() throws {
    let golden = try ControllerGolden()
    for index in 0..<(try golden.rowCount) {
      var controller = try golden.controller(index, goal: "goal_before")
      controller.mode = index < 12 ? .relative : .absolute
      controller.setGoal(try golden.row("action", index)[...], from: try golden.state(index))
      let expected = try golden.row("goal_after", index)
      let goal = controller.goalPosition
      #expect(deviation([goal.x, goal.y, goal.z] + controller.goalRotation.values, expected) < 1e-14, "row \(index)")
    }
  }

  @Test func `commands robosuite's torques`() throws {
    let golden = try ControllerGolden()
    for index in 0..<(try golden.rowCount) {
      let torques = try golden.controller(index, goal: "goal_after")
        .torques(golden.state(index), bias: golden.row("bias", index))
      #expect(deviation(torques, try golden.row("torques", index)) < 1e-9, "row \(index)")
    }
  }

  @Test func `keeps the orientation it was asked for while actions do not turn`() throws {
    let golden = try ControllerGolden()
    var controller = try golden.controller(1, goal: "goal_before")
    let asked = controller.goalRotation
    controller.setGoal([0.5, 0, 0, 0, 0, 0], from: try golden.state(1))
    #expect(controller.goalRotation == asked)
    controller.setGoal([0.5, 0, 0, 1e-300, 0, 0], from: try golden.state(1))
    #expect(controller.goalRotation != asked)
  }
}

struct RotationTests {
  @Test func `are rounded as robosuite's`() throws {
    let golden = try ControllerGolden()
    for index in 0..<(try golden.file.entry("matrix").shape[0]) {
      let quaternion = Rotation.quaternion(ofAxisAngle: SIMD3(try golden.row("axis_angle", index)))
      let expected = try golden.row("quaternion", index)
      #expect(deviation([quaternion.x, quaternion.y, quaternion.z, quaternion.w], expected) < 1e-15)
      let matrix = Rotation.matrix(of: SIMD4(expected))
      #expect(deviation(matrix.values, try golden.row("matrix", index)) < 1e-15, "row \(index)")
    }
  }

  @Test func `of the end effector are LeRobot's, with its jumps`() throws {
    let golden = try ControllerGolden()
    for index in 0..<(try golden.file.entry("state_quaternion").shape[0]) {
      let vector = Rotation.axisAngle(of: SIMD4(try golden.row("state_quaternion", index)))
      let expected = try golden.row("state_axis_angle", index, as: Float.self)
      for axis in 0..<3 { #expect(abs(vector[axis] - expected[axis]) <= 1e-6 * max(1, abs(expected[axis]))) }
    }
  }
}

struct MatrixTests {
  @Test func `times its inverse is one`() throws {
    let mass = try ControllerGolden().state(0).massMatrix
    let product = mass * mass.symmetricPseudoInverse()
    #expect(deviation(product.values, Matrix.identity(7).values) < 1e-13)
  }

  @Test func `that lacks a direction is inverted in the others`() {
    let half = 0.5.squareRoot()
    // 3 along (1, 1, 0), 2 along z, nothing along (1, −1, 0).
    let matrix = Matrix(3, 3, values: [1.5, 1.5, 0, 1.5, 1.5, 0, 0, 0, 2])
    let inverse = matrix.symmetricPseudoInverse()
    let along = inverse * [half, half, 0]
    #expect(deviation(along, [half / 3, half / 3, 0]) < 1e-15)
    #expect(deviation(inverse * [0, 0, 1], [0, 0, 0.5]) < 1e-15)
    #expect(deviation(inverse * [half, -half, 0], [0, 0, 0]) < 1e-15)
  }

  @Test func `of numbers that are none ends all the same`() {
    let broken = Matrix(2, 2, values: [.nan, 1, 1, .infinity]).symmetricPseudoInverse()
    #expect(broken.values.contains { !$0.isFinite || $0 == 0 })
  }
}

struct GripperTests {
  @Test func `moves a hundredth a step, holds at zero and stops at its ends`() {
    var gripper = Gripper()
    gripper.advance(0.3)
    #expect(gripper.commands == [-0.01, 0.01])
    gripper.advance(0)
    #expect(gripper.commands == [-0.01, 0.01])
    for _ in 0..<300 { gripper.advance(-1) }
    #expect(gripper.commands == [1, -1])
  }
}

struct GoalRegionTests {
  private let turned = Matrix(3, 3, values: [0, -1, 0, 1, 0, 0, 0, 0, 1])

  @Test func `holds what lies in its turned box, and a centimeter below`() {
    func holds(_ x: Double, _ y: Double, _ z: Double) -> Bool {
      GoalRegion.contains(
        SIMD3(x, y, z), center: SIMD3(1, 1, 1), rotation: turned, size: SIMD3(0.1, 0.2, 0.3))
    }
    #expect(holds(1.19, 1, 1) && !holds(1.21, 1, 1))
    #expect(holds(1, 1.09, 1) && !holds(1, 1.11, 1))
    #expect(holds(1, 1, 0.691) && !holds(1, 1, 0.689))
    #expect(holds(1, 1, 1.299) && !holds(1, 1, 1.301))
  }

  @Test func `carries what lies at most ten centimeters above it`() {
    func carries(_ x: Double, _ y: Double, _ z: Double) -> Bool {
      GoalRegion.isUnder(SIMD3(x, y, z), center: .zero, rotation: turned, size: SIMD3(0.1, 0.2, 0.01))
    }
    #expect(carries(0, 0, 0.006) && !carries(0, 0, 0.004))
    #expect(carries(0, 0, 0.109) && !carries(0, 0, 0.111))
    // LIBERO turns the offset by the site's matrix, not by its inverse; boxes turned by 90° hide it.
    #expect(carries(0.19, 0, 0.05) && !carries(0.21, 0, 0.05) && !carries(0, 0.11, 0.05))
  }
}
