import Experiments
import Failures
import Foundation
import HuggingFaceHub
import LibTorch
import ModelFiles
import PolicyEvaluation
import PretrainedPolicies
import RobotEnvironments
import RobotPolicies

/// An evaluation whose environment, policy and files have been checked, and which can begin.
struct PreparedEvaluation {
  let run: EvaluationRun
  let planner: any ActionPlanner
  let manifest: EvaluationProtocol

  /// Opens everything; nothing is written.
  init(_ settings: EvalCommand.Settings, _ checks: inout Checks) throws {
    var plan = EvaluationSettings()
    plan.episodes = settings.evaluation.lerobot.episodes
    plan.batchSize = settings.evaluation.lerobot.batchSize
    plan.seed = settings.seed
    plan.recordedEpisodes = settings.evaluation.recorded
    plan.usesContraryInstruction = settings.evaluation.contrary
    let run = try checks("environment", found: { "\($0.suite.name), tasks: \($0.tasks.count)" }) {
      try EvaluationRun(settings.environment, plan, settings.evaluation.lerobot.initialStates)
    }
    self.run = run
    checks.warn("start states", [run.repetitionNotice].compactMap(\.self))
    let specification = try run.specification()
    guard settings.evaluation.planner == .policy else {
      planner = RandomPlanner(actionDimension: specification.actionNames.count)
      manifest = try EvaluationProtocol(run, environment: settings.environment, policy: nil)
      return
    }
    // Before the policy is loaded, which takes long.
    try checks("start states", found: { "no episode starts where the policy was trained" }) {
      guard let path = settings.policyPath else { return }
      try run.check(TrainingRecord.startStates(of: ModelLocation.directory(of: path, holding: ModelLocation.weights)))
    }
    let (pretrained, policy) = try Self.policy(settings, &checks)
    planner = try checks("cameras and actions", found: { _ in "as the policy expects" }) {
      try PolicyPlanner(pretrained, specification: specification)
    }
    manifest = try EvaluationProtocol(
      run, environment: settings.environment, policy: policy, renaming: settings.renameMap)
  }

  /// Loads the checkpoint and compares its files with those that it was trained with.
  static func policy(
    _ settings: EvalCommand.Settings, _ checks: inout Checks
  ) throws -> (PretrainedPolicy, EvaluatedPolicy) {
    guard let path = settings.policyPath else {
      throw Failure("--policy.path is needed: a checkpoint's pretrained_model folder, or a repository")
    }
    let smolvla = settings.policy.smolvla
    if smolvla.actionSteps == smolvla.chunkSize {
      checks.warn(
        "action steps",
        [
          "n_action_steps equals chunk_size (\(smolvla.chunkSize)): plans are carried out to the end; "
            + "a smaller --policy.n_action_steps re-plans more often"
        ])
    }
    var builder = PolicyBuilder(settings.policy, device: try Device.chosen(smolvla.device))
    var (pretrained, folder) = try checks("policy", found: { _ in "\(settings.policy.type), \(path)" }) {
      let folder = try ModelLocation.directory(of: path, holding: ModelLocation.weights)
      return (try builder.pretrained(folder), folder)
    }
    checks.warn("policy", builder.notices)
    if !settings.renameMap.isEmpty {
      pretrained.preprocessor = pretrained.preprocessor.renaming(settings.renameMap)
    }
    let policy = try checks(
      "checkpoint files", found: { _ in "processors, tokenizer and encoder are those of the training" }
    ) {
      try EvaluatedPolicy(settings.policy, pretrained.policy, path, folder)
    }
    return (pretrained, policy)
  }
}
