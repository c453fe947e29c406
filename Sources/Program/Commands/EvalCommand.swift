import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LibTorch
import ModelFiles
import OrderedCollections
import PolicyEvaluation
import PretrainedPolicies
import RobotEnvironments
import RobotPolicies
import SmolVLA
import TerminalOutput
import WorldModality

/// `lerobot-wm eval`: closed-loop evaluation of a checkpoint, under LeRobot's flags.
enum EvalCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("output_dir", help: "folder of the results; default outputs/eval/DATE/TIME_JOB") var outputDirectory:
      String?
    @Setting("job_name", help: "name of the evaluation") var jobName: String?
    @Setting("seed", help: "random seed; episode k is the same for every batch size") var seed = 1000
    @Setting("num_compute_threads", help: "threads of one CPU operation; 0 takes all cores") var computeThreads = 0
    @Setting("rename_map", help: renameMapHelp("the environment's")) var renameMap: OrderedDictionary<String, String> =
      [:]
    @Setting("resume", help: "resume an evaluation in --output_dir that was stopped or killed") var resumes = false
    @Setting("overwrite", help: "overwrite results in --output_dir") var overwrites = false
    @SettingsGroup("eval") var evaluation = EvaluationSection()
    @SettingsGroup("env", title: "EnvConfig", help: "kind of environment", of: EnvironmentSettings.kinds)
    var environment = EnvironmentSettings.shapes(ShapesSettings())
    @SettingsGroup(
      "policy", title: "PreTrainedConfig", help: "kind of policy; the checkpoint's own", of: PolicySettings.kinds)
    var policy = PolicySettings.smolvla(SmolVLAConfiguration())
    var policyPath: String?

    static let title = "EvalPipelineConfig"
  }

  static let name = "eval"
  static let summary = "evaluate a checkpoint in closed loop"
  static let extraFlags = [
    ("policy.path", "the checkpoint: a pretrained_model folder, or a repository on the hub"),
    ("config_path", "a JSON file of settings"),
  ]
  static let examples = [
    "lerobot-wm-eval --policy.path outputs/train/run/checkpoints/last/pretrained_model --env.type=shapes "
      + "--env.task=push_side --eval.n_episodes=40 --eval.batch_size=8"
  ]

  /// Defaults ← checkpoint ← file ← flags.
  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    let file = arguments.take("config_path").map { URL(fileURLWithPath: $0) }
    let json = try file.map { file throws in try JSON(contentsOf: file) }
    if let file, json?["dataset"] != nil {
      // Its output folder is the run's own, and its pretrained_path the checkpoint before training.
      throw Failure(
        "\(file.path) holds the settings of a training run, not of an evaluation; name what it trained with "
          + "--policy.path=\(file.deletingLastPathComponent().path)")
    }
    if let path = arguments.takePolicyPath() ?? json?["policy"]?["pretrained_path"]?.string {
      configured.value.policyPath = path
      try configured.apply(checkpoint: path)
    }
    if let file, let json { try configured.apply(json, from: file.path, unknown: .keep) }
    try configured.applyRenameMap()
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    var plan = EvaluationSettings()
    plan.episodes = settings.evaluation.lerobot.episodes
    plan.batchSize = settings.evaluation.lerobot.batchSize
    plan.seed = settings.seed
    plan.recordedEpisodes = settings.evaluation.recorded
    plan.usesContraryInstruction = settings.evaluation.contrary
    let run = try EvaluationRun(settings.environment, plan, settings.evaluation.lerobot.initialStates)
    if settings.evaluation.planner == .policy, let path = settings.policyPath {
      try run.check(TrainedStartStates(in: ModelLocation.directory(of: path, holding: ModelLocation.weights)))
    }
    run.repetitionNotice.map(say)
    let suite = run.suite
    try useComputeThreads(settings.computeThreads)
    let path = settings.outputDirectory ?? defaultOutput("eval", settings.jobName ?? suite.name)
    let (planner, policy) = try planner(settings, run.specification())
    let manifest = try EvaluationProtocol(
      run, environment: settings.environment, policy: policy, renaming: settings.renameMap)
    let output =
      settings.resumes
      ? URL(fileURLWithPath: path, isDirectory: true) : try prepareOutput(path, overwrite: settings.overwrites)
    let interruption = Interruption()
    let outcome = try run.run(
      planner, in: output, resumes: settings.resumes, manifest: { manifest.json }, interruption: interruption)
    let report = outcome.report
    for task in run.tasks { print("\(suite.label(ofTask: task).text): \(report.rate(of: task).text)") }
    if report.groups.count > 1 {
      for group in report.groups { print("\(group): \(report.rate(ofGroup: group).text)") }
    }
    if run.tasks.count > 1 { print("overall: \(report.rate().text)") }
    run.sayWhatBroke(outcome)
    print(output.appendingPathComponent("eval_info.json").path)
    if let signal = interruption.signalNumber {
      say(
        "stopped by a signal: eval_info.json holds the \(outcome.results.count) episodes that had ended; resume with --resume "
          + "--output_dir=\(path)")
      return 128 + signal
    }
    return outcome.broken.isEmpty ? 0 : 1
  }

  private static func planner(
    _ settings: Settings, _ specification: EnvironmentSpecification
  ) throws -> (any ActionPlanner, EvaluatedPolicy?) {
    if settings.evaluation.planner == .random {
      return (RandomPlanner(actionDimension: specification.actionNames.count), nil)
    }
    guard let path = settings.policyPath else {
      throw Failure("--policy.path is needed: a checkpoint's pretrained_model folder, or a repository")
    }
    let smolvla = settings.policy.smolvla
    if smolvla.actionSteps == smolvla.chunkSize {
      say(
        "warning: n_action_steps equals chunk_size (\(smolvla.chunkSize)): plans are carried out to the end; "
          + "a smaller --policy.n_action_steps re-plans more often")
    }
    let device = try Device.chosen(smolvla.device)
    var builder = PolicyBuilder(settings.policy, device: device, isTrained: false)
    let folder = try ModelLocation.directory(of: path, holding: ModelLocation.weights)
    var pretrained = try builder.pretrained(folder)
    if !settings.renameMap.isEmpty {
      pretrained.preprocessor = pretrained.preprocessor.renaming(settings.renameMap)
    }
    builder.notices.forEach(say)
    let policy = EvaluatedPolicy(
      settings: settings.policy, policy: pretrained.policy, source: (name: path, folder: folder))
    return (try PolicyPlanner(pretrained, specification: specification), policy)
  }
}

/// What plans the actions of an evaluation.
enum PlannerKind: String, CaseIterable, ConfigurationValue { case policy, random }

/// `--eval.…`
struct EvaluationSection: ConfigurationSection {
  @SettingsGroup var lerobot = TrainingEvaluationSection()
  @Setting("max_episodes_rendered", help: "episodes of each task that are recorded") var recorded = 10
  @Setting("contrary_instruction", help: "give the policy a different instruction, but score the original goal")
  var contrary =
    false
  @Setting("planner", help: "what plans actions; random gives the success rate of chance") var planner = PlannerKind
    .policy

  static let title = "EvalConfig"

  func validate() throws(ConfigurationError) {
    guard recorded >= 0 else {
      throw ConfigurationError("max_episodes_rendered", "expected 0 or more, found \(recorded)")
    }
  }
}
