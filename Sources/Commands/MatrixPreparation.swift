import Configuration
import Evaluation
import Experiments
import Foundation
import HuggingFaceHub
import LeRobotDatasets
import ModelFiles
import OrderedCollections
import Policies
import SmolVLA
import Torch
import Training
import WorldModality

/// Everything that is checked before a matrix begins, and the jobs that follow from it.
///
/// Each arm's command line is read exactly as `train` will read it, and the policies, the latents and the environments
/// are opened once, so that what is wrong shows before days of work and not after.
struct MatrixPreparation {
  let root: URL
  /// Updates of each run.
  let steps: Int
  /// What a user should know before it starts, in whole lines.
  let notices: [String]
  /// What all runs have in common; arms that differ in it could not be compared.
  let common: JSON
  private let settings: MatrixCommand.Settings
  private let evaluation: EvaluationPlan

  init(_ settings: MatrixCommand.Settings, root: URL) throws {
    self.root = root
    self.settings = settings
    try Self.refuseReserved(settings.handedOn)
    var steps: Int?
    if let samples = settings.totalSamples {
      let batch = try Self.read(Self.flags(of: .baseline, settings, steps: nil)).batchSize
      steps = (samples + batch - 1) / batch
      let given = settings.handedOn.last { $0.name == "steps" }?.text.flatMap { Int($0) }
      guard given == nil || given == steps else {
        throw ConfigurationError(
          "total_samples",
          "\(samples) samples in batches of \(batch) are \(steps ?? 0) steps, not --steps="
            + "\(given ?? 0); give one of the two")
      }
    }
    let arms = try settings.arms.map { arm in
      (arm: arm, settings: try Self.read(Self.flags(of: arm, settings, steps: steps)))
    }
    guard let first = arms.first?.settings else { throw ConfigurationError("experiments", "expected an arm") }
    self.steps = first.steps
    try Self.expectSamePolicies(arms)
    evaluation = try EvaluationPlan(settings.handedOn, policy: first.policy.smolvla)
    try Self.checkDevices(settings.gpuNames, first.policy.smolvla.device)

    var notices: [String] = []
    // One arm of each kind: the others differ in a memory mode only.
    let baseline = arms.first { !$0.arm.isWorld }, world = arms.first { $0.arm.isWorld }
    for arm in [baseline, world].compactMap(\.self) {
      var settings = arm.settings
      settings.policy.smolvla.device = "cpu"
      for notice in try TrainingRun(settings).notices where !notices.contains(notice) { notices.append(notice) }
    }
    notices.removeAll { $0.hasPrefix("device ") }
    common = try Self.common(arms, evaluation)
    self.notices =
      notices + [
        "each run: \(first.steps) steps of \(first.batchSize), \(first.steps * first.batchSize) samples",
        evaluation.text,
      ]
  }

  /// The runs, each with what is left to do of it.
  func jobs() throws -> [MatrixJob] {
    try MatrixJob.all(settings.arms, seeds: settings.seedNumbers, gpus: settings.gpuNames).map { job in
      var job = job
      let run = MatrixRun(root.appendingPathComponent(job.name))
      let flags = Self.flags(of: job.experiment, settings, steps: steps) + ["--seed=\(job.seed)"]
      let output = "--output_dir=\(run.url.path)"
      let isTrained = (run.checkpointStep ?? 0) >= steps
      if !isTrained {
        job.stages.append(
          run.checkpointStep == nil
            ? .init("training", ["train", output, "--overwrite"] + flags)
            : .init("training", ["train", output, "--resume"]))
      } else if run.isEvaluated {
        try run.checkEvaluation(evaluation.protocolEntries, tasks: evaluation.tasks)
        return job
      }
      let model = "\(run.url.path)/checkpoints/last/pretrained_model"
      let evaluation = ["eval", "--policy.path=\(model)", "--output_dir=\(run.url.path)/eval", "--overwrite"]
      job.stages.append(.init("evaluation", evaluation + self.evaluation.flags))
      return job
    }
  }
}

// MARK: - Command lines

extension MatrixPreparation {
  /// What the matrix decides, and which of its flags does.
  private static let reserved = [
    "seed": "--seeds", "output_dir": "--output_root", "job_name": "--output_root", "policy.type": "--experiments",
    "policy.path": "--init_policy_path", "policy.pretrained_path": "--init_policy_path",
    "policy.init_from_policy_path": "--init_policy_path", "policy.world_memory_mode_train": "--experiments",
    "policy.world_memory_mode_rollout": "--experiments",
  ]

  private static func refuseReserved(_ flags: [Arguments.Flag]) throws(ConfigurationError) {
    for flag in flags {
      if let own = reserved[flag.name] {
        throw ConfigurationError(flag.name, "is for each run to have its own; the matrix sets it by \(own)")
      }
      if ["resume", "overwrite"].contains(flag.name) {
        throw ConfigurationError(
          flag.name,
          "is not needed: finished runs are skipped and broken ones resumed; delete a run's folder to begin anew")
      }
    }
  }

  /// An arm's flags of `train`, without seed and folder.
  private static func flags(of arm: Experiment, _ settings: MatrixCommand.Settings, steps: Int?) -> [String] {
    let own = settings.handedOn.filter { flag in
      !flag.isOfEvaluation && !(flag.name == "steps" && steps != nil) && (arm.isWorld || !flag.isOfWorldOnly)
    }
    var flags = arm.flags + own.map(\.word)
    if let steps { flags.append("--steps=\(steps)") }
    let dataset = settings.handedOn.last { $0.name == "dataset.repo_id" }?.text
    if arm.isWorld, let dataset, !own.contains(where: { $0.name == "policy.dataset_repo_id" }) {
      flags.append("--policy.dataset_repo_id=\(dataset)")
    }
    if !settings.initialPolicy.isEmpty {
      flags.append((arm.isWorld ? "--policy.init_from_policy_path=" : "--policy.path=") + settings.initialPolicy)
    }
    return flags
  }

  /// Reads a command line as `train` does.
  private static func read(_ flags: [String]) throws -> TrainSettings {
    var arguments = Arguments(flags)
    var configured = Configured<TrainSettings>()
    try TrainCommand.layers(&configured, &arguments)
    let own = MatrixCommand.Settings().json.object ?? [:]
    try configured.apply(arguments, also: Array(own.keys))
    return try configured.validated()
  }
}

extension Arguments.Flag {
  /// The flag as one word of a command line.
  fileprivate var word: String { text.map { "--\(name)=\($0)" } ?? "--\(name)" }

  fileprivate var isOfEvaluation: Bool { name.hasPrefix("env.") || name.hasPrefix("eval.") }

  /// Whether the baseline does not know it.
  fileprivate var isOfWorldOnly: Bool {
    guard name.hasPrefix("policy."), let key = name.split(separator: ".").dropFirst().first.map(String.init) else {
      return false
    }
    return WorldModalityConfiguration().json[key] != nil && SmolVLAConfiguration().json[key] == nil
  }
}

// MARK: - Checks

extension MatrixPreparation {
  /// All arms are the same SmolVLA; only what the world modality adds may differ.
  private static func expectSamePolicies(_ arms: [(arm: Experiment, settings: TrainSettings)]) throws {
    func plain(_ settings: TrainSettings) -> JSON {
      var members = settings.policy.smolvla.json.object ?? [:]
      members["pretrained_path"] = nil
      return .object(members)
    }
    guard let first = arms.first else { return }
    for other in arms.dropFirst() where plain(other.settings) != plain(first.settings) {
      let (a, b) = (plain(first.settings).object ?? [:], plain(other.settings).object ?? [:])
      let key = a.keys.first { a[$0] != b[$0] } ?? ""
      throw PolicyError(
        "\(first.arm.rawValue) and \(other.arm.rawValue) differ in \(key): \((a[key] ?? .null).text(.line)) and "
          + "\((b[key] ?? .null).text(.line)); give --policy.\(key) for all")
    }
  }

  private static func checkDevices(_ gpus: [String], _ device: String?) throws {
    guard case .cuda = try Device.chosen(device) else { return }
    let environment = ProcessInfo.processInfo.environment
    let isFiltered = ["HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"]
      .contains { environment[$0] != nil }
    let count = try TorchEngine.shared().deviceCount
    guard let missing = gpus.first(where: { Int($0).map { $0 >= count } ?? false }), !isFiltered else { return }
    throw ConfigurationError("gpu_ids", "there is no GPU \(missing): torch finds \(count)")
  }

  /// What `matrix.json` holds.
  private static func common(
    _ arms: [(arm: Experiment, settings: TrainSettings)], _ evaluation: EvaluationPlan
  ) throws -> JSON {
    guard let first = arms.first?.settings else { return .null }
    let root = try DatasetLocation.root(
      repositoryID: first.dataset.repoID, root: first.dataset.root.map { URL(fileURLWithPath: $0) },
      revision: first.dataset.revision, episodes: first.dataset.episodes)
    let information = try LeRobotDataset(
      root: root, episodes: first.dataset.episodes, tolerance: first.tolerance
    ).information
    let dataset = try DatasetFingerprint(
      root: root, episodes: information.episodeCount, frames: information.frameCount)
    var training: OrderedDictionary<String, JSON> = [:]
    for (arm, settings) in arms { training[arm.rawValue] = decisive(settings.json) }
    let start = first.policy.smolvla.inert.pretrainedPath ?? first.policy.world?.initialPolicyPath ?? ""
    let weights =
      start.isEmpty
      ? nil
      : try ModelLocation.directory(of: start, holding: ModelLocation.weights)
        .appendingPathComponent("model.safetensors")
    let world = arms.lazy.compactMap(\.settings.policy.world).first
    return [
      "training": .object(training),
      "dataset": [
        "frames": .integer(dataset.frames), "episodes": .integer(dataset.episodes),
        "sha256": .object(dataset.files.mapValues { .string($0) }),
      ],
      "init_policy_sha256": try weights.map { .string(try MappedFile($0).sha256) } ?? .null,
      "latents": try world.map { try sidecar($0, first.latentsDataset($0, in: root)) } ?? .null,
      "evaluation": evaluation.json, "versions": engineVersions(),
    ]
  }

  /// The cache's own account of itself; null where it has none.
  private static func sidecar(_ world: WorldModalityConfiguration, _ dataset: String) throws -> JSON {
    let url = try LatentCache.url(
      cacheDirectory: URL(fileURLWithPath: world.cacheDirectory),
      datasetRepoID: dataset,
      source: world.latentsSource.rawValue, suffix: world.latentSuffix)
    let sidecar = LatentCache.sidecarURL(of: url)
    return FileManager.default.fileExists(atPath: sidecar.path) ? try JSON(contentsOf: sidecar) : .null
  }

  /// A run's settings without those that change no result.
  private static func decisive(_ settings: JSON) -> JSON {
    var members = settings.object ?? [:]
    for key in [
      "seed", "output_dir", "job_name", "resume", "overwrite", "num_workers", "num_compute_threads", "log_freq",
      "save_freq", "wandb",
    ] { members[key] = nil }
    var policy = members["policy"]?.object ?? [:]
    policy["device"] = nil
    members["policy"] = .object(policy)
    return .object(members)
  }
}
