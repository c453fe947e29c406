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
import RunLogs
import TrainingBatches
import WorldLatents
import WorldModality

/// The parts of a training run: its dataset, its policy and the checkpoint it resumes from.
struct TrainingRun {
  let dataset: LeRobotDataset
  /// The episodes that the loss is measured on, if any are held out.
  private let heldOut: LeRobotDataset?
  private(set) var pretrained: PretrainedPolicy
  /// The checkpoint of a resumed run.
  let checkpoint: URL?
  /// Lines to print before the run starts.
  let deviceDescription: String, dataDescription: String
  private let settings: TrainSettings
  private let request: SampleSpecification
  private let latents: TrainingLatents?

  /// Opens the data and builds the policy; nothing is written.
  ///
  /// - Parameter needsLatents: whether the policy's latents must exist; without them the run can only be checked.
  init(_ settings: TrainSettings, _ checks: inout Checks, needsLatents: Bool = true) throws {
    self.settings = settings
    let device = try checks("device", found: { "\($0)" }) { try Device.chosen(settings.policy.smolvla.device) }
    let (dataset, heldOut) = try settings.dataset.open(tolerance: settings.tolerance, &checks)
    (self.dataset, self.heldOut) = (dataset, heldOut)
    let checkpoint = try settings.resumes ? settings.lastCheckpoint() : nil
    self.checkpoint = checkpoint
    checks.warn("resume", checkpoint.flatMap(settings.noticeOfProcesses).map { [$0] } ?? [])

    let renaming = settings.renameMap
    try checks("features", found: { _ in nil }) {
      try renaming.checkRenaming(of: dataset.metadata.features.keys, in: dataset.root.path)
    }

    var builder = PolicyBuilder(settings.policy, device: device, seed: settings.seed)
    builder.adaptation = settings.adapter?.adaptation
    pretrained = try checks("policy", found: \.summary) {
      if let checkpoint { return try builder.pretrained(checkpoint.appendingPathComponent("pretrained_model")) }
      let features = try TrainingFeatures(
        dataset, renaming: renaming, usesImageNetStatistics: settings.dataset.usesImageNetStatistics,
        normalizesImages: settings.policy.smolvla.normalizationModes()[.visual] ?? .identity != .identity)
      return try builder.new(from: settings.startingPoint(), features: features, renaming: renaming)
    }
    checks.warn("policy", builder.notices)
    checks.warn("adapter", [pretrained.noticeOfBase].compactMap(\.self))
    guard pretrained.adapter == nil || !settings.average.isEnabled else {
      throw Failure("an average of an adapter's weights (`ema.enable`) is not supported; train without one of the two")
    }
    let interface = pretrained.policy.interface
    let absent = try checks("features", found: { _ in nil }) { try Self.requireFit(interface, dataset, renaming) }
    checks.warn("features", [absent].compactMap(\.self))
    let request = try Self.request(interface, dataset, settings)
    self.request = request
    latents = try (needsLatents ? settings.policy.world : nil).flatMap { world in
      try checks("latents", found: { $0?.warning == nil ? "as their sidecar and the dataset say" : nil }) {
        // Rollouts encode this camera, so the cache must hold its latents.
        let wanted = try world.camera.name(among: interface.cameras)
        let camera = request.cameras.first { (renaming[$0] ?? $0) == wanted }
        return try settings.latentRecipe(camera: camera).map {
          try TrainingLatents(world, dataset, $0, heldOut: heldOut)
        }
      }
    }
    checks.warn("latents", [latents?.warning].compactMap(\.self))
    deviceDescription = try settings.policy.smolvla.arithmeticDescription(on: device)
    let held = heldOut.map { ", and \($0.summary) held out" } ?? ""
    dataDescription = "dataset: \(dataset.summary)\(held); \(pretrained.summary)"
    try addDocuments(&checks)
    try checkData(&checks)
    try checks("memory", found: { _ in nil }) {
      let shown = request.cameras.compactMap { dataset.metadata.features[$0]?.imageSize }
      try settings.requireMemory(
        shown.map { PolicyFeature(.visual, [3, $0.height, $0.width]) }, isOnCPU: device == .cpu)
    }
    _ = try checks("samples", found: { _ in "the first one can be read" }) { try dataset.batch([0], request) }
  }

  /// What each sample holds: what the policy reads, under the dataset's names.
  private static func request(
    _ interface: PolicyInterface, _ dataset: LeRobotDataset, _ settings: TrainSettings
  ) throws -> SampleSpecification {
    func name(_ feature: String) -> String { settings.renameMap[feature] ?? feature }
    let names = dataset.metadata.features.keys
    return SampleSpecification(
      cameras: dataset.metadata.cameras.filter { interface.cameras.contains(name($0)) },
      features: names.filter { name($0) == BatchKey.state },
      actionFeature: names.first { name($0) == BatchKey.action }, chunkSize: interface.chunkSize,
      transforms: try settings.dataset.imageTransforms.enabled(seed: settings.seed))
  }

  /// Adds what checkpoints say beside the weights: whose latents and which start states the policy was trained on.
  private mutating func addDocuments(_ checks: inout Checks) throws {
    if let identity = latents?.identityJSON { pretrained.documents[WorldLatentsFingerprint.fileName] = identity }
    // What a checkpoint was trained on before counts too.
    let origin = try checkpoint?.appendingPathComponent("pretrained_model") ?? settings.startingPoint()
    var starts = try checks("start states", found: { _ in nil }) {
      try origin.map(TrainingRecord.startStates) ?? TrainedStartStates()
    }
    try starts.add(TrainedStartStates(dataset))
    if !starts.recordings.isEmpty { pretrained.documents[TrainedStartStates.fileName] = starts.json }
  }

  /// Refuses images, videos and numbers that a run would meet later; before an old run is removed.
  private func checkData(_ checks: inout Checks) throws {
    if settings.featureCacheDirectory != nil {
      try checks("image features", found: { _ in nil }) { try Self.requireKeptFeatures(pretrained, request) }
    }
    let numbers = request.features + [request.actionFeature].compactMap(\.self)
    for part in [dataset, heldOut].compactMap(\.self) {
      try checks("videos", found: { _ in nil }) { try part.checkVideos(of: request.cameras) }
      try checks("images", found: { _ in nil }) { try part.checkImages(of: request.cameras) }
      // A new policy's features have been checked with their statistics.
      guard checkpoint != nil || part !== dataset else { continue }
      try checks("numbers", found: { _ in nil }) { try part.checkFinite(numbers) }
    }
  }

  /// Refuses a dataset of other sizes than the policy's, or without any of its cameras, as a resumed run may meet.
  ///
  /// - Returns: a line about those that are absent; nil if none is.
  private static func requireFit(
    _ interface: PolicyInterface, _ dataset: LeRobotDataset, _ renaming: OrderedDictionary<String, String>
  ) throws -> String? {
    let features = dataset.metadata.features
    func size(_ name: String) -> Int {
      features.first { (renaming[$0.key] ?? $0.key) == name }?.value.elementCount ?? 0
    }
    try interface.requireSizes(state: size(BatchKey.state), action: size(BatchKey.action), of: dataset.root.path)
    return try interface.absentCameras(
      among: dataset.metadata.cameras.map { renaming[$0] ?? $0 }, of: dataset.root.path)
  }

  /// Refuses a cache of image features that change in the run.
  private static func requireKeptFeatures(_ pretrained: PretrainedPolicy, _ request: SampleSpecification) throws {
    guard request.transforms == nil else {
      throw Failure(
        "`feature_cache_dir`: `dataset.image_transforms` change an image each time it is read, so its features cannot be kept; "
          + "leave one of them out")
    }
    try ImageFeatureCache.requireKept(pretrained.policy)
  }

  /// Opens or creates the cache of image features, if the settings name one.
  func imageFeatures() throws -> ImageFeatureCache? {
    guard let folder = settings.featureCacheDirectory else { return nil }
    return try ImageFeatureCache(
      in: URL(fileURLWithPath: folder), pretrained, dataset, cameras: request.cameras, renaming: settings.renameMap,
      dataset: TrainingRecord.contents(of: dataset.root))
  }

  /// The run's settings, completed as LeRobot saves them with the policy's features and the optimization in effect; a
  /// resumed run needs them.
  func complete(_ settings: JSON) -> JSON {
    guard var members = settings.object, var policy = members["policy"]?.object else { return settings }
    for name in ["input_features", "output_features", "use_peft"] { policy[name] = pretrained.configuration[name] }
    members["policy"] = .object(policy)
    (members["optimizer"], members["scheduler"]) = self.settings.optimization.json
    // LeRobot's versions do not all have the other setting.
    if self.settings.dataset.excludedEpisodes?.isEmpty == false, var data = members["dataset"]?.object {
      let kept = dataset.episodes + (heldOut?.episodes ?? [])
      data["episodes"] = .array(kept.map(\.index).sorted().map(JSON.integer))
      members["dataset"] = .object(data)
    }
    return .object(members)
  }

  /// What the run is trained with, for its checkpoints.
  func record(_ features: ImageFeatureCache?) throws -> TrainingRecord {
    let chosen = settings.dataset
    let isPart = heldOut != nil || chosen.excludedEpisodes?.isEmpty == false
    let episodes = isPart ? dataset.episodes.map(\.index) : chosen.episodes
    return try TrainingRecord(
      settings, dataset: dataset.root, episodes: episodes?.json ?? .null, frames: dataset.count,
      policy: pretrained, latents: latents?.sha256, features: features?.fileNames ?? .null,
      start: checkpoint == nil ? settings.startingPoint() : nil, resuming: checkpoint)
  }

  /// Warns of a disk that is too small for the checkpoints that are still to come; some may be deleted on the way.
  func checkSpace(at path: String, _ checks: inout Checks) {
    let done = checkpoint.flatMap(LastCheckpoint.step) ?? 0
    let count = settings.checkpointCount(after: done)
    let weights = pretrained.policy.parameters.parameters.reduce(0) { $0 + 4 * $1.tensor.elementCount }
    let bytes = pretrained.checkpointBytes + (settings.average.isEnabled ? weights : 0)
    do { try OutputDisk.requireSpace(for: count, ofBytes: bytes, at: path) } catch {
      checks.warn("disk space", [message(of: error)])
    }
  }

  /// Starts loading at a step.
  func batches(from first: Int, features: ImageFeatureCache?) throws -> DatasetBatches {
    try DatasetBatches(
      dataset, request, settings.training, from: first, workers: settings.workers, latents: latents,
      features: features.map { ($0, pretrained) })
  }

  /// Measures the loss on the held-out episodes; nil where there are none.
  ///
  /// - Parameter onBatch: is told how many batches are done of how many, 0 first.
  func heldOutLoss(
    _ features: ImageFeatureCache?, isInterrupted: @escaping () -> Bool, onBatch: @escaping (Int, Int) -> Void
  ) -> (() throws -> Metrics?)? {
    guard let heldOut, settings.heldOutFrequency > 0 else { return nil }
    let loss = HeldOutLoss(pretrained, seed: settings.seed)
    let positions = heldOut.positions(atMost: settings.heldOutSamples)
    var request = request
    request.transforms = nil
    let count = (positions.count + settings.batchSize - 1) / settings.batchSize
    return { [pretrained, latents, settings, request] in
      onBatch(0, count)
      var batches = DatasetBatches(
        heldOut, request, positions: positions, batchSize: settings.batchSize, workers: settings.workers,
        latents: latents, features: features.map { ($0, pretrained) })
      return try loss(&batches, isInterrupted: isInterrupted) { onBatch($0, count) }
    }
  }
}

extension PretrainedPolicy {
  /// The bytes of a checkpoint in training: float32 weights, and two moments of what is trained.
  var checkpointBytes: Int {
    let parameters = policy.parameters
    return parameters.parameters.reduce(0) { $0 + 4 * $1.tensor.elementCount }
      + parameters.trainable.reduce(0) { $0 + 8 * $1.parameter.tensor.elementCount }
  }

  fileprivate var summary: String {
    func count(_ tensors: [Tensor]) -> Int { tensors.reduce(0) { $0 + $1.elementCount } }
    let parameters = policy.parameters
    let adapters = parameters.adapters.count
    return "parameters: \(count(parameters.parameters.map(\.tensor))), "
      + "trained \(count(parameters.trainable.map(\.parameter.tensor)))"
      + (adapters > 0 ? ", adapters of \(counted(adapters, "layer"))" : "")
  }
}

extension TrainSettings {
  /// A line about a checkpoint of several processes, whose batches were joined in each update; nil for one of a single
  /// process.
  fileprivate func noticeOfProcesses(_ checkpoint: URL) -> String? {
    // What it lacks is said where the run resumes.
    let state = try? JSON(contentsOf: checkpoint.appendingPathComponent("training_state/training_step.json"))
    // The first is what LeRobot's main branch calls it.
    let count = (state?["dp_world_size"] ?? state?["num_processes"])?.integer ?? 1
    let size = state?["batch_size"]?.integer ?? batchSize
    let (whole, overflows) = count.multipliedReportingOverflow(by: size)
    guard count > 1, !overflows, whole != batchSize else { return nil }
    return "\(checkpoint.path) is of \(count) processes, which took \(whole) samples in each step; this one takes "
      + "\(batchSize): give `batch_size=\(whole)` to go on with as many"
  }

  /// The newest checkpoint in `--output_dir`.
  fileprivate func lastCheckpoint() throws -> URL? {
    if let checkpoint { return checkpoint }
    return try outputDirectory.map { try CheckpointDirectory(output: URL(fileURLWithPath: $0)).last() }
  }

  /// The checkpoint that a new run starts from, if any.
  func startingPoint() throws -> URL? {
    let world = policy.world?.initialPolicyPath ?? ""
    guard let name = policy.smolvla.compatibility.pretrainedPath ?? (world.isEmpty ? nil : world) else { return nil }
    return try ModelLocation.checkpoint(name)
  }
}

extension TrainSettings {
  /// What makes the latents that the run reads; nil without a world modality. Their dataset is named by the policy's setting,
  /// else by the run's dataset, else by its folder.
  func latentRecipe(camera: String?) -> LatentRecipe? {
    guard let world = policy.world else { return nil }
    let name = [world.datasetRepoID, dataset.repoID].first { !$0.isEmpty }
    let folder = dataset.root.map { URL(fileURLWithPath: $0).lastPathComponent }
    return world.recipe(
      datasetName: name ?? folder ?? "", root: dataset.root, revision: dataset.revision, camera: camera,
      device: policy.smolvla.device)
  }
}
