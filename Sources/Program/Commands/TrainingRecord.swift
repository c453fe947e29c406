import Experiments
import Failures
import Foundation
import HuggingFaceHub
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PolicyEvaluation
import PretrainedPolicies
import RobotPolicies
import SmolVLA
import WorldEncoders
import WorldModality

/// Everything that can change a trained policy, kept as `training_record.json` in every checkpoint.
///
/// A run that is resumed with other settings has another segment from that step on, so that the samples it saw and what it
/// saw them with are known.
struct TrainingRecord {
  static let fileName = "training_record.json"

  /// The arithmetic that a checkpoint was trained in; nil where it is not recorded.
  static func precision(of folder: URL) throws -> Precision? {
    let file = folder.appendingPathComponent(fileName)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return try JSON(contentsOf: file)["segments"]?.array?.last?["precision"]?.string.flatMap(Precision.init(rawValue:))
  }

  let json: JSON
  /// What a resumed run changes, the values before first; empty for a new run.
  let changes: [RecordDifference]

  /// The record of a run.
  ///
  /// - Parameters:
  ///   - root: the dataset's folder.
  ///   - episodes: the episodes that are trained on.
  ///   - policy: the policy with its processors.
  ///   - latents: SHA-256 of the latents that it is trained on, if any.
  ///   - features: the names of the files of kept image features, by camera.
  ///   - start: the checkpoint folder whose weights a new run starts from.
  ///   - checkpoint: the checkpoint that a resumed run continues.
  init(
    _ settings: TrainSettings, dataset root: URL, episodes: JSON, frames: Int, policy: PretrainedPolicy,
    latents: String?, features: JSON, start: URL?, resuming checkpoint: URL?
  ) throws {
    let origin = checkpoint?.appendingPathComponent("pretrained_model") ?? start
    var segment = try Self.segment(settings, root, episodes, frames, policy)
    segment["tokenizer_sha256"] = .string(try settings.policy.tokenizerSHA256(besides: origin))
    segment["backbone_config_sha256"] = try settings.policy.backboneConfigurationSHA256(besides: origin)
    segment["encoder_config_sha256"] = try settings.policy.world.flatMap(\.encoderFolder).map {
      .string(try $0.configurationSHA256())
    }
    segment["latents_sha256"] = latents.map(JSON.string) ?? .null
    segment["image_features"] = features
    let modules = settings.policy.world?.modules ?? []
    segment["adapter"] = try origin.flatMap { try policy.adapterRecord(startingFrom: $0, besides: modules) }
    let previous = checkpoint?.appendingPathComponent("pretrained_model").appendingPathComponent(Self.fileName)
    guard let checkpoint, let previous, FileManager.default.fileExists(atPath: previous.path) else {
      segment.merge(try settings.policy.startSHA256(start)) { $1 }
      let step = checkpoint.flatMap(LastCheckpoint.step) ?? 0
      json = ["segments": [Self.numbered(segment, from: step)]]
      changes = []
      return
    }
    var segments = try JSON(contentsOf: previous)["segments"]?.array ?? []
    var last = segments.last?.object ?? [:]
    // A record of before they were noted says nothing of them.
    for key in ["scheduled_steps", "backbone_config_sha256", "encoder_config_sha256"] {
      last[key] = last[key] ?? segment[key]
    }
    for key in ["start_sha256", "backbone_sha256"] { segment[key] = last[key] }
    try Self.checkAdapted(last["adapter"], by: segment["adapter"]?["base_sha256"], of: checkpoint)
    changes = RecordDifferences.between(
      .object(last), .object(segment), ignoring: IncidentalEntries.ofResumedTraining)
    if !changes.isEmpty {
      let step = LastCheckpoint.step(of: checkpoint) ?? 0
      segments.append(Self.numbered(segment, from: step))
    }
    json = ["segments": .array(segments)]
  }

  /// Refuses an adapter of other weights than those that it was trained with.
  private static func checkAdapted(_ record: JSON?, by found: JSON?, of folder: URL) throws {
    guard let trained = record?["base_sha256"], trained != .null, trained != found else { return }
    throw Failure(
      "\(folder.path) is an adapter that was trained with other weights than those of the policy that its "
        + "\(PolicyWeightsFile.adapterConfiguration) names; restore them, or correct base_model_name_or_path there")
  }

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

  /// SHA-256 of the processors' files, and of what their steps compute, by the files' names.
  private static func processors(
    of policy: PretrainedPolicy
  ) throws -> (files: OrderedDictionary<String, JSON>, steps: OrderedDictionary<String, JSON>) {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appendingPathComponent("lerobot-wm-\(UUID().uuidString)")
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: folder) }
    try policy.preprocessor.write(to: folder)
    try policy.postprocessor.write(to: folder)
    var (hashes, steps): (OrderedDictionary<String, JSON>, OrderedDictionary<String, JSON>) = ([:], [:])
    for name in try files.contentsOfDirectory(atPath: folder.path).sorted() {
      let file = folder.appendingPathComponent(name)
      hashes[name] = .string(try MappedFile(file).sha256)
      if file.pathExtension == "json" { steps[name] = try Self.steps(of: file) }
    }
    return (hashes, steps)
  }

  /// SHA-256 of a processor's steps without the names that may be changed: those of features, which an evaluation may map
  /// otherwise, and the place of the tokenizer, whose contents are compared.
  private static func steps(of processor: URL) throws -> JSON {
    let steps = try JSON(contentsOf: processor)["steps"]?.array ?? []
    let computed = steps.map { step -> JSON in
      var members = step.object ?? [:]
      members["config"] = members["config"]?.without(["rename_map", "tokenizer_name"])
      return .object(members)
    }
    return .string(sha256(of: JSON.array(computed).text(.compact)))
  }

  /// Refuses a checkpoint with files that are not those that it was trained with.
  ///
  /// - Parameters:
  ///   - settings: what is to be evaluated.
  ///   - found: SHA-256 of the checkpoint's files, its tokenizer and its encoder, by name.
  static func check(_ folder: URL, _ settings: PolicySettings, found: OrderedDictionary<String, JSON>) throws {
    let file = folder.appendingPathComponent(fileName)
    guard FileManager.default.fileExists(atPath: file.path) else { return }
    let last = try JSON(contentsOf: file)["segments"]?.array?.last
    let (world, wanted) = (last?["world"], settings.world?.recorded)
    // Other latents mean nothing to the Prophet that was trained; memory modes may be exchanged, as an ablation.
    for key in ["latent_suffix", "world_latents_source", "world_camera", "context_frames", "future_offset"] {
      guard let before = world?[key], let now = wanted?[key], before != now else { continue }
      throw Failure(
        "\(folder.path) was trained with \(key) \(before.text(.line)), and is to be evaluated with \(now.text(.line)); fix "
          + "`\(key)`")
    }
    // A merged policy keeps the record of its adapter.
    if let base = found[PolicyFiles.adaptedWeights] { try checkAdapted(last?["adapter"], by: base, of: folder) }
    var trained = last?["processors"]?.object ?? [:]
    trained["tokenizer.json"] = last?["tokenizer_sha256"]
    trained[PolicyFiles.backboneConfiguration] = last?["backbone_config_sha256"]
    // A policy that needs no encoder has none among its files.
    if found["encoder"] != nil {
      trained["encoder"] = last?["world"]?["encoder_sha256"]
      trained[PolicyFiles.encoderConfiguration] = last?["encoder_config_sha256"]
    }
    let steps = last?["processor_steps"]
    let changed = try trained.first { name, sha256 throws in
      guard sha256 != .null, found[name] != sha256 else { return false }
      guard let computed = steps?[name], found[name] != nil else { return true }
      return try computed != Self.steps(of: folder.appendingPathComponent(name))
    }
    guard let changed else { return }
    guard changed.key != "encoder" else {
      throw Failure(
        "\(folder.path) was trained with another encoder, and the one to be used holds other weights; name the "
          + "right one with `world_vision_model_name`")
    }
    throw Failure(
      "\(folder.path)/\(changed.key) is not the file that the policy was trained with; restore it, or train again")
  }

  /// The states that a checkpoint's demonstrations started from, which its record says whether it has.
  static func startStates(of folder: URL) throws -> TrainedStartStates {
    let states = try TrainedStartStates(in: folder)
    let file = folder.appendingPathComponent(fileName)
    let isThere = FileManager.default.fileExists(atPath: file.path)
    let last = try isThere ? JSON(contentsOf: file)["segments"]?.array?.last : nil
    guard let noted = last?["start_states_sha256"]?.string, noted != sha256(of: states.json.text(.compact)) else {
      return states
    }
    throw Failure(
      "\(folder.path)/\(TrainedStartStates.fileName) is missing or was changed, so whether the policy is evaluated where it "
        + "was trained is not known; restore the file, or train again")
  }

  private static func segment(
    _ settings: TrainSettings, _ root: URL, _ episodes: JSON, _ frames: Int, _ pretrained: PretrainedPolicy
  ) throws -> OrderedDictionary<String, JSON> {
    let (policy, device) = (pretrained.configuration, pretrained.policy.parameters.device)
    let optimization = settings.optimization.json
    let processors = try processors(of: pretrained)
    var segment: OrderedDictionary<String, JSON> = [
      "batch_size": .integer(settings.batchSize), "seed": .integer(settings.seed),
      "dataset": [
        "sha256": .string(try contents(of: root)), "episodes": episodes,
        "frames": .integer(frames),
      ],
      "processors": .object(processors.files), "processor_steps": .object(processors.steps),
      "image_transforms": settings.dataset.imageTransforms.json,
      "rename_map": settings.renameMap.json,
      "use_imagenet_stats": .bool(settings.dataset.usesImageNetStatistics),
      "optimizer": optimization.optimizer, "scheduler": optimization.scheduler,
      "scheduled_steps": .integer(min(settings.steps, settings.optimization.schedule.decaySteps)),
      "policy_type": .string(settings.policy.type),
      "features": ["input": policy["input_features"] ?? .null, "output": policy["output_features"] ?? .null],
      "policy": settings.policy.smolvla.json.without(
        EvaluatedPolicy.notOfPolicies + ["input_features", "output_features", LeRobotVersion.entry]),
      "world": try settings.policy.world.map(Self.world) ?? .null,
      "start_states_sha256": pretrained.documents[TrainedStartStates.fileName].map {
        .string(sha256(of: $0.text(.compact)))
      } ?? .null,
      "device": .string(device.description),
      "hardware": .string(device == .cpu ? Hardware.processor : Hardware.accelerators),
      "precision": .string(pretrained.policy.parameters.precision.rawValue),
      "program": ProgramRecord.json, "versions": ProgramRecord.engines, "numerics": ProgramRecord.numerics,
      "command_line": .array(CommandLine.arguments.map(JSON.string)),
    ]
    // Noted where they are used: records of before there were such settings say the same.
    let accumulated = settings.accelerator.accumulation.steps
    if accumulated > 1 { segment["gradient_accumulation_steps"] = .integer(accumulated) }
    if settings.average.isEnabled { segment["ema"] = settings.average.json }
    if settings.policy.smolvla.dependsOnLeRobotVersion, let version = pretrained.policy.lerobotVersion {
      segment[LeRobotVersion.entry] = .string(version.rawValue)
    }
    return segment
  }

  /// The settings of the world modality, and the encoder where it is at hand; latents are read without it.
  private static func world(_ world: WorldModalityConfiguration) throws -> JSON {
    var members = world.recorded.object ?? [:]
    members["encoder_sha256"] = try world.encoderFolder.map { .string(try $0.sha256()) } ?? .null
    return .object(members)
  }
}
