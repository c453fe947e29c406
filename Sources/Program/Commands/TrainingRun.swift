import Experiments
import Failures
import Foundation
import HuggingFaceHub
import LeRobotDatasets
import LibTorch
import ModelFiles
import OrderedCollections
import PolicyEvaluation
import PolicyTraining
import PretrainedPolicies
import RobotPolicies
import TrainingBatches
import WorldModality

/// The parts of a training run: its dataset, its policy and the checkpoint it resumes from.
struct TrainingRun {
  let dataset: LeRobotDataset
  private(set) var pretrained: PretrainedPolicy
  /// The checkpoint of a resumed run.
  let checkpoint: URL?
  /// Lines to print before the run starts.
  let warnings: [String], deviceDescription: String, dataDescription: String
  private let settings: TrainSettings
  private let request: SampleSpecification
  private let latents: TrainingLatents?
  let features: ImageFeatureCache?

  private static let statisticsWarning = "the dataset has no statistics: taken from the columns of the chosen episodes"

  /// Opens the data and builds the policy; nothing is written.
  ///
  /// - Parameter needsLatents: whether the policy's latents must exist; without them the run can only be checked.
  init(_ settings: TrainSettings, needsLatents: Bool = true) throws {
    self.settings = settings
    let engine = try TorchEngine.shared()
    let device = try Device.chosen(settings.policy.smolvla.device)
    let root = try DatasetLocation.root(
      repositoryID: settings.dataset.repoID, root: settings.dataset.root.map { URL(fileURLWithPath: $0) },
      revision: settings.dataset.revision, episodes: settings.dataset.episodes)
    let dataset = try LeRobotDataset(root: root, episodes: settings.dataset.episodes, tolerance: settings.tolerance)
    self.dataset = dataset
    let ambiguous = try dataset.checkInstructions().map { tasks in
      "warning: tasks \(tasks.map(String.init).joined(separator: " and ")) have the same instruction"
    }
    checkpoint = try settings.resumes ? settings.lastCheckpoint() : nil

    var builder = PolicyBuilder(settings.policy, device: device, seed: settings.seed)
    let renaming = settings.renameMap
    pretrained =
      if let checkpoint {
        try builder.pretrained(checkpoint.appendingPathComponent("pretrained_model"))
      } else {
        try builder.new(
          from: settings.startingPoint(),
          features: TrainingFeatures(
            dataset, renaming: renaming, usesImageNetStatistics: settings.dataset.usesImageNetStatistics),
          renaming: renaming)
      }
    let interface = pretrained.policy.interface
    let cameras = dataset.metadata.cameras.filter { interface.cameras.contains(renaming[$0] ?? $0) }
    let names = dataset.metadata.features.keys
    request = SampleSpecification(
      cameras: cameras, features: names.filter { (renaming[$0] ?? $0) == BatchKey.state },
      actionFeature: names.first { (renaming[$0] ?? $0) == BatchKey.action }, chunkSize: interface.chunkSize,
      transforms: try settings.dataset.imageTransforms.enabled(seed: settings.seed))
    latents = try (needsLatents ? settings.policy.world : nil).map { world in
      // Rollouts encode this camera, so the cache must hold its latents.
      let wanted = try world.camera.name(among: interface.cameras)
      let camera = cameras.first { (renaming[$0] ?? $0) == wanted }
      return try TrainingLatents(
        world, dataset, named: settings.latentsDataset(world, in: dataset.root), camera: camera)
    }
    if let identity = latents?.identityJSON { pretrained.documents[WorldLatentsFingerprint.fileName] = identity }
    // What a checkpoint was trained on before counts too.
    let origin = try checkpoint?.appendingPathComponent("pretrained_model") ?? settings.startingPoint()
    var starts = try origin.map(TrainedStartStates.init(in:)) ?? TrainedStartStates()
    try starts.add(TrainedStartStates(dataset))
    if !starts.recordings.isEmpty { pretrained.documents[TrainedStartStates.fileName] = starts.json }
    features = try Self.features(settings, dataset, pretrained, request, renaming)
    let parameters = pretrained.policy.parameters
    let count = parameters.parameters.reduce(0) { $0 + $1.tensor.elementCount }
    let trained = parameters.trainable.reduce(0) { $0 + $1.parameter.tensor.elementCount }
    warnings =
      builder.notices + ambiguous
      + [latents?.warning, features?.summary, dataset.statistics.isEmpty ? Self.statisticsWarning : nil].compactMap(
        \.self)
    let visibility = GPUVisibility()
    let limits = visibility.variables.isEmpty ? "" : " (\(visibility))"
    deviceDescription = "device \(device)\(limits), torch \(engine.version), \(engine.threadCount) compute threads"
    dataDescription =
      "dataset: \(dataset.episodes.count) episodes, \(dataset.count) frames; parameters: \(count), trained \(trained)"
    // A missing engine or video shows here, before an old run is removed.
    _ = try dataset.batch([0], request)
  }

  private static func features(
    _ settings: TrainSettings, _ dataset: LeRobotDataset, _ pretrained: PretrainedPolicy,
    _ request: SampleSpecification,
    _ renaming: OrderedDictionary<String, String>
  ) throws -> ImageFeatureCache? {
    guard let folder = settings.featureCacheDirectory else { return nil }
    guard request.transforms == nil else {
      throw Failure("`feature_cache_dir`: `dataset.image_transforms` change every image anew; leave one of them out")
    }
    return try ImageFeatureCache(
      in: URL(fileURLWithPath: folder), pretrained, dataset, cameras: request.cameras, renaming: renaming,
      dataset: TrainingRecord.contents(of: dataset.root))
  }

  /// The run's settings, completed as LeRobot saves them with the policy's features and the optimization in effect; a
  /// resumed run needs them.
  func complete(_ settings: JSON) -> JSON {
    guard var members = settings.object, var policy = members["policy"]?.object else { return settings }
    for name in ["input_features", "output_features"] { policy[name] = pretrained.configuration[name] }
    members["policy"] = .object(policy)
    (members["optimizer"], members["scheduler"]) = self.settings.optimization.json
    return .object(members)
  }

  /// What the run is trained with, for its checkpoints.
  func record() throws -> TrainingRecord {
    try TrainingRecord(
      settings, dataset: dataset.root, frames: dataset.count, policy: pretrained,
      start: checkpoint == nil ? settings.startingPoint() : nil, resuming: checkpoint)
  }

  /// Starts loading at a step.
  func batches(from first: Int) throws -> DatasetBatches {
    try DatasetBatches(
      dataset, request, settings.training, from: first, workers: settings.workers, latents: latents,
      features: features.map { ($0, pretrained) })
  }
}

extension TrainSettings {
  /// The newest checkpoint in `--output_dir`.
  fileprivate func lastCheckpoint() throws -> URL? {
    if let checkpoint { return checkpoint }
    return try outputDirectory.map { try CheckpointDirectory(output: URL(fileURLWithPath: $0)).last() }
  }

  /// The checkpoint that a new run starts from, if any.
  fileprivate func startingPoint() throws -> URL? {
    let world = policy.world?.initialPolicyPath ?? ""
    guard let name = policy.smolvla.compatibility.pretrainedPath ?? (world.isEmpty ? nil : world) else { return nil }
    return try ModelLocation.directory(of: name, holding: ModelLocation.weights)
  }
}

extension TrainSettings {
  /// The name of the latents' dataset: the policy's setting, else the run's dataset, else the folder's name.
  func latentsDataset(_ world: WorldModalityConfiguration, in root: URL) -> String {
    [world.datasetRepoID, dataset.repoID].first { !$0.isEmpty } ?? root.lastPathComponent
  }
}
