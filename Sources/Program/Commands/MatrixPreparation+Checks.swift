import Experiments
import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LeRobotDatasets
import LibTorch
import ModelFiles
import OrderedCollections
import PolicyEvaluation
import PolicyTraining
import RobotPolicies
import SmolVLA
import WorldLatents
import WorldModality

extension MatrixPreparation {
  /// Checks that all arms are the same SmolVLA; only the settings of the world modality may differ.
  func checkPolicies() throws {
    func plain(_ arm: MatrixArm) -> OrderedDictionary<String, JSON> {
      var members = arm.settings.policy.smolvla.json.object ?? [:]
      members["pretrained_path"] = nil
      return members
    }
    guard let first = arms.first else { return }
    for other in arms.dropFirst() {
      let (own, others) = (plain(first), plain(other))
      guard let key = own.keys.first(where: { own[$0] != others[$0] }) else { continue }
      throw Failure(
        "\(first.experiment.rawValue) and \(other.experiment.rawValue) differ in \(key): "
          + "\((own[key] ?? .null).text(.line)) and \((others[key] ?? .null).text(.line)); set --policy.\(key) for all"
      )
    }
  }

  /// Checks that the GPUs exist; their numbers are not known here if variables already hide some.
  func checkDevices(_ gpus: [String]) throws {
    guard case .cuda = try Device.chosen(arms.first?.settings.policy.smolvla.device) else { return }
    guard GPUVisibility().variables.isEmpty else { return }
    let count = try TorchEngine.shared().deviceCount
    if let missing = gpus.first(where: { Int($0).map { $0 >= count } ?? false }) {
      throw ConfigurationError("gpu_ids", "GPU \(missing) does not exist; torch finds \(count)")
    }
  }

  /// Opens data, checkpoint, policy, latents and encoder as the runs will; one arm of each kind, because the others
  /// differ in a memory mode only.
  ///
  /// - Returns: the bytes of the largest checkpoint.
  mutating func openArms() throws -> Int {
    var bytes = 0
    let kinds = [arms.first { !$0.experiment.isWorld }, arms.first { $0.experiment.isWorld }]
    for arm in kinds.compactMap(\.self) {
      var settings = arm.settings
      settings.policy.smolvla.device = "cpu"
      // Rollouts need the encoder, training does not. Once downloaded, its weights are compared with the latents'.
      if let world = settings.policy.world {
        _ = try ModelLocation.directory(of: world.encoderName, holding: ModelLocation.weights)
      }
      _ = try settings.wandb.writesRun(environment: ProcessInfo.processInfo.environment)
      let run = try TrainingRun(settings)
      // The environment's cameras and actions must fit, or the evaluation would fail after the training.
      _ = try PolicyPlanner(run.pretrained, specification: evaluation.specification)
      try evaluation.run.check(TrainedStartStates(of: run.pretrained))
      notices += (run.warnings + [run.dataDescription]).filter { !notices.contains($0) }
      let parameters = run.pretrained.policy.parameters
      // float32 weights, and two moments of what is trained.
      bytes = max(
        bytes,
        parameters.parameters.reduce(0) { $0 + 4 * $1.tensor.elementCount }
          + parameters.trainable.reduce(0) { $0 + 8 * $1.parameter.tensor.elementCount })
    }
    return bytes
  }

  /// Checks that the disk has space for every checkpoint still to be written.
  func checkDisk(_ checkpointBytes: Int) throws {
    guard let every = arms.first?.settings.saveFrequency else { return }
    let count = jobs.reduce(0) { $0 + (max(0, steps - (run($1).checkpointStep ?? 0)) + every - 1) / every }
    let needed = Double(count) * Double(checkpointBytes)
    var folder = root
    while !FileManager.default.fileExists(atPath: folder.path), folder.path != "/" { folder.deleteLastPathComponent() }
    let attributes = try FileManager.default.attributesOfFileSystem(forPath: folder.path)
    guard let free = (attributes[.systemFreeSize] as? NSNumber)?.doubleValue, free < needed else { return }
    func gigabytes(_ bytes: Double) -> String { String(format: "%.1f GB", bytes / 1e9) }
    throw Failure(
      "\(count) checkpoints need \(gigabytes(needed)), \(folder.path) has \(gigabytes(free)) free; use a larger "
        + "--save_freq, fewer --seeds, or an --output_root on a larger disk")
  }

  /// The contents of `matrix.json`.
  static func common(_ arms: [MatrixArm], _ evaluation: EvaluationPlan, _ plan: MatrixPlan) throws -> JSON {
    guard let first = arms.first?.settings else { return .null }
    let root = try DatasetLocation.root(
      repositoryID: first.dataset.repoID, root: first.dataset.root.map { URL(fileURLWithPath: $0) },
      revision: first.dataset.revision, episodes: first.dataset.episodes)
    let metadata = try LeRobotDataset(
      root: root, episodes: first.dataset.episodes, tolerance: first.tolerance
    ).metadata
    let dataset = try DatasetFingerprint(
      root: root, episodes: metadata.episodeCount, frames: metadata.frameCount)
    var training: OrderedDictionary<String, JSON> = [:]
    for arm in arms { training[arm.experiment.rawValue] = decisive(arm.settings.json) }
    let start = first.policy.smolvla.compatibility.pretrainedPath ?? first.policy.world?.initialPolicyPath ?? ""
    let weights =
      start.isEmpty
      ? nil
      : try ModelLocation.directory(of: start, holding: ModelLocation.weights).appendingPathComponent(
        "model.safetensors")
    let world = arms.lazy.compactMap(\.settings.policy.world).first
    return [
      "plan": plan.json, "training": .object(training),
      "dataset": [
        "contents_sha256": .string(try TrainingRecord.contents(of: root)), "frames": .integer(dataset.frames),
        "episodes": .integer(dataset.episodes),
        "sha256": .object(dataset.files.mapValues { .string($0) }),
      ],
      "init_policy_sha256": try weights.map { .string(try MappedFile($0).sha256) } ?? .null,
      "latents": try world.map { try sidecar($0, first.latentsDataset($0, in: root)) } ?? .null,
      "evaluation": evaluation.json, "versions": ProgramRecord.engines,
    ]
  }

  /// The cache's sidecar, or null if it has none.
  private static func sidecar(_ world: WorldModalityConfiguration, _ dataset: String) throws -> JSON {
    let url = try LatentCache.url(
      cacheDirectory: URL(fileURLWithPath: world.cacheDirectory),
      datasetRepoID: dataset,
      source: world.latentsSource.rawValue, suffix: world.latentSuffix)
    let sidecar = LatentCache.sidecarURL(of: url)
    return FileManager.default.fileExists(atPath: sidecar.path) ? try JSON(contentsOf: sidecar) : .null
  }

  /// A run's settings without those that do not change its results.
  private static func decisive(_ settings: JSON) -> JSON {
    var members = settings.object ?? [:]
    for key in [
      "seed", "output_dir", "job_name", "resume", "overwrite", "num_workers", "num_compute_threads",
      "feature_cache_dir", "log_freq",
      "save_freq", "eval_freq", "wandb",
    ] { members[key] = nil }
    var policy = members["policy"]?.object ?? [:]
    policy["device"] = nil
    members["policy"] = .object(policy)
    return .object(members)
  }
}
