/// How an action's first six numbers are meant.
public enum ControlMode: String, Sendable, CaseIterable {
  /// As a change of the present pose: −1…1 spans ±0.05 m and ±0.5 rad.
  case relative
  /// As the pose itself: metres, and an axis times an angle in radians, both in the world's frame.
  case absolute
}

/// robosuite 1.4.0's OSC_POSE: joint torques that pull the gripper towards a pose as a damped spring would.
///
/// Formulas: Khatib, "A unified approach for motion and force control of robot manipulators" (1987), with position and
/// orientation decoupled; critically damped.
struct OperationalSpaceController: Sendable {
  static let stiffness = 150.0
  static let damping = 2 * stiffness.squareRoot()
  static let nullSpaceStiffness = 10.0
  static let nullSpaceDamping = 2 * nullSpaceStiffness.squareRoot()
  static let metres = 0.05
  static let radians = 0.5

  var mode = ControlMode.relative
  /// Towards which joint positions the arm drifts where that does not move the gripper.
  let restingJoints: [Double]
  private(set) var goalPosition: SIMD3<Double>
  private(set) var goalRotation: Matrix

  /// Begins with the present pose as its goal.
  init(at state: ArmState) {
    restingJoints = state.jointPositions
    goalPosition = state.position
    goalRotation = state.rotation
  }

  /// Takes an action's first six numbers as the new goal.
  mutating func setGoal(_ action: ArraySlice<Double>, from state: ArmState) {
    var numbers = Array(action.prefix(6))
    switch mode {
    case .relative:
      for index in numbers.indices {
        numbers[index] = min(1, max(-1, numbers[index])) * (index < 3 ? Self.metres : Self.radians)
      }
      goalPosition = state.position + SIMD3(numbers[0], numbers[1], numbers[2])
      // An exact zero keeps the orientation that was asked for last, not the one the arm has drifted to.
      guard numbers[3...].contains(where: { $0 != 0 }) else { return }
      goalRotation = Self.rotation(numbers) * state.rotation
    case .absolute:
      goalPosition = SIMD3(numbers[0], numbers[1], numbers[2])
      // The official stack computes in the action's own precision here, and policies' actions are single.
      let isSingle = numbers.allSatisfy { Double(Float($0)) == $0 }
      let vector = SIMD3(numbers[3], numbers[4], numbers[5])
      goalRotation = Rotation.matrix(
        of: isSingle
          ? Rotation.quaternion(ofAxisAngle: SIMD3<Float>(vector)) : Rotation.quaternion(ofAxisAngle: vector))
    }
  }

  private static func rotation(_ numbers: [Double]) -> Matrix {
    Rotation.matrix(of: Rotation.quaternion(ofAxisAngle: SIMD3(numbers[3], numbers[4], numbers[5])))
  }

  /// The joints' torques, N·m, not yet clipped.
  ///
  /// - Parameter bias: what gravity and velocities ask of each joint, N·m.
  func torques(_ state: ArmState, bias: [Double]) -> [Double] {
    let pull =
      (goalPosition - state.position) * Self.stiffness - state.velocity * Self.damping
    let twist =
      Rotation.error(from: state.rotation, to: goalRotation) * Self.stiffness - state.angularVelocity * Self.damping

    let mobility = state.mass.symmetricPseudoInverse(cutoff: 0)
    let jacobian = state.translation.above(state.turning)
    let inertia = Self.inertia(jacobian, mobility)
    let force = Self.inertia(state.translation, mobility) * [pull.x, pull.y, pull.z]
    let torque = Self.inertia(state.turning, mobility) * [twist.x, twist.y, twist.z]
    let task = jacobian.transposed * (force + torque)

    let nullSpace = .identity(bias.count) - mobility * jacobian.transposed * inertia * jacobian
    let homing = zip(restingJoints, zip(state.jointPositions, state.jointVelocities)).map { resting, now in
      Self.nullSpaceStiffness * (resting - now.0) - Self.nullSpaceDamping * now.1
    }
    let rest = nullSpace.transposed * (state.mass * homing)
    return zip(zip(task, bias), rest).map { $0.0 + $0.1 + $1 }
  }

  /// What moving the gripper weighs: (J M⁻¹ Jᵀ)⁻¹.
  private static func inertia(_ jacobian: Matrix, _ mobility: Matrix) -> Matrix {
    (jacobian * mobility * jacobian.transposed).symmetricPseudoInverse()
  }
}
