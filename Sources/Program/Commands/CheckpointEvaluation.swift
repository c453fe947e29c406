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
import SmolVLA
import TerminalOutput
import WorldModality

/// A checkpoint, or a policy of chance, in its environments: loaded once, evaluated under one or several conditions.
struct CheckpointEvaluation {
  let run: EvaluationRun
  private let settings: EvalCommand.Settings
  /// Nil for a policy of chance.
  private let checkpoint: LoadedCheckpoint?
  /// What a policy computes on and in, for people.
  var arithmetic: String? { checkpoint?.arithmetic }

  /// Opens the environments and loads the checkpoint; nothing is written.
  init(_ settings: EvalCommand.Settings, _ checks: inout Checks) throws {
    var settings = settings
    // Chance sees nothing.
    let inputs = settings.evaluation.planner == .policy ? settings.policy.smolvla.inputFeatures : [:]
    let shown = settings.environment.showing(inputs, renaming: settings.renameMap)
    settings.environment = shown.settings
    if settings.evaluation.planner == .policy { checks.warn("images", [shown.notice].compactMap(\.self)) }
    self.settings = settings
    var plan = EvaluationSettings()
    plan.episodes = settings.evaluation.lerobot.episodes
    plan.batchSize = settings.evaluation.lerobot.environments
    plan.seed = settings.seed
    plan.recordedEpisodes = settings.evaluation.recorded
    plan.recordedNumbers = settings.evaluation.recordedNumbers.map(Set.init)
    let run = try checks("environment", found: { "\($0.suite.name), tasks: \($0.tasks.count)" }) {
      try EvaluationRun(settings.environment, plan, settings.evaluation.lerobot.initialStates)
    }
    self.run = run
    checks.warn("start states", [run.repetitionNotice].compactMap(\.self))
    try useComputeThreads(settings.computeThreads)
    guard settings.evaluation.planner == .policy else {
      checkpoint = nil
      return
    }
    // Before anything large is fetched.
    try checks("device", found: { _ in nil }) { _ = try Device.chosen(settings.policy.smolvla.device) }
    // Before the policy is loaded, which takes long.
    try checks("start states", found: { "no episode starts where the policy was trained" }) {
      guard let path = settings.policyPath else { return }
      try run.check(TrainingRecord.startStates(of: ModelLocation.checkpoint(path)))
    }
    let specification = try run.specification()
    let loaded = try LoadedCheckpoint(settings, &checks)
    let planner = try checks("cameras and actions", found: { $0.notice == nil ? "as the policy expects" : nil }) {
      try settings.renameMap.checkRenaming(
        of: specification.featureNames, in: "the environment", to: loaded.pretrained.policy.interface.inputs.keys)
      return try PolicyPlanner(loaded.pretrained, specification: specification)
    }
    checks.warn("cameras and actions", [planner.notice].compactMap(\.self))
    checkpoint = loaded
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
    let evaluated = try checkpoint.rolledOut(as: policy)
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
    /// - Parameters:
    ///   - resumes: whether episodes that an earlier start finished are kept.
    ///   - profile: records it.
    ///   - recorder: keeps the episodes as data.
    func evaluate(
      in folder: URL, resumes: Bool, interruption: Interruption, profile: Profile? = nil,
      recorder: (any EpisodeRecorder)? = nil
    ) throws -> EvaluationRun.Outcome {
      try run.run(
        planner, in: folder, resumes: resumes, manifest: { manifest.json }, interruption: interruption,
        profile: profile, recorder: recorder)
    }
  }
}

extension EnvironmentSpecification {
  /// Its cameras and its state under LeRobot's names.
  fileprivate var featureNames: [String] { cameras.map { BatchKey.images + $0.name } + [BatchKey.state] }
}

/// A checkpoint's policy, whose files have been compared with those that it was trained with.
struct LoadedCheckpoint {
  let pretrained: PretrainedPolicy
  private let unablated: EvaluatedPolicy
  private let name: String, folder: URL
  /// What is computed on and in, for people.
  let arithmetic: String

  init(_ settings: EvalCommand.Settings, _ checks: inout Checks) throws {
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
    var builder = PolicyBuilder(settings.policy, device: try Device.chosen(smolvla.device), isTrained: false)
    var (pretrained, folder) = try checks("policy", found: { _ in "\(settings.policy.type), \(path)" }) {
      let folder = try ModelLocation.checkpoint(path)
      // The arithmetic of the training, unless another is asked for or `use_amp` says which.
      if !smolvla.compatibility.usesAutomaticMixedPrecision {
        builder.settings.smolvla.precision = try smolvla.precision ?? TrainingRecord.precision(of: folder)
      }
      return (try builder.pretrained(folder), folder)
    }
    checks.warn("policy", builder.notices)
    arithmetic = try builder.settings.smolvla.arithmeticDescription(on: builder.device)
    if !settings.renameMap.isEmpty {
      pretrained.preprocessor = pretrained.preprocessor.renaming(settings.renameMap)
    }
    unablated = try checks(
      "checkpoint files", found: { _ in "processors, tokenizer and encoder are those of the training" }
    ) {
      try EvaluatedPolicy(settings.policy, pretrained.policy, path, folder)
    }
    (self.pretrained, name, self.folder) = (pretrained, path, folder)
  }

  /// Sets the policy's rollout memory to that of `settings`.
  func rolledOut(as settings: PolicySettings) throws -> EvaluatedPolicy {
    guard let mode = settings.world?.rolloutMemory else { return unablated }
    (pretrained.policy as? SmolVLAWorldPolicy)?.rollOut(with: mode)
    guard mode != unablated.settings.world?.rolloutMemory else { return unablated }
    return try EvaluatedPolicy(settings, pretrained.policy, name, folder)
  }
}
