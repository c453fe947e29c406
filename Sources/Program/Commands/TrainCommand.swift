import Experiments
import Foundation
import HuggingFaceHub
import LayeredSettings
import ModelFiles
import PolicyTraining
import PretrainedPolicies
import RunLogs
import TerminalOutput
import WorldModality

extension JSON {
  /// The same object, a member under another name, unless that one is there too.
  fileprivate func renaming(_ name: String, to other: String) -> JSON {
    guard var members = object, let member = members.removeValue(forKey: name) else { return self }
    members[other] = members[other] ?? member
    return .object(members)
  }
}

/// `lerobot-wm train`
enum TrainCommand: Command {
  static let name = "train"
  static let summary = "train smolvla or smolvla_world on a LeRobotDataset"
  static let extraFlags = [
    ("policy.path", "checkpoint to start from: a pretrained_model folder, or a repository on the hub"),
    ("config_path", "a JSON file of settings, such as a train_config.json"),
  ]
  static let examples = [
    "lerobot-wm-train --dataset.repo_id=HuggingFaceVLA/libero --policy.path=lerobot/smolvla_base --batch_size=64",
    "lerobot-wm-train --dataset.root=data/shapes --policy.vlm_model_name=models/backbone --steps=20",
    "lerobot-wm-train --output_dir=outputs/train/run --resume",
  ]

  static let foreignSettings = LeRobotSettings.ofTraining

  /// What LeRobot calls `eval_freq` since 0.5.
  private static let newEvaluationFrequency = "env_eval_freq"

  /// Unknown fields of a checkpoint's policy are written into its settings too.
  private static func carried(from file: URL) throws -> [ForeignSetting] {
    let config = file.deletingLastPathComponent().appendingPathComponent("config.json")
    guard FileManager.default.fileExists(atPath: config.path) else { return [] }
    return try JSON(contentsOf: config).object?.keys.map { ForeignSetting("policy.\($0)", nil) } ?? []
  }

  /// Defaults ← checkpoint ← file ← flags.
  static func layers(_ configured: inout Configured<TrainSettings>, _ arguments: inout Arguments) throws {
    let resumes = arguments.isOn("resume") ?? false
    let path = arguments.take("config_path")
    let onHub = resumes ? path.flatMap(HubCheckpoint.init) : nil
    let fetched = onHub.map { _ in
      URL(fileURLWithPath: arguments.text(of: "output_dir") ?? defaultOutput("train", "resume"), isDirectory: true)
    }
    var file = try fetched.flatMap { try onHub?.fetch(into: $0) } ?? path.map(settingsFile)
    if resumes, let file {
      configured.value.checkpoint = file.deletingLastPathComponent().deletingLastPathComponent()
    } else if resumes, let output = arguments.text(of: "output_dir") {
      let folder = URL(fileURLWithPath: output)
      if let mirror = arguments.text(of: "checkpoint_mirror") {
        if try CheckpointMirror(URL(fileURLWithPath: mirror), of: folder).restore() {
          say("the run was restored from \(mirror)")
        }
      }
      let last = try CheckpointDirectory(output: folder).last()
      file = last.appendingPathComponent("pretrained_model/train_config.json")
    }
    arguments.rename(newEvaluationFrequency, to: "eval_freq")
    let settings = try file.map(TrainConfigurationFiles.read)?.renaming(newEvaluationFrequency, to: "eval_freq")
      .withSeed(in: file)
    // A resumed run's settings are whole, and the checkpoint it once started from may be gone.
    let named = resumes ? nil : settings?["policy"]
    func start(_ name: String) -> String? { arguments.text(of: "policy.\(name)") ?? named?[name]?.string }
    let checkpoint = arguments.take("policy.path") ?? start("pretrained_path")
    if let start = checkpoint ?? start("init_from_policy_path"), !start.isEmpty {
      let config = try ModelLocation.directory(of: start).appendingPathComponent("config.json")
      var json = try PolicySettings.members(ofCheckpoint: config)
      // The type stays the one asked for: smolvla_world starts from a smolvla checkpoint.
      if let type = arguments.text(of: "policy.type") ?? named?["type"]?.string { json["type"] = .string(type) }
      if checkpoint != nil { json["pretrained_path"] = .string(start) }
      // As in evaluation: the arithmetic that it was trained in, unless another is asked for.
      let precision = try TrainingRecord.precision(of: config.deletingLastPathComponent())
      json["precision"] = json["precision"] ?? precision.map { .string($0.rawValue) }
      try configured.apply(.object(json), from: config.path, at: "policy", unknown: .keep)
    }
    if let file, let settings {
      // One file may hold what several commands take.
      var foreign = foreignSettings + EvalCommand.Settings().namesOfEveryKind.map { ForeignSetting($0, nil) }
      if resumes { foreign += try carried(from: file) }
      try configured.apply(settings, from: file.path, unknown: .shared(foreign))
    }
    try configured.applyRenameMap()
    if !resumes, let checkpoint { configured.value.policy.smolvla.compatibility.pretrainedPath = checkpoint }
    // The run's own folder is on another machine.
    if let fetched { configured.value.outputDirectory = fetched.path }
    try refuseIdleSections(arguments, usesPreset: configured.value.usesPolicyPreset)
  }

  /// `--config_path` names a file, or as LeRobot has it a folder or repository with a `train_config.json`.
  private static func settingsFile(_ path: String) throws -> URL {
    try refuseLinkLoop(at: path)
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    if exists, !isDirectory.boolValue { return URL(fileURLWithPath: path) }
    guard exists || !path.hasSuffix(".json") else { throw FileError.missing(path) }
    return try ModelLocation.directory(of: path).appendingPathComponent("train_config.json")
  }

  /// Rejects flags that have no effect; LeRobot ignores them silently.
  private static func refuseIdleSections(_ arguments: Arguments, usesPreset: Bool) throws(ConfigurationError) {
    guard arguments.isOn("use_policy_training_preset") ?? usesPreset else { return }
    for flag in arguments.flags where flag.name.hasPrefix("optimizer.") || flag.name.hasPrefix("scheduler.") {
      throw ConfigurationError(
        flag.name,
        "has no effect while the policy's preset is used; set --policy.optimizer_… and --policy.scheduler_…, or add "
          + "--use_policy_training_preset=false")
    }
  }

  static func run(_ settings: TrainSettings, _ configured: Configured<TrainSettings>) throws -> Int32 {
    let writesWandB = try settings.wandb.writesRun(environment: ProcessInfo.processInfo.environment)
    let profile = try Profile(settings.profile, overwrite: settings.overwrites)
    let settings = kept(settings, writesWandB: writesWandB)
    var configured = configured
    configured.value = settings
    try useComputeThreads(settings.computeThreads)
    let folder = URL(fileURLWithPath: path(of: settings), isDirectory: true)
    // Before the checkpoint is read, which another process may be about to follow with the next.
    let resumed = try settings.resumes ? FolderLock(folder) : nil
    let upload = try ModelUpload(settings)
    let checkpointUpload = try CheckpointUpload(settings)
    var checks = Checks()
    try OutputDisk.check(path(of: settings), mirror: settings.checkpointMirror, &checks)
    let run = try TrainingRun(settings, &checks)
    let features = try run.imageFeatures()
    run.checkSpace(at: path(of: settings), &checks)
    let interruption = Interruption()
    let evaluation = try TrainingEvaluation(settings, run.pretrained, interruption)
    let record = try run.record(features)
    let mirror = settings.checkpointMirror.map { CheckpointMirror(URL(fileURLWithPath: $0), of: folder) }
    let lock = try resumed ?? FolderLock(folder)
    defer { withExtendedLifetime(lock) {} }
    try mirror?.requireElsewhere()
    if settings.resumes {
      for place in [folder, CheckpointDirectory(output: folder).url] { AtomicFile.removeLeftovers(in: place) }
    }
    let output = settings.resumes ? folder : try newOutput(settings, run, mirror)
    say("output: \(output.path)")
    let descriptions = [run.deviceDescription, run.dataDescription, features?.summary].compactMap(\.self)
    (checks.warnings + descriptions).forEach(say)
    for change in record.changes {
      say("warning: the run resumes with other settings: \(change.text("before", "now"))")
    }
    let configuration = run.complete(configured.json)
    let files = TrainConfigurationFiles(configuration, names: configured.names(ownedBy: .lerobot))
    var pretrained = run.pretrained
    pretrained.documents[TrainConfigurationFiles.ownName] = files.own
    pretrained.documents[TrainingRecord.fileName] = record.json
    let display = TrainingDisplay(steps: settings.steps, profile)
    var callbacks = callbacks(evaluation, interruption, output, (mirror, checkpointUpload), display)
    callbacks.measureHeldOut = run.heldOutLoss(
      features, isInterrupted: { interruption.signalNumber != nil }, onBatch: display.showHeldOut)
    var loop = try TrainingLoop(
      pretrained, settings.training, output: output, configuration: files.lerobot, frames: run.dataset.count,
      episodes: run.dataset.episodes.count, resuming: run.checkpoint,
      wandb: writesWandB ? settings.wandbDescription(configuration) : nil,
      callbacks: callbacks)
    if loop.firstStep == settings.steps {
      say("the run is at step \(settings.steps) of \(settings.steps) already; give more --steps to train it further")
    }
    try profile?.start()
    defer { if let line = profile?.finish() { say(line) } }
    var batches = try run.batches(from: loop.firstStep, features: features)
    // Also if the run fails: its last checkpoint may still be on its way.
    defer { ((mirror?.finish() ?? []) + (checkpointUpload?.finish() ?? [])).forEach(say) }
    let end = try loop.run(on: &batches)
    switch end {
    case .finished:
      let folder = CheckpointDirectory(output: output).folder(step: settings.steps, of: settings.steps)
      if settings.savesCheckpoint { print(folder.path) }
      if let upload { print(try upload.send(folder.appendingPathComponent("pretrained_model"))) }
    case .interrupted(let step, _):
      say("stopped at step \(step); resume with --resume --output_dir=\(output.path)")
    }
    return Int32(end.exitCode)
  }

  /// The settings as checkpoints keep them: with the run's folder and name, so that it can be resumed.
  private static func kept(_ settings: TrainSettings, writesWandB: Bool) -> TrainSettings {
    var settings = settings
    // A run that resumes is not profiled again.
    settings.profile = nil
    // A resumed run finds its identifier in the checkpoint's settings.
    if writesWandB { settings.wandb.runID = settings.wandb.runID ?? WandBDescription.newRunID() }
    // No more are created, and LeRobot rejects a train_config.json that asks for more.
    settings.evaluation.batchSize = settings.evaluation.environments
    (settings.outputDirectory, settings.jobName) = (path(of: settings), settings.name)
    return settings
  }

  private static func callbacks(
    _ evaluation: TrainingEvaluation?, _ interruption: Interruption, _ output: URL,
    _ copies: (mirror: CheckpointMirror?, upload: CheckpointUpload?), _ display: TrainingDisplay
  ) -> TrainingCallbacks {
    var callbacks = TrainingCallbacks()
    callbacks.interruption = { interruption.signalNumber.map { 128 + Int($0) } }
    callbacks.evaluate = evaluation.map { evaluation in { try evaluation($0, output: output) } }
    callbacks.observe = { event in
      display.show(event)
      switch event {
      case .saved(let checkpoint):
        let problems = (copies.mirror?.copy(checkpoint) ?? []) + (copies.upload?.send(checkpoint) ?? [])
        problems.forEach(display.say)
      case .removed(let checkpoint): copies.mirror?.remove(checkpoint)
      default: break
      }
    }
    return callbacks
  }

  private static func path(of settings: TrainSettings) -> String {
    settings.outputDirectory ?? defaultOutput("train", settings.name)
  }

  /// A new run's folder, created or emptied, and so its mirror, only after everything else was checked.
  private static func newOutput(
    _ settings: TrainSettings, _ run: TrainingRun, _ mirror: CheckpointMirror?
  ) throws -> URL {
    let path = path(of: settings)
    if settings.overwrites {
      let inputs = try [run.dataset.root] + settings.inputFolders()
      let places = [URL(fileURLWithPath: path, isDirectory: true), mirror?.url].compactMap(\.self)
      for place in places { try requireNoInputs(inputs, in: place) }
    }
    if let mirror, mirror.isThere { try OutputKind.mirror.requireOwn(mirror.url) }
    try mirror?.prepare(overwrite: settings.overwrites)
    return try prepareOutput(path, of: .training, overwrite: settings.overwrites)
  }
}
