import Failures
import Foundation
import HuggingFaceHub
import LibTorch
import ModelFiles
import PolicyEvaluation
import PretrainedPolicies
import RobotPolicies
import SmolVLA
import TerminalOutput
import WorldModality

/// A checkpoint, or a policy of chance, in its environments: loaded once, evaluated under one or several conditions.
struct CheckpointEvaluation {
  let run: EvaluationRun
  private let settings: EvalCommand.Settings
  /// Nil for a policy of chance.
  private let checkpoint: (pretrained: PretrainedPolicy, source: (name: String, folder: URL))?

  /// Opens the environments and loads the checkpoint; says at once what they lack.
  init(_ settings: EvalCommand.Settings) throws {
    self.settings = settings
    var plan = EvaluationSettings()
    plan.episodes = settings.evaluation.lerobot.episodes
    plan.batchSize = settings.evaluation.lerobot.batchSize
    plan.seed = settings.seed
    plan.recordedEpisodes = settings.evaluation.recorded
    plan.recordedNumbers = settings.evaluation.recordedNumbers.map(Set.init)
    let run = try EvaluationRun(settings.environment, plan, settings.evaluation.lerobot.initialStates)
    self.run = run
    if settings.evaluation.planner == .policy, let path = settings.policyPath {
      try run.check(TrainedStartStates(in: ModelLocation.directory(of: path, holding: ModelLocation.weights)))
    }
    run.repetitionNotice.map(say)
    try useComputeThreads(settings.computeThreads)
    checkpoint = settings.evaluation.planner == .random ? nil : try Self.load(settings)
    // Says early what does not fit together.
    _ = try checkpoint.map { try PolicyPlanner($0.pretrained, specification: run.specification()) }
  }

  private static func load(
    _ settings: EvalCommand.Settings
  ) throws -> (pretrained: PretrainedPolicy, source: (name: String, folder: URL)) {
    guard let path = settings.policyPath else {
      throw Failure("--policy.path is needed: a checkpoint's pretrained_model folder, or a repository")
    }
    let smolvla = settings.policy.smolvla
    if smolvla.actionSteps == smolvla.chunkSize {
      say(
        "warning: n_action_steps equals chunk_size (\(smolvla.chunkSize)): plans are carried out to the end; "
          + "a smaller --policy.n_action_steps re-plans more often")
    }
    var builder = PolicyBuilder(settings.policy, device: try Device.chosen(smolvla.device), isTrained: false)
    let folder = try ModelLocation.directory(of: path, holding: ModelLocation.weights)
    var pretrained = try builder.pretrained(folder)
    if !settings.renameMap.isEmpty {
      pretrained.preprocessor = pretrained.preprocessor.renaming(settings.renameMap)
    }
    builder.notices.forEach(say)
    return (pretrained, (name: path, folder: folder))
  }

  /// The standard deviation of each number of the state in the training data; nil if the checkpoint does not say.
  var stateDeviation: [Float]? { checkpoint?.pretrained.preprocessor.stateDeviation }

  /// Everything for one evaluation under a condition; nil for none.
  ///
  /// - Parameter commandLine: the command line that does it alone.
  /// - Throws: if the policy or the environment lacks what the condition changes.
  func prepared(_ ablation: RolloutAblation?, commandLine: [String]) throws -> Prepared {
    if let ablation { try check(ablation) }
    var run = run
    if case .observation(let change)? = ablation {
      run.settings.ablation = change
      run.settings.stateDeviation = stateDeviation ?? []
    }
    var policy = settings.policy
    if case .memory(let mode)? = ablation { try policy.rollOut(with: mode) }
    guard let checkpoint else {
      return Prepared(
        run: run, planner: RandomPlanner(actionDimension: try run.specification().actionNames.count),
        manifest: try EvaluationProtocol(
          run, environment: settings.environment, policy: nil, ablation: ablation, commandLine: commandLine))
    }
    if let mode = policy.world?.rolloutMemory {
      (checkpoint.pretrained.policy as? SmolVLAWorldPolicy)?.rollOut(with: mode)
    }
    let evaluated = EvaluatedPolicy(
      settings: policy, policy: checkpoint.pretrained.policy, source: checkpoint.source)
    return Prepared(
      run: run, planner: try PolicyPlanner(checkpoint.pretrained, specification: run.specification()),
      manifest: try EvaluationProtocol(
        run, environment: settings.environment, policy: evaluated, renaming: settings.renameMap,
        ablation: ablation ?? RolloutAblation(of: policy.world), commandLine: commandLine))
  }

  private func check(_ ablation: RolloutAblation) throws {
    if let other = RolloutAblation(of: settings.policy.world) {
      throw Failure(
        "`ablation=\(ablation.name)` and `world_memory_mode_rollout=\(other.name)` are two ablations; give one of them")
    }
    if let reason = try AblationPlan.obstacle(to: ablation, self, settings) {
      throw Failure("`ablation=\(ablation.name)`: \(reason); choose another")
    }
  }

  /// An evaluation that is about to start; the next one is prepared when it has ended.
  struct Prepared {
    let run: EvaluationRun
    fileprivate let planner: any ActionPlanner
    let manifest: EvaluationProtocol

    /// Runs it; results go to `folder`.
    ///
    /// - Parameter resumes: whether episodes that an earlier start finished are kept.
    func evaluate(
      in folder: URL, resumes: Bool, interruption: Interruption
    ) throws -> EvaluationRun.Outcome {
      try run.run(planner, in: folder, resumes: resumes, manifest: { manifest.json }, interruption: interruption)
    }
  }
}
