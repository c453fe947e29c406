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

/// The evaluations of a policy that is being trained, in LeRobot's place: `OUTPUT/eval/videos_step_STEP/`.
///
/// What an episode does follows from the policy, the seed and the episode's number, so a resumed run finds the same.
struct TrainingEvaluation {
  private let run: EvaluationRun
  private let planner: PolicyPlanner
  private let settings: TrainSettings
  private let interruption: Interruption

  /// Prepares the evaluations that the settings ask for; nil where they ask for none.
  ///
  /// - Throws: what the environment or the policy lacks, before the first step.
  init?(_ settings: TrainSettings, _ pretrained: PretrainedPolicy, _ interruption: Interruption) throws {
    guard let environment = settings.environment, settings.evaluationFrequency > 0 else { return nil }
    var plan = EvaluationSettings()
    plan.episodes = settings.evaluation.episodes
    plan.batchSize = settings.evaluation.batchSize
    plan.seed = settings.seed
    // LeRobot's number for evaluations during training.
    plan.recordedEpisodes = 4
    run = try EvaluationRun(environment, plan)
    planner = try PolicyPlanner(pretrained, specification: run.specification())
    // A gate that is closed now may open before the first evaluation.
    try pretrained.policy.prepareForRollouts()
    self.settings = settings
    self.interruption = interruption
  }

  /// Plays all episodes; nil where a signal stopped them.
  ///
  /// - Returns: LeRobot's figures under its names, `eval/pc_success` in percent, and the first episode's video.
  /// - Throws: where no episode could be played.
  func callAsFunction(_ step: Int, output: URL) throws -> (metrics: Metrics, video: URL?)? {
    let files = FileManager.default
    let digits = max(6, String(settings.steps).count)
    let name = "videos_step_" + String(repeating: "0", count: max(0, digits - String(step).count)) + String(step)
    let folder = output.appendingPathComponent("eval", isDirectory: true)
    let partial = folder.appendingPathComponent(".\(name).partial", isDirectory: true)
    try? files.removeItem(at: partial)
    defer { try? files.removeItem(at: partial) }
    // An evaluation's folder holds `videos/`; it is the folder that LeRobot calls videos_step_….
    let root = partial.appendingPathComponent("videos", isDirectory: true)
    let outcome = try run.run(
      planner, in: partial, root: root, manifest: manifest(step), interruption: interruption)
    guard interruption.signalNumber == nil else { return nil }
    run.sayWhatBroke(outcome)
    if let problem = outcome.broken.first?.problem, outcome.broken.count == outcome.results.count {
      throw Failure("no episode could be played: \(problem)")
    }
    let final = folder.appendingPathComponent(name, isDirectory: true)
    // The same step again comes from a resumed run, with the same figures.
    try? files.removeItem(at: final)
    try files.moveItem(at: root, to: final)
    let overall = outcome.report.json["overall"]
    var metrics = Metrics()
    for name in ["avg_sum_reward", "pc_success", "eval_s"] { metrics["eval/" + name] = overall?[name]?.double }
    return (metrics, overall?["video_paths"]?.array?.first?.string.map(final.appendingPathComponent))
  }

  private func manifest(_ step: Int) -> JSON {
    [
      "planner": "policy", "policy_type": .string(settings.policy.type), "step": .integer(step),
      "n_action_steps": .integer(settings.policy.smolvla.actionSteps),
      "chunk_size": .integer(settings.policy.smolvla.chunkSize),
      "num_steps": .integer(settings.policy.smolvla.denoisingSteps),
      "world_memory_mode_rollout": settings.policy.world.map { .string($0.rolloutMemory.rawValue) } ?? .null,
      "seed": .integer(settings.seed),
      "n_episodes": .integer(settings.evaluation.episodes), "batch_size": .integer(settings.evaluation.batchSize),
      "versions": engineVersions(),
    ]
  }
}

/// `--eval.…` of a training run: LeRobot's fields and no others, so that it reads them in `train_config.json`.
struct TrainingEvaluationSection: ConfigurationSection {
  var episodes = 50
  var batchSize = 50
  var usesAsyncEnvironments = false

  static let title = "EvalConfig"
  static var fields: [Field<Self>] {
    [
      .init("n_episodes", \.episodes, help: "episodes of each task"),
      .init("batch_size", \.batchSize, help: "environments side by side; at most n_episodes are made"),
      .init("use_async_envs", \.usesAsyncEnvironments, help: "no effect: environments always step side by side"),
    ]
  }

  func validate() throws(ConfigurationError) {
    for (name, value) in [("n_episodes", episodes), ("batch_size", batchSize)] where value < 1 {
      throw ConfigurationError(name, "expected an integer from 1, found \(value)")
    }
  }
}
