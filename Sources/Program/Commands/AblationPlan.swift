import Failures
import LayeredSettings
import PolicyEvaluation
import RobotEnvironments
import WorldModality

/// The conditions that a checkpoint is rolled out under.
struct AblationPlan {
  /// In the order that was asked for, each once.
  let conditions: [RolloutAblation]
  /// Those that were asked for and do not apply, and why.
  let leftOut: [(name: String, reason: String)]

  /// - Parameter names: separated by commas; empty for all that apply.
  /// - Throws: a name that is no ablation's.
  init(_ names: String, _ evaluation: CheckpointEvaluation, _ settings: EvalCommand.Settings) throws {
    let asked = try listedNames(names).map { name throws(ConfigurationError) in
      guard let ablation = RolloutAblation(name: name) else {
        throw ConfigurationError("ablations", "expected \(RolloutAblation.typeDescription), found \"\(name)\"")
      }
      return ablation
    }
    let wanted = try asked.isEmpty ? Self.all(evaluation) : asked
    var (conditions, leftOut): ([RolloutAblation], [(String, String)]) = ([], [])
    for ablation in wanted where !conditions.contains(ablation) {
      if let reason = try Self.obstacle(to: ablation, evaluation, settings) {
        if !asked.isEmpty { leftOut.append((ablation.name, reason)) }
      } else {
        conditions.append(ablation)
      }
    }
    (self.conditions, self.leftOut) = (conditions, leftOut)
  }

  private static func all(_ evaluation: CheckpointEvaluation) throws -> [RolloutAblation] {
    let cameras = try evaluation.run.specification().cameras.map(\.name)
    // One camera's blank image is what all blank images are.
    let single = cameras.count > 1 ? cameras.map { ObservationAblation.blankImages(camera: $0) } : []
    let observations: [ObservationAblation] =
      [.contraryInstruction, .garbledInstruction, .blankImages(camera: nil)] + single + [.noisyState(scale: 1)]
    return RolloutMemoryMode.allCases.map(RolloutAblation.memory) + observations.map(RolloutAblation.observation)
  }

  /// Why a condition does not apply; nil if it does.
  ///
  /// - Throws: a camera that the environment does not have.
  static func obstacle(
    to ablation: RolloutAblation, _ evaluation: CheckpointEvaluation, _ settings: EvalCommand.Settings
  ) throws -> String? {
    switch ablation {
    case .memory(let mode): return obstacle(to: mode, settings)
    case .observation(.contraryInstruction):
      return try evaluation.run.hasContraryInstruction()
        ? nil : "the environment has no contrary instruction"
    case .observation(.garbledInstruction), .observation(.blankImages(nil)): return nil
    case .observation(.blankImages(let camera?)):
      let cameras = try evaluation.run.specification().cameras.map(\.name)
      guard !cameras.contains(camera) else { return nil }
      throw Failure(
        "\(ablation.name): the environment has no camera \(camera), only \(cameras.joined(separator: ", "))")
    case .observation(.noisyState):
      return evaluation.stateDeviation == nil ? "the checkpoint has no standard deviation of the state" : nil
    }
  }

  private static func obstacle(to mode: RolloutMemoryMode, _ settings: EvalCommand.Settings) -> String? {
    guard let world = settings.policy.world, settings.evaluation.planner == .policy else {
      return "the policy reads no memory"
    }
    if !world.readsMemory { return "the policy reads no memory, because every place of it is off" }
    if mode == world.rolloutMemory { return "it is the memory that this policy reads anyway" }
    if mode.readsHistory, !world.isPredictorEnabled { return "the policy has no Prophet" }
    let rows = settings.evaluation.lerobot.environments
    if mode == .shuffle, rows < 2 {
      return "it exchanges the memories of episodes that play side by side; `eval.batch_size` must be 2 or more"
    }
    return nil
  }
}

extension EvaluationRun {
  /// Whether the first task, and so the suite, has an instruction for another goal of the same scene.
  fileprivate func hasContraryInstruction() throws -> Bool {
    try tasks.first.flatMap { task throws in try suite.makeEnvironment(task: task).contraryInstruction } != nil
  }
}
