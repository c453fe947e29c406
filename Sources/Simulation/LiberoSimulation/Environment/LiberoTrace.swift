import Failures
import Foundation
import ModelFiles
import RobotEnvironments

/// A recording of one episode with given actions, under the names that comparisons use.
///
/// After every physics step (at 20 Hz 250 of settling, then 25 per action): `sub_qpos`, `sub_qvel`, `sub_ctrl`. At the start
/// and after every action: `qpos`, `qvel`, `eef_pos`, `eef_quat`, `gripper_qpos`, `joint_pos`, `joint_vel`,
/// `policy_state`, `reward`, `terminated`, `success`, `ncon`. At chosen steps: `raw_image_N`, `raw_image2_N` (bottom row
/// first, `[256, 256, 3]`), `policy_image_N`, `policy_image2_N` (a policy's input, `[3, 256, 256]`).
public struct LiberoTrace {
  private var rows: [String: [Double]] = [:]
  private var states: [Float] = []
  private var contacts: [Int64] = []
  private var flags: [String: [UInt8]] = [:]
  /// Physics steps in a control step.
  private let substeps: Int
  private var images: [(name: String, shape: [Int], bytes: [UInt8])] = []

  /// Runs an episode and records it.
  ///
  /// - Parameters:
  ///   - actions: seven numbers each. All are executed, also after a success.
  ///   - initialState: which initial state to start from, modulo their number.
  ///   - seed: determines the fixtures' poses.
  ///   - imageSteps: at which steps to draw, counted from 0, before the first action.
  public init(
    _ environment: LiberoEnvironment, actions: [[Double]], initialState: Int, seed: Int, imageSteps: Set<Int>
  ) throws {
    guard imageSteps.allSatisfy({ (0...actions.count).contains($0) }) else {
      throw Failure("images can be drawn at steps 0 to \(actions.count), and `images` names others")
    }
    self.substeps = environment.motion.substeps
    var substeps: [String: [Double]] = [:]
    environment.onSubstep = { simulation in
      substeps["sub_qpos", default: []] += simulation.positions
      substeps["sub_qvel", default: []] += simulation.velocities
      substeps["sub_ctrl", default: []] += simulation.controls
    }
    defer { environment.onSubstep = nil }
    try environment.reset(placementSeed: seed, initialState: initialState)
    try record(environment, StepResult(reward: 0, terminated: false, success: false), 0, imageSteps)
    for (index, action) in actions.enumerated() {
      try record(environment, environment.step(exactly: action), index + 1, imageSteps)
    }
    rows.merge(substeps) { $1 }
  }

  private mutating func record(
    _ environment: LiberoEnvironment, _ result: StepResult, _ step: Int, _ imageSteps: Set<Int>
  ) throws {
    let (simulation, readings) = (environment.simulation, environment.readings)
    let (position, quaternion) = (readings.endEffectorPosition, readings.endEffectorQuaternion)
    rows["qpos", default: []] += simulation.positions
    rows["qvel", default: []] += simulation.velocities
    rows["eef_pos", default: []] += [position.x, position.y, position.z]
    rows["eef_quat", default: []] += [quaternion.x, quaternion.y, quaternion.z, quaternion.w]
    rows["gripper_qpos", default: []] += readings.gripperPositions
    rows["joint_pos", default: []] += readings.jointPositions
    rows["joint_vel", default: []] += readings.jointVelocities
    rows["reward", default: []].append(Double(result.reward))
    states += readings.policyState
    contacts.append(Int64(simulation.contactCount))
    flags["terminated", default: []].append(result.terminated ? 1 : 0)
    flags["success", default: []].append(result.success ? 1 : 0)
    guard imageSteps.contains(step) else { return }
    let cameras = Set(environment.specification.cameras.map(\.name))
    let upright = try environment.render(cameras: cameras)
    let mirrored = try environment.render(cameras: cameras, mirrored: true)
    for camera in cameras.sorted() {
      guard let raw = upright[camera], let policy = mirrored[camera] else { continue }
      images.append(("raw_\(camera)_\(step)", [raw.height, raw.width, 3], raw.bottomUp))
      images.append(("policy_\(camera)_\(step)", [3, raw.height, raw.width], policy.channelsFirst))
    }
  }

  /// After how many actions the goal was reached first; nil if it never was.
  public var firstSuccess: Int? { flags["success"]?.firstIndex(of: 1) }

  /// The trace as float64 tensors, but `policy_state` as float32, `ncon` as int64, flags as bool and images as uint8.
  public var tensors: [SafetensorsTensor] {
    let steps = contacts.count
    let substeps = (steps - 1 + LiberoEnvironment.settlingSteps) * substeps
    var tensors = rows.sorted { $0.key < $1.key }.map { name, values in
      let count = name.hasPrefix("sub_") ? substeps : steps
      let shape = name == "reward" ? [count] : [count, values.count / count]
      return SafetensorsTensor(name, .float64, shape: shape, values: values)
    }
    tensors.append(SafetensorsTensor("policy_state", .float32, shape: [steps, states.count / steps], values: states))
    tensors.append(SafetensorsTensor("ncon", .int64, shape: [steps], values: contacts))
    tensors += flags.sorted { $0.key < $1.key }.map {
      SafetensorsTensor($0.key, .bool, shape: [steps], values: $0.value)
    }
    tensors += images.map { SafetensorsTensor($0.name, .uint8, shape: $0.shape, values: $0.bytes) }
    return tensors
  }
}
