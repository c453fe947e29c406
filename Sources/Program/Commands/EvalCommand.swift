import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles
import OrderedCollections
import PolicyEvaluation
import PretrainedPolicies
import RobotEnvironments
import SmolVLA
import TerminalOutput

/// `lerobot-wm eval`: closed-loop evaluation of a checkpoint, under LeRobot's flags.
enum EvalCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("output_dir", help: "folder of the results; default outputs/eval/DATE/TIME_JOB") var outputDirectory:
      String?
    @Setting("job_name", help: "name of the evaluation") var jobName: String?
    @Setting("seed", in: 0...1 << 53, help: "random seed; episode k is the same for every batch size") var seed = 1000
    @Setting("num_compute_threads", in: 0...4096, help: "threads of one CPU operation; 0 takes all cores")
    var computeThreads = 0
    @Setting("rename_map", help: renameMapHelp("the environment's")) var renameMap: OrderedDictionary<String, String> =
      [:]
    @Setting("resume", help: "resume an evaluation in --output_dir that was stopped or killed") var resumes = false
    @Setting(
      "overwrite",
      help: "overwrite results in --output_dir; with --resume, resume the same evaluation, else start over and "
        + "keep the results of another in replaced/ beside it")
    var overwrites = false
    @Setting("profile", owner: .program, help: Profile.help("plans")) var profile: String?
    @SettingsGroup("eval") var evaluation = EvaluationSection()
    @SettingsGroup("env", title: "EnvConfig", help: "kind of environment", of: EnvironmentSettings.kinds)
    var environment = EnvironmentSettings.shapes(ShapesSettings())
    @SettingsGroup(
      "policy", title: "PreTrainedConfig", help: "kind of policy; the checkpoint's own", of: PolicySettings.kinds)
    var policy = PolicySettings.smolvla(SmolVLAConfiguration())
    var policyPath: String?
    /// The command line that does this evaluation.
    var commandLine: [String] = []

    static let title = "EvalPipelineConfig"

    func validate() throws(ConfigurationError) {
      if let number = evaluation.recordedNumbers?.first(where: { $0 >= evaluation.lerobot.episodes }) {
        throw ConfigurationError(
          "eval.recorded_episodes",
          "expected numbers below --eval.n_episodes=\(evaluation.lerobot.episodes), found \(number)")
      }
      guard !evaluation.isRecording || !resumes else {
        throw ConfigurationError(
          "eval.recording", "keeps whole evaluations, not what is left of one; give --overwrite instead of --resume")
      }
    }

    fileprivate func recorder(_ suite: any EnvironmentSuite, in output: URL) -> RolloutRecorder {
      RolloutRecorder(
        suite, in: output.appendingPathComponent("recordings", isDirectory: true), environment: environment.json,
        seed: seed)
    }
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

  static let foreignSettings = LeRobotSettings.ofEvaluation

  /// Defaults ← checkpoint ← file ← flags.
  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    if let stray = arguments.positional.first {
      throw Failure("eval takes flags only; name the checkpoint as --policy.path=\(stray)")
    }
    configured.value.commandLine = [CommandLineProgram.name, name] + arguments.flags.map(\.word)
    let file = arguments.take("config_path").map { URL(fileURLWithPath: $0) }
    let json = try file.map { file throws in try LeRobotSettings.adopted(JSON(contentsOf: file)).withSeed(in: file) }
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
    if let file, let json {
      // One file may hold what several commands take.
      let known = TrainSettings().namesOfEveryKind.map { ForeignSetting($0, nil) }
      try configured.apply(
        json, from: file.path, unknown: .shared(foreignSettings + LeRobotSettings.ofTraining + known))
    }
    try configured.applyRenameMap()
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    var checks = Checks()
    let profile = try Profile(settings.profile, overwrite: settings.overwrites)
    let checkpoint = try CheckpointEvaluation(settings, &checks)
    (checks.warnings + [checkpoint.arithmetic].compactMap(\.self)).forEach(say)
    let evaluation = try checkpoint.prepared(settings.evaluation.ablation, commandLine: settings.commandLine)
    let upload = try settings.evaluation.recordingRepository.map {
      try RecordingUpload($0, isPrivate: settings.evaluation.isRecordingPrivate)
    }
    let path = settings.outputDirectory ?? defaultOutput("eval", settings.jobName ?? evaluation.run.suite.name)
    let lock = try FolderLock(URL(fileURLWithPath: path, isDirectory: true))
    defer { withExtendedLifetime(lock) {} }
    let (output, resumes) = try output(path, settings, evaluation.manifest.json)
    let interruption = Interruption()
    let recorder = settings.evaluation.isRecording ? settings.recorder(evaluation.run.suite, in: output) : nil
    let outcome = try evaluation.evaluate(
      in: output, resumes: resumes, interruption: interruption, profile: profile, recorder: recorder)
    if let signal = interruption.signalNumber, outcome.results.isEmpty {
      say("stopped by a signal before an episode had ended; resume with --resume --output_dir=\(path)")
      return 128 + signal
    }
    let (run, report) = (evaluation.run, outcome.report)
    if outcome.broken.count == outcome.results.count { run.sayWhatBroke(outcome) }
    try outcome.requireMeasured()
    let measured = Set(outcome.results.map(\.task))
    for task in run.tasks where measured.contains(task) {
      print("\(run.suite.label(ofTask: task).text): \(report.rate(of: task).text)")
    }
    if report.groups.count > 1 {
      for group in report.groups { print("\(group): \(report.rate(ofGroup: group).text)") }
    }
    if run.tasks.count > 1 { print("overall: \(report.rate().text)") }
    run.sayWhatBroke(outcome)
    for root in try recorder?.finish() ?? [] {
      say("recorded: \(root.path)")
      // What a signal cut short is not published.
      if let upload, interruption.signalNumber == nil { say("uploaded: \(try upload.send(root))") }
    }
    print(output.appendingPathComponent("eval_info.json").path)
    if let signal = interruption.signalNumber {
      say(
        "stopped by a signal: eval_info.json holds what had ended, \(counted(outcome.results.count, "episode")); resume with --resume "
          + "--output_dir=\(path)")
      return 128 + signal
    }
    guard let first = outcome.broken.first else { return 0 }
    throw Failure(
      "\(outcome.broken.count) of \(counted(outcome.results.count, "episode")) broke off, the first with: \(first.problem ?? ""); "
        + "repeat them with --resume --output_dir=\(path)")
  }

  /// The folder of the results, and whether the evaluation in it is resumed.
  private static func output(_ path: String, _ settings: Settings, _ manifest: JSON) throws -> (URL, resumes: Bool) {
    if settings.overwrites {
      try requireNoInputs(settings.inputFolders, in: URL(fileURLWithPath: path, isDirectory: true))
    }
    guard settings.resumes else {
      return (try prepareOutput(path, of: .evaluation, overwrite: settings.overwrites), false)
    }
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    return (folder, try settings.overwrites ? EpisodeLog.takeOver(folder, for: manifest) : true)
  }
}

/// What plans the actions of an evaluation.
enum PlannerKind: String, CaseIterable, ConfigurationValue { case policy, random }

/// `--eval.…`
struct EvaluationSection: ConfigurationSection {
  @SettingsGroup var lerobot = TrainingEvaluationSection()
  @Setting("max_episodes_rendered", in: 0...1_000_000, help: "episodes of each task that are recorded") var recorded =
    10
  @Setting(
    "ablation",
    help: "what to withhold from the policy, to see whether it uses it; `lerobot-wm ablate` compares several at once")
  var ablation: RolloutAblation?
  @Setting(
    "recorded_episodes", in: 0...1_000_000,
    help: "record these episodes of each task instead of the first, such as [3,10]")
  var recordedNumbers: [Int]?
  @Setting("recording", help: "keep the episodes as LeRobotDatasets in recordings/ below the results")
  var isRecording = false
  @Setting("recording_repo_id", help: "and upload them, as datasets named REPO_ID_GROUP_NUMBER, of a task in its group")
  var recordingRepository: String?
  @Setting("recording_private", help: "whether these are private") var isRecordingPrivate = false
  @Setting("planner", help: "what plans actions; random gives the success rate of chance") var planner = PlannerKind
    .policy

  static let title = "EvalConfig"

  func validate() throws(ConfigurationError) {
    guard recordingRepository == nil || isRecording else {
      throw ConfigurationError("recording_repo_id", "needs --eval.recording=true")
    }
  }
}
