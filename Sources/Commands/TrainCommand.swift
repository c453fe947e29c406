import Configuration
import Foundation
import HuggingFaceHub
import ModelFiles
import Terminal
import Training
import WorldModality

/// `lerobot-wm train`
enum TrainCommand: Command {
  static let name = "train"
  static let summary = "train smolvla or smolvla_world on a LeRobotDataset"
  static let extraFlags = [
    ("policy.path", "checkpoint (a pretrained_model folder) to start from"),
    ("config_path", "a JSON file of settings, such as a train_config.json"),
  ]
  static let examples = [
    "lerobot-wm-train --dataset.repo_id=HuggingFaceVLA/libero --policy.path=lerobot/smolvla_base --batch_size=64",
    "lerobot-wm-train --dataset.root=data/shapes --policy.type=smolvla_world --policy.world_memory_mode_train=zero",
    "lerobot-wm-train --output_dir=outputs/train/run --resume",
  ]

  /// Defaults ← checkpoint ← file ← flags.
  static func layers(_ configured: inout Configured<TrainSettings>, _ arguments: inout Arguments) throws {
    var file = arguments.take("config_path").map { URL(fileURLWithPath: $0) }
    if let resume = arguments.text(of: "resume"), resume != "false", file == nil,
      let output = arguments.text(of: "output_dir")
    {
      let last = try CheckpointDirectory(output: URL(fileURLWithPath: output)).last()
      file = last.appendingPathComponent("pretrained_model/train_config.json")
    }
    let path = arguments.take("policy.path") ?? arguments.text(of: "policy.pretrained_path")
    if let start = path ?? arguments.text(of: "policy.init_from_policy_path"), !start.isEmpty {
      let config = try ModelLocation.directory(of: start).appendingPathComponent("config.json")
      var json = try checkpointSettings(config)
      // The type stays the one asked for: smolvla_world starts from a smolvla checkpoint.
      if let type = arguments.text(of: "policy.type") { json["type"] = .string(type) }
      if path != nil { json["pretrained_path"] = .string(start) }
      try configured.apply(.object(json), from: config.path, at: "policy", unknown: .keep)
    }
    if let file { try configured.apply(JSON(contentsOf: file), from: file.path, unknown: .keep) }
  }

  static func run(_ settings: TrainSettings, _ configured: Configured<TrainSettings>) throws -> Int32 {
    try useComputeThreads(settings.computeThreads)
    let upload = try ModelUpload(settings)
    let run = try TrainingRun(settings)
    let output = try output(settings)
    say("output: \(output.path)")
    run.notices.forEach(say)
    let loop = TrainingLoop(
      run.pretrained, settings.training, output: output, configuration: run.complete(configured.json),
      datasetFrames: run.dataset.count)
    switch try loop.run(resuming: run.checkpoint, interruption: Interruption(), batches: run.batches) {
    case .finished:
      let folder = CheckpointDirectory(output: output).folder(step: settings.steps, of: settings.steps)
      print(folder.path)
      if let upload { print(try upload.send(folder.appendingPathComponent("pretrained_model"))) }
      return 0
    case .interrupted(let step, let signal):
      say("stopped at step \(step); go on with --resume --output_dir=\(output.path)")
      return 128 + signal
    }
  }

  /// The run's folder, made or emptied only now that everything else is known to be there.
  private static func output(_ settings: TrainSettings) throws -> URL {
    let path = settings.outputDirectory ?? defaultOutput("train", settings.jobName ?? settings.policy.type)
    return settings.resumes ? URL(fileURLWithPath: path) : try prepareOutput(path, overwrite: settings.overwrites)
  }
}
