import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles
import OrderedCollections
import TerminalOutput

/// `lerobot-wm ablate`: rolls one checkpoint out under several conditions on the same episodes with the same noise, and
/// says what each costs.
enum AblateCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("ablations", help: "conditions, separated by commas; empty for all that apply") var ablations = ""
    @SettingsGroup var evaluation = EvalCommand.Settings()
  }

  static let name = "ablate"
  static let summary = "roll a checkpoint out under ablations and say what each costs"
  static let extraFlags = EvalCommand.extraFlags
  static let foreignSettings = EvalCommand.foreignSettings
  static let examples = [
    "lerobot-wm ablate --policy.path outputs/train/run/checkpoints/last/pretrained_model --env.type=shapes "
      + "--env.task=push_side --eval.n_episodes=40 --output_dir=outputs/train/run/eval "
      + "--ablations=zero,shuffle,garbled_instruction,blank_images,state_noise.0.5"
  ]

  /// As an evaluation reads them.
  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    let own = arguments.take("ablations")
    var evaluation = Configured<EvalCommand.Settings>()
    try EvalCommand.layers(&evaluation, &arguments)
    configured.value.evaluation = evaluation.value
    if let own { configured.value.ablations = own }
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let evaluation = settings.evaluation
    guard let path = evaluation.outputDirectory else {
      throw Failure("--output_dir is needed: the folder of the evaluation without ablations, such as RUN/eval")
    }
    guard evaluation.evaluation.planner == .policy, evaluation.evaluation.ablation == nil,
      RolloutAblation(of: evaluation.policy.world) == nil
    else {
      throw Failure(
        "ablations are compared with the policy as it was trained; give --ablations alone, without --eval.planner, "
          + "--eval.ablation and another --policy.world_memory_mode_rollout")
    }
    guard evaluation.profile == nil else {
      throw Failure("--profile records one evaluation; give it to `lerobot-wm eval` with --eval.ablation")
    }
    var checks = Checks()
    let checkpoint = try CheckpointEvaluation(evaluation, &checks)
    checks.warnings.forEach(say)
    let plan = try AblationPlan(settings.ablations, checkpoint, evaluation)
    for (name, reason) in plan.leftOut { say("\(name) is left out: \(reason)") }
    let folder = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
    let lock = try FolderLock(folder)
    defer { withExtendedLifetime(lock) {} }
    let rollouts = AblationRollouts(checkpoint, evaluation, folder: folder)
    for condition in [nil] + plan.conditions.map(Optional.some) {
      if let signal = try rollouts.roll(out: condition) {
        say("stopped by a signal; run the same command to resume")
        return 128 + signal
      }
    }
    let study = try AblationStudy(of: folder)
    print(study.table())
    let file = AblationStudy.folder(of: folder).appendingPathComponent("ablations.json")
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    var json = study.json.object ?? [:]
    json["left_out"] = .object(OrderedDictionary(plan.leftOut.map { ($0.name, .string($0.reason)) }) { $1 })
    try JSON.object(json).write(to: file, layout: .indented(2), overwrite: true)
    print(file.path)
    guard study.isComplete else {
      throw Failure("not every ablation could be compared; the table says why")
    }
    return 0
  }
}

/// The rollouts of a study: that without ablation in `folder`, the others in folders below it.
private struct AblationRollouts {
  private let checkpoint: CheckpointEvaluation
  private let settings: EvalCommand.Settings
  private let folder: URL
  private let interruption = Interruption()

  init(_ checkpoint: CheckpointEvaluation, _ settings: EvalCommand.Settings, folder: URL) {
    (self.checkpoint, self.settings, self.folder) = (checkpoint, settings, folder)
  }

  /// Rolls the checkpoint out under a condition, nil for none, unless that is finished; one that was stopped is resumed.
  ///
  /// - Returns: the signal that stopped it.
  func roll(out condition: RolloutAblation?) throws -> Int32? {
    let place = condition.map { AblationStudy.folder(of: folder).appendingPathComponent($0.name) } ?? folder
    let name = condition.map { "the ablation \($0.name)" } ?? "no ablation"
    // The rollout without ablation belongs to `eval`, which overwrites it.
    let evaluation = try checkpoint.prepared(condition, commandLine: commandLine(condition, place))
    if settings.overwrites, condition != nil { try requireNoInputs(settings.inputFolders, in: place) }
    switch (settings.overwrites && condition != nil, settings.resumes) {
    case (true, true): _ = try EpisodeLog.takeOver(place, for: evaluation.manifest.json)
    case (true, false): _ = try prepareOutput(place.path, of: .evaluation, overwrite: true)
    case (false, _): break
    }
    if try isFinished(place, evaluation.manifest.json) {
      say("\(name): finished before")
      return nil
    }
    say("\(name): \(place.path)")
    let log = place.appendingPathComponent(EpisodeLog.fileName)
    let resumes = FileManager.default.fileExists(atPath: log.path)
    if !resumes { _ = try prepareOutput(place.path, of: .evaluation, overwrite: false) }
    let outcome = try evaluation.evaluate(in: place, resumes: resumes, interruption: interruption)
    evaluation.run.sayWhatBroke(outcome)
    return interruption.signalNumber
  }

  /// Whether all episodes of this very evaluation are there.
  private func isFinished(_ place: URL, _ manifest: JSON) throws -> Bool {
    let file = place.appendingPathComponent("eval_info.json")
    guard FileManager.default.fileExists(atPath: file.path) else { return false }
    try EpisodeLog.requireSame(JSON(contentsOf: file)["protocol"] ?? .null, manifest, in: place)
    return try AblationStudy.isWholeEvaluation(file)
  }

  /// What `eval` does a condition alone with.
  private func commandLine(_ condition: RolloutAblation?, _ place: URL) -> [String] {
    let own = ["output_dir", "overwrite", "resume"]
    let flags = Arguments(Array(settings.commandLine.dropFirst(2))).flags.filter { !own.contains($0.name) }
    let ablation = condition.map { ["--eval.ablation=\($0.name)"] } ?? []
    return Array(settings.commandLine.prefix(2)) + flags.map(\.word) + ["--output_dir=\(place.path)"] + ablation
  }
}
