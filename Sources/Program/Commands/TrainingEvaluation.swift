import Failures
import Foundation
import LayeredSettings
import ModelFiles
import PolicyEvaluation
import PolicyTraining
import RobotEnvironments
import RobotPolicies
import RunLogs
import TerminalOutput

/// The evaluations of a policy during training, written to LeRobot's `OUTPUT/eval/videos_step_STEP/`.
///
/// An episode depends on the policy, the seed and the episode's number only, so a resumed run repeats it.
struct TrainingEvaluation {
  private let run: EvaluationRun
  private let environment: EnvironmentSettings
  private let policy: any Policy
  private let planner: PolicyPlanner
  private let settings: TrainSettings
  private let interruption: Interruption

  /// Prepares the evaluations that the settings ask for; nil if they ask for none.
  ///
  /// - Throws: what the environment or the policy lacks, before the first step.
  init?(_ settings: TrainSettings, _ pretrained: PretrainedPolicy, _ interruption: Interruption) throws {
    guard let chosen = settings.environment, settings.evaluationFrequency > 0 else { return nil }
    let (environment, notice) = chosen.showing(pretrained.policy.interface.inputs)
    notice.map(say)
    var plan = EvaluationSettings()
    plan.episodes = settings.evaluation.episodes
    plan.batchSize = settings.evaluation.environments
    plan.seed = settings.seed
    // LeRobot's number for evaluations during training.
    plan.recordedEpisodes = 4
    (self.environment, policy) = (environment, pretrained.policy)
    run = try EvaluationRun(environment, plan, settings.evaluation.initialStates)
    try run.check(TrainedStartStates(of: pretrained))
    run.repetitionNotice.map { say("warning: " + $0) }
    planner = try PolicyPlanner(pretrained, specification: run.specification())
    planner.notice.map { say("warning: " + $0) }
    // A gate that is closed now may open before the first evaluation.
    try pretrained.policy.prepareForRollouts()
    self.settings = settings
    self.interruption = interruption
  }

  /// Runs all episodes; returns nil if a signal stopped them.
  ///
  /// - Returns: LeRobot's metrics under its names, `eval/pc_success` in percent, and the first episode's video.
  /// - Throws: if every episode broke off.
  func callAsFunction(_ step: Int, output: URL) throws -> (metrics: Metrics, video: URL?)? {
    let name = "eval/videos_step_" + CheckpointDirectory.name(of: step, in: settings.steps)
    let folder = try AtomicFolder(output.appendingPathComponent(name, isDirectory: true))
    // An evaluation writes to `videos/`, which is the folder that LeRobot calls videos_step_….
    let root = folder.partial.appendingPathComponent("videos", isDirectory: true)
    let manifest = try EvaluationProtocol(
      run, environment: environment,
      policy: EvaluatedPolicy(settings.policy, policy, step: step))
    let outcome = try run.run(
      planner, in: folder.partial, root: root, manifest: { manifest.json }, interruption: interruption)
    guard interruption.signalNumber == nil else { return nil }
    run.sayWhatBroke(outcome)
    try outcome.requireMeasured()
    // A resumed run may evaluate a step again, with the same metrics.
    try folder.commit("videos")
    let overall = outcome.report.overall
    let metrics: Metrics = [
      "eval/avg_sum_reward": overall.averageRewardSum, "eval/pc_success": overall.successRate.percentage,
      "eval/eval_s": outcome.report.seconds,
    ]
    return (metrics, overall.videoPaths.first.map(folder.url.appendingPathComponent))
  }
}

/// `--eval.…` of a training run.
struct TrainingEvaluationSection: ConfigurationSection {
  @Setting("n_episodes", in: 1...1_000_000, help: "episodes of each task") var episodes = 50
  @Setting(
    "batch_size", in: 0...1024,
    help: "environments side by side, at most n_episodes; 0 for 0.7 of the processor's cores, from 2 to 64")
  var batchSize = 0
  @Setting("use_async_envs", help: "no effect: environments always step side by side") var usesAsyncEnvironments = false
  @Setting(
    "init_states", owner: .program,
    help: "where LIBERO's episodes start: from its official states in turn, or where the seed places everything")
  var initialStates = InitialStateSource.official

  static let title = "EvalConfig"

  /// The environments that are made side by side, one for each episode at most.
  ///
  /// Automatic is LeRobot's rule, but at least two: one steps while the policy plans for another.
  var environments: Int {
    let cores = Double(ProcessInfo.processInfo.activeProcessorCount)
    return min(batchSize > 0 ? batchSize : min(max(2, Int(cores * 0.7)), 64), episodes)
  }
}
