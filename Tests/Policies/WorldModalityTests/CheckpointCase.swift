@testable import PretrainedPolicies
import CounterBasedRandom
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies
import Testing

@testable import WorldModality

/// A checkpoint that LeRobot loaded too, and what it planned with it (oracle/goldens/checkpoints.py).
struct CheckpointCase: Sendable, CustomTestStringConvertible {
  let folder: URL
  var testDescription: String { folder.lastPathComponent }

  /// The committed ones' folder.
  static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("CheckpointGoldens")

  /// Those with planned actions: the committed one, and those that `make parity` hands over.
  static var all: [CheckpointCase] {
    let drawn = ProcessInfo.processInfo.environment["WM_PARITY_CHECKPOINTS"].map { URL(fileURLWithPath: $0) }
    let found = drawn.flatMap { try? FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil) }
    return [CheckpointCase(folder: goldens.appendingPathComponent("smolvla_base"))]
      + (found ?? []).map { CheckpointCase(folder: $0) }
  }

  /// Settings as `--policy.path` reads them.
  private struct Settings: ConfigurationSection {
    @SettingsGroup("policy", help: "", of: PolicySettings.kinds) var policy = PolicySettings.smolvla(.init())
  }

  /// A builder with the settings of a checkpoint's config.json, and flags over them; in float32 unless they say otherwise.
  static func builder(_ folder: URL, _ flags: String...) throws -> PolicyBuilder {
    var configured = Configured<Settings>()
    let config = folder.appendingPathComponent("config.json")
    try configured.apply(JSON(contentsOf: config), from: config.path, at: "policy", unknown: .keep)
    try configured.apply(Arguments((["precision=fp32"] + flags).map { "--policy.\($0)" }))
    return PolicyBuilder(try configured.validated().policy, device: .cpu, seed: 5)
  }

  /// A copy of the committed checkpoint that may be changed.
  static func within(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-checkpoint-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: goldens.appendingPathComponent("smolvla_base"), to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  /// Raw observations in, the robot's actions out; the noise is the golden's.
  func actions(_ pretrained: PretrainedPolicy) throws -> Tensor {
    let file = folder.appendingPathComponent("numbers.safetensors")
    var batch = Batch()
    for (name, tensor) in try Tensor.load(file) where name.hasPrefix("in/") {
      batch[String(name.dropFirst(3))] = tensor
    }
    let text = try #require(try SafetensorsFile(file).metadata["tasks"])
    let tasks = try #require(try JSON(parsing: text).array?.compactMap(\.string))
    let prepared = try pretrained.preprocessor(batch, tasks: tasks, device: .cpu)
    let random = tasks.indices.map { CountedRandom(seed: 0, "unused").at($0) }
    return try pretrained.postprocessor(actions: pretrained.policy.actionChunk(for: prepared, random: random))
  }

  func expected(_ name: String) throws -> Tensor? {
    try Tensor.load(folder.appendingPathComponent("numbers.safetensors"))[name]
  }
}

/// Changes a safetensors file.
func rewrite(_ file: URL, _ change: (inout StateDictionary) throws -> Void) throws {
  var tensors = try Tensor.load(file).mapValues { try $0.clone() }
  try change(&tensors)
  try Tensor.save(tensors, to: file, overwrite: true)
}
