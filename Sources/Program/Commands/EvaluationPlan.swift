import Failures
import Foundation
import LayeredSettings
import ModelFiles
import OrderedCollections
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies
import SmolVLA

/// The one evaluation that every run of a matrix gets.
struct EvaluationPlan {
  /// The flags of `eval` beside checkpoint and folder.
  let flags: [String]
  /// Tasks as `eval_info.json` names them: `SUITE/TASK`.
  let tasks: [String]
  /// What a planner gets to see.
  let specification: EnvironmentSpecification
  let run: EvaluationRun
  private let settings: EvalCommand.Settings
  private let policy: SmolVLAConfiguration
  /// The size of images, where the flags leave it open.
  let imageNotice: String?

  /// Reads the flags as `eval` will, and opens the environments.
  ///
  /// - Parameter inputs: what the policies will be trained on.
  init(_ given: [Arguments.Flag], policy: SmolVLAConfiguration, inputs: PolicyFeatures) throws {
    var arguments = Arguments([])
    arguments.flags = given.filter(\.isOfEvaluation)
    var configured = Configured<EvalCommand.Settings>()
    try configured.apply(arguments)
    var settings = try configured.validated()
    let (environment, imageNotice) = settings.environment.showing(inputs, renaming: settings.renameMap)
    settings.environment = environment
    (self.settings, self.imageNotice) = (settings, imageNotice)
    guard settings.evaluation.ablation == nil else {
      throw ConfigurationError(
        "eval.ablation", "arms are not compared by ablated evaluations; `lerobot-wm ablate` ablates a checkpoint")
    }
    var plan = EvaluationSettings()
    (plan.episodes, plan.seed) = (settings.evaluation.lerobot.episodes, settings.seed)
    let run = try EvaluationRun(settings.environment, plan, settings.evaluation.lerobot.initialStates)
    self.run = run
    specification = try run.specification()
    tasks = run.tasks.map { task in
      let label = run.suite.label(ofTask: task)
      return "\(label.group)/\(label.name)"
    }
    self.policy = policy
    // n_action_steps is said again, so that no file can decide it.
    flags =
      arguments.flags.map(\.word) + environment.imageFlags(beside: arguments.flags)
      + ["--seed=\(settings.seed)", "--policy.n_action_steps=\(policy.actionSteps)"]
      + (policy.device.map { ["--policy.device=\($0)"] } ?? [])
      + given.filter { $0.name == "num_compute_threads" }.map(\.word)
  }

  /// What of `eval_info.json`'s `protocol` must be the same in every run.
  var protocolEntries: [(key: String, value: JSON)] {
    [
      ("n_episodes", .integer(settings.evaluation.lerobot.episodes)), ("seed", .integer(settings.seed)),
      ("init_states", .string(run.suite.initialStates.rawValue)),
      ("n_action_steps", .integer(policy.actionSteps)), ("ablation", "none"),
      ("num_steps", .integer(policy.denoisingSteps)), ("env", settings.environment.json),
      ("rename_map", settings.renameMap.json),
    ]
  }

  var episodesPerTask: Int { settings.evaluation.lerobot.episodes }

  /// The evaluation in one line.
  var text: String {
    let steps = policy.actionSteps
    let warning =
      steps == policy.chunkSize ? " (the whole chunk: a smaller --policy.n_action_steps re-plans more often)" : ""
    let whole = tasks.count == 1 ? "the task" : "each of \(tasks.count) tasks"
    let count = "\(counted(episodesPerTask, "episode")) of \(whole)"
    return "each evaluation: \(count), seed \(settings.seed), n_action_steps \(steps) of chunk_size "
      + "\(policy.chunkSize)\(warning)"
  }

  /// For `matrix.json`.
  var json: JSON {
    var members = OrderedDictionary(protocolEntries.map { ($0.key, $0.value) }) { $1 }
    members["tasks"] = .array(tasks.map(JSON.string))
    return .object(members)
  }
}
