import Experiments
import Failures
import Foundation
import ModelFiles
import OrderedCollections
import RobotPolicies

/// Everything that can change a trained policy, kept as `training_record.json` in every checkpoint.
///
/// A run that is resumed with other settings has another segment from that step on, so that the samples it saw and what it
/// saw them with are known.
struct TrainingRecord {
  static let fileName = "training_record.json"

  let json: JSON
  /// What a resumed run changes, the values before first; empty for a new run.
  let changes: [RecordDifference]

  /// The record of a run.
  ///
  /// - Parameters:
  ///   - root: the dataset's folder.
  ///   - policy: the policy with its processors.
  ///   - start: the checkpoint folder whose weights a new run starts from.
  ///   - checkpoint: the checkpoint that a resumed run continues.
  init(
    _ settings: TrainSettings, dataset root: URL, frames: Int, policy: PretrainedPolicy, start: URL?,
    resuming checkpoint: URL?
  ) throws {
    var segment = try Self.segment(settings, root, frames, policy)
    let previous = checkpoint?.appendingPathComponent("pretrained_model").appendingPathComponent(Self.fileName)
    guard let checkpoint, let previous, FileManager.default.fileExists(atPath: previous.path) else {
      segment["start_sha256"] =
        try start.map {
          .string(try MappedFile($0.appendingPathComponent("model.safetensors")).sha256)
        } ?? .null
      let step = checkpoint == nil ? 0 : Int(checkpoint?.lastPathComponent ?? "") ?? 0
      json = ["segments": [Self.numbered(segment, from: step)]]
      changes = []
      return
    }
    var segments = try JSON(contentsOf: previous)["segments"]?.array ?? []
    let last = segments.last?.object ?? [:]
    segment["start_sha256"] = last["start_sha256"]
    changes = RecordDifferences.between(
      .object(last), .object(segment), ignoring: Self.incidental + ["first_step"])
    if !changes.isEmpty {
      let step = Int(checkpoint.lastPathComponent) ?? 0
      segments.append(Self.numbered(segment, from: step))
    }
    json = ["segments": .array(segments)]
  }

  /// Entries whose change alone does not make it another run.
  private static let incidental = ["program", "versions", "hardware", "device", "command_line"]

  private static func numbered(_ segment: OrderedDictionary<String, JSON>, from step: Int) -> JSON {
    let first: OrderedDictionary<String, JSON> = ["first_step": .integer(step)]
    return .object(first.merging(segment) { $1 })
  }

  /// The SHA-256 of a dataset's files.
  static func contents(of dataset: URL) throws -> String {
    try sha256(ofFolder: dataset) { path in
      ["meta", "data", "videos"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }
  }

  /// SHA-256 of the processors' files, by name.
  private static func processors(of policy: PretrainedPolicy) throws -> OrderedDictionary<String, JSON> {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appendingPathComponent("lerobot-wm-\(UUID().uuidString)")
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: folder) }
    try policy.preprocessor.write(to: folder)
    try policy.postprocessor.write(to: folder)
    var hashes: OrderedDictionary<String, JSON> = [:]
    for name in try files.contentsOfDirectory(atPath: folder.path).sorted() {
      hashes[name] = .string(try MappedFile(folder.appendingPathComponent(name)).sha256)
    }
    return hashes
  }

  /// Refuses a checkpoint whose processors are not those that it was trained with.
  ///
  /// - Parameter found: SHA-256 of the checkpoint's files, by name.
  static func checkProcessors(of folder: URL, found: OrderedDictionary<String, JSON>) throws {
    let file = folder.appendingPathComponent(fileName)
    guard FileManager.default.fileExists(atPath: file.path) else { return }
    let trained = try JSON(contentsOf: file)["segments"]?.array?.last?["processors"]?.object ?? [:]
    guard let changed = trained.first(where: { found[$0.key] != $0.value }) else { return }
    throw Failure(
      "\(folder.path)/\(changed.key) is not the file that the policy was trained with; restore it, or train again")
  }

  private static func segment(
    _ settings: TrainSettings, _ root: URL, _ frames: Int, _ pretrained: PretrainedPolicy
  ) throws -> OrderedDictionary<String, JSON> {
    let (policy, device) = (pretrained.configuration, pretrained.policy.parameters.device)
    let optimization = settings.optimization.json
    return [
      "batch_size": .integer(settings.batchSize), "seed": .integer(settings.seed),
      "dataset": [
        "sha256": .string(try contents(of: root)), "episodes": settings.dataset.episodes?.json ?? .null,
        "frames": .integer(frames),
      ],
      "processors": try .object(processors(of: pretrained)), "image_transforms": settings.dataset.imageTransforms.json,
      "rename_map": settings.renameMap.json,
      "use_imagenet_stats": .bool(settings.dataset.usesImageNetStatistics),
      "optimizer": optimization.optimizer, "scheduler": optimization.scheduler,
      "policy_type": .string(settings.policy.type),
      "features": ["input": policy["input_features"] ?? .null, "output": policy["output_features"] ?? .null],
      "policy": settings.policy.smolvla.json.without(
        EvaluatedPolicy.notOfPolicies + ["input_features", "output_features"]),
      "world": settings.policy.world?.json.without(["cache_dir", "init_from_policy_path"]) ?? .null,
      "device": .string(device.description),
      "hardware": .string(device == .cpu ? Hardware.processor : Hardware.accelerators),
      "precision": .string(pretrained.policy.parameters.precision.rawValue),
      "program": ProgramRecord.json, "versions": ProgramRecord.engines,
      "command_line": .array(CommandLine.arguments.map(JSON.string)),
    ]
  }
}
