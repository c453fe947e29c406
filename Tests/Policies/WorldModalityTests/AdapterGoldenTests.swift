import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PretrainedPolicies
import RobotPolicies
import SmolVLA
import Testing

/// Adapters that LeRobot and peft made, and their numbers (oracle/goldens/adapters.py).
struct AdapterGoldenTests {
  static let names = ["default", "chosen", "world"]

  @Test(arguments: names) func `loss, gradients and weights after a step are peft's`(_ name: String) throws {
    try AdapterCase.within(name) { golden in
      let policy = try golden.pretrained().policy
      let parameters = policy.parameters
      let wanted = Set(golden.names("w1/"))
      #expect(Set(parameters.trainable.map(\.parameter.name)) == wanted && !wanted.isEmpty)
      let loss = try policy.loss(of: golden.batch, random: CountedRandom(seed: 0, "unused"))
      #expect(try golden.deviation(loss.total.reshaped([1]), "out/loss") < 1e-6)
      try loss.total.backward()
      #expect(try golden.deviation(parameters.gradientNorm().reshaped([1]), "out/gradnorm") < 1e-6)
      let compared = Set(golden.names("g/"))
      var squares = 0.0
      for (_, parameter) in parameters.trainable {
        let gradient = parameter.tensor.gradient
        guard compared.contains(parameter.name) else {
          #expect(try gradient?.norm().item() ?? 0 < 1e-6, "\(parameter.name)")
          continue
        }
        let found = try #require(gradient, "\(parameter.name) has no gradient")
        #expect(try golden.deviation(found, "g/\(parameter.name)") < 1e-5, "\(parameter.name)")
        let difference = try found - #require(golden.expected["g/\(parameter.name)"])
        squares += try pow(withoutGradients { try difference.norm().item() }, 2)
      }
      #expect(try squares.squareRoot() / parameters.gradientNorm().item() < 1e-6)
      _ = try parameters.clipGradients(toNorm: 10)
      try AdamW(parameters, settings: SmolVLAConfiguration().optimizer).step(learningRate: 1e-3)
      // The bias of all keys has a gradient of rounding alone, which AdamW makes a step of.
      for (_, parameter) in parameters.trainable where !parameter.name.hasSuffix("in_proj_bias") {
        #expect(try golden.deviation(parameter.tensor, "w1/\(parameter.name)") < 1e-6, "\(parameter.name)")
      }
    }
  }

  @Test(arguments: ["default", "chosen"]) func `planned actions are peft's`(_ name: String) throws {
    try AdapterCase.within(name) { golden in
      let actions = try golden.actions(golden.pretrained().policy)
      #expect(try golden.deviation(actions, "out/actions") < 1e-5)
    }
  }

  @Test(arguments: ["default", "chosen"]) func `merged weights are peft's, and plan the same`(_ name: String) throws {
    try AdapterCase.within(name) { golden in
      var builder = try golden.builder()
      let merged = try builder.merged(golden.folder)
      #expect(merged.configuration["use_peft"] == false)
      let whole = golden.folder.appendingPathComponent("merged")
      try merged.save(to: whole)
      let (weights, base) = try (Tensor.load(PolicyWeightsFile.url(in: whole)), golden.base())
      for (name, before) in base {
        let found = try #require(weights[name])
        if golden.expected["merged/\(name)"] == nil {
          #expect(try found.to(.float32).isIdentical(to: before.to(.float32)), "\(name)")
        } else {
          #expect(try golden.deviation(found, "merged/\(name)") < 1e-6, "\(name)")
        }
      }
      #expect(weights.count == base.count)
      var plain = try golden.builder(of: whole)
      let actions = try golden.actions(plain.pretrained(whole).policy)
      #expect(try golden.deviation(actions, "out/actions") < 1e-5)
    }
  }

  @Test(arguments: names) func `an adapter is saved as peft saves it`(_ name: String) throws {
    try AdapterCase.within(name) { golden in
      let copy = golden.folder.appendingPathComponent("copy")
      try golden.pretrained().save(to: copy)
      let (before, after) = try (golden.adapter(), Tensor.load(PolicyWeightsFile.url(in: copy)))
      #expect(Set(after.keys) == Set(before.keys))
      for (name, tensor) in before { #expect(try after[name]?.isIdentical(to: tensor) == true, "\(name)") }
      let file = PolicyWeightsFile.adapterConfiguration
      #expect(
        try JSON(contentsOf: copy.appendingPathComponent(file))
          == JSON(contentsOf: golden.folder.appendingPathComponent(file)))
      #expect(try JSON(contentsOf: copy.appendingPathComponent("config.json"))["use_peft"] == true)
    }
  }

  @Test func `a new adapter has LeRobot's layers and fields, and changes nothing before it is trained`() throws {
    try AdapterCase.within("default") { golden in
      var builder = try golden.builder(of: golden.baseFolder)
      builder.adaptation = LowRankAdaptation(rank: 3, alpha: 12, targets: PolicySettings.adaptedLayers)
      let new = try builder.new(from: golden.baseFolder, features: golden.features(), renaming: [:])
      let saved = golden.folder.appendingPathComponent("new")
      try new.save(to: saved)
      let (theirs, ours) = try (golden.adapter(), Tensor.load(PolicyWeightsFile.url(in: saved)))
      #expect(Set(ours.keys) == Set(theirs.keys))
      for (name, tensor) in theirs { #expect(ours[name]?.shape == tensor.shape, "\(name)") }
      for (name, tensor) in ours where name.hasSuffix("lora_B.weight") { #expect(try tensor.norm().item() == 0) }
      let fields = try JSON(contentsOf: saved.appendingPathComponent(PolicyWeightsFile.adapterConfiguration))
      let wanted = try JSON(
        contentsOf: golden.folder.appendingPathComponent(PolicyWeightsFile.adapterConfiguration))
      for (name, value) in fields.object ?? [:] where !["base_model_name_or_path", "auto_mapping"].contains(name) {
        #expect(value == wanted[name], "\(name)")
      }
      var plain = try golden.builder(of: golden.baseFolder)
      let base = try plain.pretrained(golden.baseFolder).policy
      #expect(try golden.actions(new.policy).isIdentical(to: golden.actions(base)))
    }
  }
}

/// An adapter of the committed base, in a folder of its own.
struct AdapterCase {
  let folder: URL
  let expected: StateDictionary
  var baseFolder: URL { folder.deletingLastPathComponent().appendingPathComponent("base") }

  private static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("AdapterGoldens")

  /// Copies base and adapter, and names the base by its path.
  static func within(_ name: String, _ body: (AdapterCase) throws -> Void) throws {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("wm-adapter-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    for name in ["base", name] {
      try FileManager.default.copyItem(
        at: goldens.appendingPathComponent(name), to: place.appendingPathComponent(name))
    }
    let golden = try AdapterCase(
      folder: place.appendingPathComponent(name),
      expected: Tensor.load(place.appendingPathComponent("\(name)/numbers.safetensors")))
    try golden.changeConfiguration { $0["base_model_name_or_path"] = .string(golden.baseFolder.path) }
    try body(golden)
  }

  func changeConfiguration(_ change: (inout OrderedDictionary<String, JSON>) -> Void) throws {
    let file = folder.appendingPathComponent(PolicyWeightsFile.adapterConfiguration)
    var members = try #require(try JSON(contentsOf: file).object)
    change(&members)
    try JSON.object(members).write(to: file, overwrite: true)
  }

  func builder(of folder: URL? = nil) throws -> PolicyBuilder {
    var builder = PolicyBuilder(try PolicySettings(checkpoint: folder ?? self.folder), device: .cpu)
    builder.settings.smolvla.backboneName = baseFolder.appendingPathComponent("backbone").path
    builder.settings.smolvla.precision = .fp32
    return builder
  }

  func pretrained() throws -> PretrainedPolicy {
    var builder = try builder()
    return try builder.pretrained(folder)
  }

  var batch: Batch {
    var batch = Batch()
    for (name, tensor) in expected where name.hasPrefix("in/") { batch[String(name.dropFirst(3))] = tensor }
    return batch
  }

  func actions(_ policy: any Policy) throws -> Tensor {
    let random = (0..<2).map { CountedRandom(seed: 0, "unused").at($0) }
    return try policy.actionChunk(for: batch, random: random)
  }

  func names(_ prefix: String) -> [String] {
    expected.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  /// ‖found − expected‖ / ‖expected‖
  func deviation(_ found: Tensor, _ name: String) throws -> Double {
    let wanted = try #require(expected[name], "\(name)")
    #expect(found.shape == wanted.shape, "\(name)")
    return try withoutGradients { try (found - wanted).norm().item() / max(wanted.norm().item(), 1e-12) }
  }

  func base() throws -> StateDictionary { try Tensor.load(PolicyWeightsFile.url(in: baseFolder)) }
  func adapter() throws -> StateDictionary { try Tensor.load(PolicyWeightsFile.url(in: folder)) }

  /// What a dataset of the base's features offers.
  func features() throws -> TrainingFeatures {
    let smolvla = try PolicySettings(checkpoint: baseFolder).smolvla
    var statistics: StateDictionary = [:]
    for (name, feature) in smolvla.inputFeatures.merging(smolvla.outputFeatures, uniquingKeysWith: { $1 })
    where feature.type != .visual {
      statistics["\(name).mean"] = try Tensor.zeros(feature.shape)
      statistics["\(name).std"] = try Tensor.ones(feature.shape)
    }
    return TrainingFeatures(
      inputs: smolvla.inputFeatures, outputs: smolvla.outputFeatures, statistics: statistics)
  }
}
