/// How an action's first six numbers are interpreted.
public enum ControlMode: String, Sendable, CaseIterable {
  /// A change of the current pose: −1…1 spans ±0.05 m and ±0.5 rad.
  case relative
  /// The pose itself: meters, and an axis times an angle in radians, both in the world frame.
  case absolute
}

/// robosuite 1.4.0's OSC_POSE: joint torques of a spring and damper between the gripper and a goal pose.
///
/// Formulas: Khatib, "A unified approach for motion and force control of robot manipulators" (1987), with position and
/// orientation decoupled; critically damped.
struct OperationalSpaceController: Sendable {
  static let stiffness = 150.0
  static let damping = 2 * stiffness.squareRoot()
  static let nullSpaceStiffness = 10.0
  static let nullSpaceDamping = 2 * nullSpaceStiffness.squareRoot()
  /// Meters and radians that an action of 1 stands for.
  static let translationScale = 0.05
  static let rotationScale = 0.5

  var mode = ControlMode.relative
  /// The goal of the motion that does not move the gripper.
  let nullSpaceJointPositions: [Double]
  private(set) var goalPosition: SIMD3<Double>
  private(set) var goalRotation: Matrix

  /// Starts with the current pose as the goal.
  init(at state: ArmState) {
    nullSpaceJointPositions = state.jointPositions
    goalPosition = state.position
    goalRotation = state.rotation
  }

  /// Sets the goal to an action's first six numbers.
  mutating func setGoal(_ action: ArraySlice<Double>, from state: ArmState) {
    var numbers = Array(action.prefix(6))
    switch mode {
    case .relative:
      for index in numbers.indices {
        numbers[index] = min(1, max(-1, numbers[index])) * (index < 3 ? Self.translationScale : Self.rotationScale)
      }
      goalPosition = state.position + SIMD3(numbers[0], numbers[1], numbers[2])
      // An exact zero keeps the last goal orientation, not the one the arm has drifted to.
      guard numbers[3...].contains(where: { $0 != 0 }) else { return }
      goalRotation = Self.rotation(numbers) * state.rotation
    case .absolute:
      goalPosition = SIMD3(numbers[0], numbers[1], numbers[2])
      // The official stack computes in the action's precision here, and policies' actions are single precision.
      let isSinglePrecision = numbers.allSatisfy { Double(Float($0)) == $0 }
      let vector = SIMD3(numbers[3], numbers[4], numbers[5])
      goalRotation = Rotation.matrix(
        of: isSinglePrecision
          ? Rotation.quaternion(ofAxisAngle: SIMD3<Float>(vector)) : Rotation.quaternion(ofAxisAngle: vector))
    }
  }

  private static func rotation(_ numbers: [Double]) -> Matrix {
    Rotation.matrix(of: Rotation.quaternion(ofAxisAngle: SIMD3(numbers[3], numbers[4], numbers[5])))
  }

  /// The joints' torques, N·m, before clipping.
  ///
  /// - Parameter bias: each joint's gravity, Coriolis and centrifugal torque, N·m.
  func torques(_ state: ArmState, bias: [Double]) -> [Double] {
    let desiredForce = (goalPosition - state.position) * Self.stiffness - state.velocity * Self.damping
    let desiredTorque =
      Rotation.error(from: state.rotation, to: goalRotation) * Self.stiffness - state.angularVelocity * Self.damping

    let inverseMass = state.massMatrix.symmetricPseudoInverse(cutoff: 0)
    let jacobian = state.linearJacobian.stacked(above: state.angularJacobian)
    let inertia = Self.inertia(jacobian, inverseMass)
    let force = Self.inertia(state.linearJacobian, inverseMass) * [desiredForce.x, desiredForce.y, desiredForce.z]
    let torque = Self.inertia(state.angularJacobian, inverseMass) * [desiredTorque.x, desiredTorque.y, desiredTorque.z]
    let taskTorques = jacobian.transposed * (force + torque)

    let nullSpace = .identity(bias.count) - inverseMass * jacobian.transposed * inertia * jacobian
    let nullSpaceAcceleration = zip(nullSpaceJointPositions, zip(state.jointPositions, state.jointVelocities)).map {
      goal, joint in
      Self.nullSpaceStiffness * (goal - joint.0) - Self.nullSpaceDamping * joint.1
    }
    let nullSpaceTorques = nullSpace.transposed * (state.massMatrix * nullSpaceAcceleration)
    return zip(zip(taskTorques, bias), nullSpaceTorques).map { $0.0 + $0.1 + $1 }
  }

  /// The task-space inertia (J M⁻¹ Jᵀ)⁻¹.
  private static func inertia(_ jacobian: Matrix, _ inverseMass: Matrix) -> Matrix {
    (jacobian * inverseMass * jacobian.transposed).symmetricPseudoInverse()
  }
}
