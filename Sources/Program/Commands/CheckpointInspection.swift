import Experiments
import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PolicyTraining
import PretrainedPolicies
import RobotPolicies
import SmolVLA

/// What a checkpoint is, what it takes and gives, how it was trained, and what keeps it from being used.
struct CheckpointInspection {
  private(set) var inspection: Inspection
  private let name: String

  /// - Parameter name: a `pretrained_model` folder, or a repository on the hub.
  init(_ name: String) {
    self.name = name
    inspection = Inspection("checkpoint", name)
    // What is wrong is among the checks.
    try? inspect()
  }

  private mutating func inspect() throws {
    let folder = try inspection.checks("checkpoint", found: { _ in nil }) { try ModelLocation.checkpoint(name) }
    inspection.facts["folder"] = folder.path
    let settings = try inspection.checks("config.json", found: { _ in nil }) { try PolicySettings(checkpoint: folder) }
    inspection.facts["policy"] = settings.type
    addWeights(folder)
    addAdapter(folder)
    addPolicy(settings, isAdapter: PolicyWeightsFile.isAdapter(folder))
    addFeatures(settings, folder)
    addTraining(folder)
    // Everything that an evaluation checks: the weights fit, the processors have their statistics, no file was changed.
    try inspection.checks.check(flags: Arguments(["--policy.path=\(name)"]).flags)
  }

  private mutating func addWeights(_ folder: URL) {
    let file = PolicyWeightsFile.url(in: folder)
    guard let weights = try? SafetensorsFile(file) else { return }
    let numbers = weights.entries.values.reduce(0) { $0 + $1.shape.reduce(1, *) }
    let types = OrderedSet(weights.entries.values.map(\.element.rawValue)).sorted()
    inspection.facts["weights"] =
      "\(file.lastPathComponent): \(numbers) numbers (\(types.joined(separator: ", "))) in "
      + "\(weights.entries.count) tensors, \(formattedSize(weights.mapping.count))"
    if let step = CheckpointDirectory.step(of: folder) { inspection.facts["training step"] = "\(step)" }
  }

  private mutating func addAdapter(_ folder: URL) {
    guard PolicyWeightsFile.isAdapter(folder) else { return }
    guard let adapter = try? inspection.checks("adapter", found: { _ in nil }, { try AdapterConfiguration(in: folder) })
    else { return }
    inspection.facts["adapter"] = adapter.summary
    inspection.facts["adapted policy"] =
      (try? AdapterConfiguration.base(of: folder))?.flatMap(\.path) ?? "\(adapter.baseName), which was not found"
  }

  private mutating func addPolicy(_ settings: PolicySettings, isAdapter: Bool) {
    let smolvla = settings.smolvla
    inspection.facts["backbone"] = smolvla.backboneName
    inspection.facts["images"] =
      smolvla.imageSize.map { "resized with padding to \($0.map(String.init).joined(separator: "×"))" } ?? "not resized"
    inspection.facts["actions"] =
      "chunks of \(smolvla.chunkSize), of which \(smolvla.actionSteps) are executed, in "
      + counted(smolvla.denoisingSteps, "denoising step")
    inspection.facts["trained parts"] = isAdapter ? "the adapter" : Self.trainedParts(settings)
    guard let world = settings.world else { return }
    inspection.facts["memory"] =
      "\(world.rolloutMemory.rawValue) in rollouts: \(world.futureOffset) latents of \(world.worldLatentDimension) numbers "
      + "from the last \(world.contextFrames)"
    inspection.facts["encoder"] = "\(world.encoderName), \(world.camera.rawValue) camera"
  }

  private static func trainedParts(_ settings: PolicySettings) -> String {
    let smolvla = settings.smolvla
    var parts = ["the action expert"]
    if !smolvla.trainExpertOnly { parts.append("the language model") }
    if !smolvla.trainExpertOnly, !smolvla.freezeVisionEncoder { parts.append("the vision tower") }
    if settings.world != nil { parts.append("the world modality") }
    return parts.joined(separator: ", ")
  }

  // MARK: Features and statistics

  private mutating func addFeatures(_ settings: PolicySettings, _ folder: URL) {
    var table = Inspection.Table(
      "features", ["name", "role", "shape", "normalization", "mean", "deviation"],
      note: Inspection.imageSizes)
    let modes = (try? settings.smolvla.normalizationModes()) ?? [:]
    let statistics = Self.statistics(folder)
    func range(_ name: String, _ statistic: String) -> String {
      guard let values = statistics["\(name).\(statistic)"], let low = values.min(), let high = values.max() else {
        return "none"
      }
      return low == high ? Self.short(low) : "\(Self.short(low)) … \(Self.short(high))"
    }
    for (features, role) in [(settings.smolvla.inputFeatures, "input"), (settings.smolvla.outputFeatures, "output")] {
      for (name, feature) in features {
        table.rows.append([
          name, role, Self.shape(of: feature),
          (modes[feature.type] ?? .identity).rawValue, range(name, "mean"), range(name, "std"),
        ])
      }
    }
    inspection.tables.append(table)
    inspection.details["statistics"] = .object(
      OrderedDictionary(
        uniqueKeysWithValues: statistics.sorted { $0.key < $1.key }.map { name, values in
          (name, .array(values.map { .number(Double($0)) }))
        }))
  }

  /// An image's channels come first in the file.
  private static func shape(of feature: PolicyFeature) -> String {
    let isImage = feature.type == .visual && feature.shape.count == 3
    return (isImage ? feature.shape.reversed() : feature.shape).map(String.init).joined(separator: "×")
  }

  private static func short(_ number: Float) -> String { String(format: "%.4g", number) }

  /// The statistics of the preprocessor's normalizer, whatever else of the pipeline can be read.
  private static func statistics(_ folder: URL) -> [String: [Float]] {
    let steps = (try? JSON(contentsOf: folder.appendingPathComponent("policy_preprocessor.json")))?["steps"]?.array
    let files = (steps ?? []).compactMap { $0["state_file"]?.string }
    guard let file = try? files.first.map({ try contained($0, in: folder) }), let tensors = try? Tensor.load(file)
    else {
      return [:]
    }
    return Dictionary(
      uniqueKeysWithValues: tensors.compactMap { name, tensor in
        (try? tensor.to(.float32).scalars(Float.self)).map { (name, $0) }
      })
  }

  // MARK: Training

  private static let settings = [
    "dataset.repo_id", "dataset.root", "dataset.episodes", "steps", "batch_size", "seed", "policy.optimizer_lr",
    "policy.scheduler_warmup_steps", "policy.scheduler_decay_steps", "policy.freeze_vision_encoder",
    "policy.train_expert_only", "policy.load_vlm_weights", "policy.pretrained_path", "policy.init_from_policy_path",
    "policy.action_loss", "policy.precision", "peft.r", "peft.lora_alpha", "rename_map",
  ]

  private mutating func addTraining(_ folder: URL) {
    let file = folder.appendingPathComponent("train_config.json")
    addRecord(folder)
    guard FileManager.default.fileExists(atPath: file.path) else {
      // A merged policy has its adapter's record.
      guard inspection.details["training_record"] == nil else { return }
      return inspection.checks.warn(
        "training", ["\(folder.path) has no train_config.json, so how it was trained is not known"])
    }
    guard
      let settings = try? inspection.checks(
        "train_config.json", found: { _ in nil }, { try TrainConfigurationFiles.read(file) })
    else { return }
    var table = Inspection.Table("training settings", ["setting", "value"])
    for name in Self.settings {
      let value = name.split(separator: ".").reduce(Optional(settings)) { $0?[String($1)] }
      guard let value, value != .null, value != [:] else { continue }
      table.rows.append([name, value.string ?? value.text(.line)])
    }
    inspection.tables.append(table)
  }

  private mutating func addRecord(_ folder: URL) {
    let record = folder.appendingPathComponent(TrainingRecord.fileName)
    guard let last = (try? JSON(contentsOf: record))?["segments"]?.array?.last else { return }
    inspection.facts["trained on"] =
      "\(last["dataset"]?["frames"]?.integer ?? 0) frames, \(last["device"]?.string ?? ""), "
      + "\(last["precision"]?.string ?? "")"
    inspection.details["training_record"] = last
  }
}
