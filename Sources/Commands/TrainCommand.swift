import Configuration
import Foundation
import LeRobotDatasets
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Policies
import SmolVLA
import Terminal
import Torch
import Training
import WorldModality

/// LeRobot's `TrainPipelineConfig`, as far as it applies.
struct TrainSettings: ConfigurationSection {
  var dataset = DatasetSettings()
  var policy = PolicySettings.smolvla(SmolVLAConfiguration())
  var outputDirectory: String?
  var jobName: String?
  var resumes = false
  var overwrites = false
  var seed = 1000
  var workers = 4
  var computeThreads = 0
  var batchSize = 8
  var steps = 100_000
  var logFrequency = 200
  var savesCheckpoint = true
  var saveFrequency = 20_000
  var renameMap: OrderedDictionary<String, String> = [:]
  var wandb = WandBSettings()

  static var fields: [Field<Self>] {
    [
      .init("output_dir", \.outputDirectory, help: "where the run goes; else outputs/train/DATE/TIME_JOB"),
      .init("job_name", \.jobName, help: "the run's name; else the policy's type"),
      .init("resume", \.resumes, help: "go on from the last checkpoint in --output_dir"),
      .init("overwrite", \.overwrites, help: "replace the run that lies in --output_dir"),
      .init("seed", \.seed, help: "everything drawn follows from it"),
      .init("num_workers", \.workers, help: "threads that load and decode; changes no result"),
      .init("num_compute_threads", \.computeThreads, help: "threads of one CPU operation; 0 takes all cores"),
      .init("batch_size", \.batchSize, help: "samples of one update"),
      .init("steps", \.steps, help: "updates in all"),
      .init("log_freq", \.logFrequency, help: "steps between log lines"),
      .init("save_checkpoint", \.savesCheckpoint, help: "whether to write checkpoints"),
      .init("save_freq", \.saveFrequency, help: "steps between checkpoints"),
      .init("rename_map", \.renameMap, help: "the dataset's feature names to the policy's"),
      .section("dataset", \.dataset),
      .choice("policy", \.policy, help: "kind of policy", of: PolicySettings.choices),
      .section("wandb", \.wandb),
    ]
  }

  func validate() throws(ConfigurationError) {
    for (name, value) in [
      ("batch_size", batchSize), ("steps", steps), ("log_freq", logFrequency), ("save_freq", saveFrequency),
    ]
    where value < 1 {
      throw ConfigurationError(name, "expected a whole number from 1, found \(value)")
    }
    guard workers >= 0, computeThreads >= 0 else { throw ConfigurationError("num_workers", "expected 0 or more") }
    guard !dataset.repoID.isEmpty || dataset.root != nil else {
      throw ConfigurationError("dataset.repo_id", "is needed, or --dataset.root")
    }
  }
}

/// `--wandb.…`; metrics are always in metrics.jsonl.
struct WandBSettings: ConfigurationSection {
  var isEnabled = false

  static var fields: [Field<Self>] { [.init("enable", \.isEnabled, help: "not supported yet; see metrics.jsonl")] }

  func validate() throws(ConfigurationError) {
    guard !isEnabled else { throw ConfigurationError("enable", "is not supported yet; metrics are in metrics.jsonl") }
  }
}

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
      var json = try JSON(contentsOf: config).object ?? [:]
      // The type stays the one asked for: smolvla_world starts from a smolvla checkpoint.
      if let type = arguments.text(of: "policy.type") { json["type"] = .string(type) }
      if path != nil { json["pretrained_path"] = .string(start) }
      try configured.apply(.object(json), from: config.path, at: "policy", unknown: .keep)
    }
    if let file { try configured.apply(JSON(contentsOf: file), from: file.path, unknown: .keep) }
  }

  static func run(_ settings: TrainSettings, _ configured: Configured<TrainSettings>) throws -> Int32 {
    let engine = try TorchEngine.shared()
    if settings.computeThreads > 0 { engine.setThreadCount(settings.computeThreads) }
    let device = try Device.chosen(settings.policy.smolvla.device)
    let root = try DatasetLocation.root(
      repositoryID: settings.dataset.repoID, root: settings.dataset.root.map { URL(fileURLWithPath: $0) })
    let dataset = try LeRobotDataset(root: root, episodes: settings.dataset.episodes)
    let name = settings.jobName ?? settings.policy.type
    let path = settings.outputDirectory ?? defaultOutput("train", name)
    let checkpoint =
      settings.resumes ? try CheckpointDirectory(output: URL(fileURLWithPath: path)).last() : nil

    var builder = PolicyBuilder(settings.policy, device: device, seed: settings.seed)
    let features = try TrainingFeatures(dataset, renaming: settings.renameMap)
    let pretrained =
      if let checkpoint {
        try builder.pretrained(checkpoint.appendingPathComponent("pretrained_model"))
      } else {
        try builder.new(
          from: startingPoint(settings.policy), features: features, renaming: settings.renameMap)
      }
    builder.notices.forEach(say)
    let latents = try LatentSource(settings.policy, dataset, root: root)
    if let warning = latents?.warning { say(warning) }
    let interface = pretrained.policy.interface
    let cameras = dataset.information.cameras.filter {
      interface.cameras.contains(settings.renameMap[$0] ?? $0)
    }
    let request = BatchRequest(
      cameras: cameras, features: [BatchKey.state], actionFeature: BatchKey.action, chunkSize: interface.chunkSize)

    // Last of all, so that a run that cannot begin leaves the one before it alone.
    let output =
      settings.resumes ? URL(fileURLWithPath: path) : try prepareOutput(path, overwrite: settings.overwrites)
    let loop = TrainingLoop(
      pretrained, settings.training(settings.policy.smolvla), output: output,
      configuration: complete(configured.json, pretrained),
      datasetFrames: dataset.count)
    let parameters = pretrained.policy.parameters
    say("output: \(output.path); device \(device), torch \(engine.version), \(engine.threadCount) compute threads")
    say(
      "dataset: \(dataset.episodes.count) episodes, \(dataset.count) frames; parameters: "
        + "\(parameters.parameters.reduce(0) { $0 + $1.tensor.elementCount }), trained "
        + "\(parameters.trainable.reduce(0) { $0 + $1.parameter.tensor.elementCount })")
    let end = try loop.run(resuming: checkpoint, interruption: Interruption()) { first in
      let sampler = try BatchSampler(count: dataset.count, batchSize: settings.batchSize, seed: settings.seed)
      let loader = BatchLoader(sampler: sampler, steps: first..<settings.steps, workers: settings.workers) {
        positions in
        try dataset.batch(positions, request)
      }
      return {
        guard let loaded = try loader.next() else { throw PolicyError("the loader ended before the last step") }
        var batch = try LoadedBatch(loaded)
        try latents?.add(to: &batch.batch, loaded, dataset)
        return batch
      }
    }
    switch end {
    case .finished:
      print(CheckpointDirectory(output: output).folder(step: settings.steps, of: settings.steps).path)
      return 0
    case .interrupted(let step, let signal):
      say("stopped at step \(step); go on with --resume --output_dir=\(output.path)")
      return 128 + signal
    }
  }

  /// The run's settings with the features that the policy took from its dataset, as LeRobot saves them; a resumed run
  /// needs them.
  private static func complete(_ settings: JSON, _ pretrained: PretrainedPolicy) -> JSON {
    guard var members = settings.object, var policy = members["policy"]?.object else { return settings }
    for name in ["input_features", "output_features"] { policy[name] = pretrained.configuration[name] }
    members["policy"] = .object(policy)
    return .object(members)
  }

  private static func startingPoint(_ policy: PolicySettings) throws -> URL? {
    let world = policy.world?.initialPolicyPath ?? ""
    guard let name = policy.smolvla.inert.pretrainedPath ?? (world.isEmpty ? nil : world) else { return nil }
    return try ModelLocation.directory(of: name)
  }
}

extension TrainSettings {
  fileprivate func training(_ policy: SmolVLAConfiguration) -> TrainingSettings {
    var training = TrainingSettings(
      schedule: CosineSchedule(
        peak: policy.learningRate, final: policy.finalLearningRate, warmupSteps: policy.warmupSteps,
        decaySteps: policy.decaySteps, steps: steps))
    training.steps = steps
    training.batchSize = batchSize
    training.logFrequency = logFrequency
    training.saveFrequency = saveFrequency
    training.savesCheckpoints = savesCheckpoint
    training.seed = seed
    training.optimizer = AdamWSettings(
      beta1: policy.betas[0], beta2: policy.betas[1], epsilon: policy.epsilon, weightDecay: policy.weightDecay)
    training.gradientClip = policy.gradientClip
    return training
  }
}
