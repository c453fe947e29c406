import CounterBasedRandom
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import RGBImages
import RobotEnvironments
import RobotPolicies
import Testing

@testable import LiberoSimulation
@testable import PolicyEvaluation
@testable import PretrainedPolicies

/// What LeRobot's own `rollout` did with a checkpoint, given observations and given noise (oracle/goldens/libero_rollouts.py).
struct RolloutTests {
  /// The committed one, and that which `make parity` makes with either version of LeRobot.
  private static var cases: [URL] {
    let drawn = ProcessInfo.processInfo.environment["WM_PARITY_ROLLOUTS"].map { URL(fileURLWithPath: $0) }
    let committed = Bundle.module.url(forResource: "Goldens", withExtension: nil)
    return [committed, drawn].compactMap { $0?.appendingPathComponent("rollout") }
  }

  /// Settings as `--policy.path` reads them.
  private struct Settings: ConfigurationSection {
    @SettingsGroup("policy", help: "", of: PolicySettings.kinds) var policy = PolicySettings.smolvla(.init())
  }

  private func policy(_ folder: URL, lerobot version: String) throws -> PretrainedPolicy {
    var configured = Configured<Settings>()
    let config = folder.appendingPathComponent("config.json")
    try configured.apply(JSON(contentsOf: config), from: config.path, at: "policy", unknown: .keep)
    try configured.apply(Arguments(["--policy.precision=fp32", "--policy.lerobot_version=\(version)"]))
    var builder = PolicyBuilder(try configured.validated().policy, device: .cpu, seed: 5)
    return try builder.pretrained(folder)
  }

  @Test(arguments: cases) func `act as LeRobot's evaluation does on the same observations and noise`(folder: URL) throws
  {
    let file = folder.appendingPathComponent("numbers.safetensors")
    let numbers = try Tensor.load(file)
    let metadata = try SafetensorsFile(file).metadata
    let tasks = try #require(try metadata["tasks"].map { try JSON(parsing: $0) }?.array?.compactMap(\.string))
    let loaded = try policy(folder, lerobot: metadata["lerobot"] == nil ? "0.4" : "0.6")
    let given = GivenNoise(loaded.policy)
    let pretrained = PretrainedPolicy(
      policy: given, preprocessor: loaded.preprocessor, postprocessor: loaded.postprocessor, configuration: [:],
      attachments: [])
    let planner = try PolicyPlanner(
      pretrained,
      specification: EnvironmentSpecification(
        cameras: ["image", "image2"].map { CameraSpecification(name: $0, width: 10, height: 12) },
        stateNames: RobotReadings.policyStateNames, actionNames: (1...7).map { "\($0)" }, framesPerSecond: 20,
        maximumSteps: 5))
    let (noise, expected) = (try #require(numbers["in/noise"]), try #require(numbers["out/action"]))
    var worst: Float = 0
    for place in tasks.indices {
      for plan in 0..<noise.size(0) {
        let step = plan * given.interface.actionSteps
        given.noise = try noise.select(dimension: 0, index: plan).select(dimension: 0, index: place).unsqueezed(0)
        let request = PolicyRequest(
          observation: try observation(numbers, step, place, tasks[place]), history: [],
          random: CountedRandom(seed: 0, "unused"))
        let chunk = try planner.plan([request])[0]
        for action in 0..<min(chunk.count, expected.size(1) - step) {
          let wanted = try expected.select(dimension: 0, index: place).select(dimension: 0, index: step + action)
            .scalars(Float.self)
          worst = zip(chunk[action], wanted).map { abs($0 - $1) }.reduce(worst, max)
        }
      }
    }
    #expect(worst < 1e-5)
    if ProcessInfo.processInfo.environment["WM_PARITY_ROLLOUTS"] != nil {
      print("parity rollout: actions of lerobot-eval equal, deviation \(worst) (tolerance 1e-5)")
    }
  }

  /// The observation as `LiberoEnvironment` makes it: images upright and mirrored, the orientation as axis times angle.
  private func observation(
    _ numbers: StateDictionary, _ step: Int, _ place: Int, _ task: String
  ) throws -> Observation {
    func part(_ name: String) throws -> Tensor {
      try #require(numbers["in/\(name)"]).select(dimension: 0, index: step).select(dimension: 0, index: place)
    }
    var images: [String: RGBImage] = [:]
    for name in ["image", "image2"] {
      let pixels = try part(name)
      let bytes = try pixels.scalars(UInt8.self)
      let turned = stride(from: bytes.count - 3, through: 0, by: -3).flatMap { bytes[$0..<$0 + 3] }
      images[name] = try RGBImage(width: pixels.size(1), height: pixels.size(0), pixels: turned)
    }
    let quaternion = try part("eef_quat").scalars(Double.self)
    let turn = Rotation.axisAngle(of: SIMD4(quaternion[0], quaternion[1], quaternion[2], quaternion[3]))
    let state =
      try part("eef_pos").scalars(Double.self).map(Float.init) + [turn.x, turn.y, turn.z]
      + part("gripper_qpos").scalars(Double.self).map(Float.init)
    return Observation(images: images, state: state, instruction: task)
  }
}

/// A policy that plans from noise that it is given.
private final class GivenNoise: Policy {
  private let policy: any Policy
  var noise: Tensor?

  init(_ policy: any Policy) { self.policy = policy }

  var parameters: ParameterStore { policy.parameters }
  var interface: PolicyInterface { policy.interface }

  func loss(of batch: Batch) throws -> PolicyLoss { try policy.loss(of: batch) }

  func actionChunk(for batch: Batch, random: [CountedRandom]) throws -> Tensor {
    var batch = batch
    batch[BatchKey.noise] = noise
    return try policy.actionChunk(for: batch, random: random)
  }
}
