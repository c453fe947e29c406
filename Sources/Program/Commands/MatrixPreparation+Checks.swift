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
  /// Checks that the arms differ only in their world modality and in what they declare.
  mutating func checkPolicies() throws {
    guard let first = arms.first else { return }
    func plain(_ arm: MatrixArm, without declared: [String]) -> OrderedDictionary<String, JSON> {
      var members = arm.settings.policy.smolvla.json.object ?? [:]
      for key in ["policy.pretrained_path"] + declared { members[String(key.dropFirst("policy.".count))] = nil }
      return members
    }
    for other in arms.dropFirst() {
      let declared = (first.declaredDifferences + other.declaredDifferences).filter { $0.hasPrefix("policy.") }
      let (own, others) = (plain(first, without: declared), plain(other, without: declared))
      let differences = own.keys.filter { own[$0] != others[$0] }
      guard !differences.isEmpty else { continue }
      let values = differences.map { key in
        "\(key) \((own[key] ?? .null).text(.line)) and \((others[key] ?? .null).text(.line))"
      }
      throw Failure(
        "\(first.arm.name) and \(other.arm.name) differ: \(values.joined(separator: ", ")); set "
          + "\(differences.map { "--policy.\($0)" }.joined(separator: ", ")) for all")
    }
    for arm in arms where !arm.declaredDifferences.isEmpty {
      notices.append(
        "\(arm.arm.name) differs beyond its world modality, in \(arm.declaredDifferences.joined(separator: ", ")); the report "
          + "compares it only if --allow_differences names these entries")
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

  /// Opens data, checkpoint, policy, latents and encoder as the runs will; arms that differ in a memory mode only are
  /// opened once.
  ///
  /// - Returns: the bytes of the largest checkpoint.
  mutating func openArms() throws -> Int {
    var bytes = 0
    var cameraByKind: [String: String] = [:]
    for arm in arms {
      let kind = arm.kind
      if let known = cameraByKind[kind] {
        cameras[arm.arm.name] = known
        continue
      }
      let opened = try open(arm)
      bytes = max(bytes, opened.bytes)
      cameraByKind[kind] = opened.camera
      cameras[arm.arm.name] = opened.camera
    }
    return bytes
  }

  /// Opens an arm; returns the bytes of its checkpoints and the camera of its latents, which is empty without any.
  private mutating func open(_ arm: MatrixArm) throws -> (bytes: Int, camera: String) {
    var settings = arm.settings
    settings.policy.smolvla.device = "cpu"
    // Rollouts need the encoder, training does not. Once downloaded, its weights are compared with the latents'.
    if let world = settings.policy.world {
      _ = try ModelLocation.directory(of: world.encoderName, holding: ModelLocation.weights)
    }
    _ = try settings.wandb.writesRun(environment: ProcessInfo.processInfo.environment)
    let cache = try arm.settings.latentRecipe(camera: nil)?.url()
    let isCached = cache.map { FileManager.default.fileExists(atPath: $0.path) } ?? true
    var checks = Checks()
    let run = try TrainingRun(settings, &checks, needsLatents: isCached || !self.settings.precomputes)
    // The environment's cameras and actions must fit, or the evaluation would fail after the training.
    let planner = try PolicyPlanner(run.pretrained, specification: evaluation.specification)
    try evaluation.run.check(TrainedStartStates(of: run.pretrained))
    let absent = planner.notice.map { ["warning: " + $0] } ?? []
    notices += (checks.warnings + absent + [run.dataDescription]).filter { !notices.contains($0) }
    let camera = try settings.policy.world?.camera.name(among: run.pretrained.policy.interface.cameras) ?? ""
    return (run.pretrained.checkpointBytes, camera)
  }

  /// Checks that the disk has space for every checkpoint still to be written.
  func checkDisk(_ checkpointBytes: Int) throws {
    let count = runs.reduce(0) { count, run in
      count + run.arm.settings.checkpointCount(after: run.folder.checkpointStep ?? 0)
    }
    try OutputDisk.requireSpace(for: count, ofBytes: checkpointBytes, at: root.path)
  }

  /// The contents of `matrix.json`.
  static func common(_ arms: [MatrixArm], _ evaluation: EvaluationPlan, _ plan: MatrixPlan) throws -> JSON {
    guard let first = arms.first?.settings else { return .null }
    let root = try first.dataset.folder()
    let metadata = try LeRobotDataset(
      root: root, episodes: first.dataset.episodes(in: root), tolerance: first.tolerance
    ).metadata
    let dataset = try DatasetFingerprint(
      root: root, episodes: metadata.episodeCount, frames: metadata.frameCount)
    var training: OrderedDictionary<String, JSON> = [:]
    for arm in arms { training[arm.arm.name] = decisive(arm.settings.json) }
    let start = try first.policy.startSHA256(first.startingPoint())
    return [
      "plan": plan.json, "arms": MatrixPlan.json(arms.map(\.arm)), "training": .object(training),
      "dataset": [
        "contents_sha256": .string(try TrainingRecord.contents(of: root)), "frames": .integer(dataset.frames),
        "episodes": .integer(dataset.episodes),
        "sha256": .object(dataset.files.mapValues { .string($0) }),
      ],
      "init_policy_sha256": start["start_sha256"] ?? .null,
      "backbone_sha256": start["backbone_sha256"] ?? .null,
      "latents": try latents(arms),
      "evaluation": evaluation.json, "versions": ProgramRecord.engines,
    ]
  }

  /// What the sidecars of the arms' caches say, by the caches' names; those that do not exist yet are left out.
  private static func latents(_ arms: [MatrixArm]) throws -> JSON {
    var latents: OrderedDictionary<String, JSON> = [:]
    for cache in try arms.compactMap({ try $0.settings.latentRecipe(camera: nil)?.url() }) {
      let sidecar = LatentCache.sidecarURL(of: cache)
      guard FileManager.default.fileExists(atPath: sidecar.path) else { continue }
      latents[cache.lastPathComponent] = try JSON(contentsOf: sidecar)
    }
    return .object(latents)
  }

  /// A run's settings without those that do not change its results.
  private static func decisive(_ settings: JSON) -> JSON {
    func without(_ json: JSON, below path: String) -> JSON {
      guard let members = json.object else { return json }
      let kept = members.filter { !IncidentalEntries.ofTrainingSettings.contains(path + $0.key) }
      return .object(OrderedDictionary(uniqueKeysWithValues: kept.map { ($0, without($1, below: "\(path)\($0).")) }))
    }
    return without(settings, below: "")
  }
}
