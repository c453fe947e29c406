import CounterBasedRandom
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import SmolVLA
import Testing

@testable import WorldModality

/// One batch whose numbers LeRobot's SmolVLA with torch.nn's world modality gave, and the checkpoint it belongs to.
struct PolicyCase: Sendable, CustomTestStringConvertible {
  let checkpoint: URL
  let file: URL

  var testDescription: String {
    "\(checkpoint.lastPathComponent)/\(file.deletingPathExtension().lastPathComponent)"
  }

  /// Every case below a folder of checkpoints, `FOLDER/CHECKPOINT/cases/CASE.safetensors`, by name.
  static func all(in folder: URL) -> [PolicyCase] {
    func entries(_ folder: URL) -> [URL] {
      let found = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      return (found ?? []).sorted { $0.path < $1.path }
    }
    return entries(folder).flatMap { checkpoint in
      entries(checkpoint.appendingPathComponent("cases")).map { PolicyCase(checkpoint: checkpoint, file: $0) }
    }
  }

  /// The committed ones.
  static var committed: [PolicyCase] {
    all(in: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("PolicyGoldens"))
  }

  /// Where freshly drawn ones lie that `make parity` hands over; nil where it does not.
  static var drawnFolder: URL? {
    ProcessInfo.processInfo.environment["WM_PARITY_WORLD_GOLDENS"].map { URL(fileURLWithPath: $0) }
  }

  /// Freshly drawn ones.
  static var drawn: [PolicyCase] { drawnFolder.map { all(in: $0) } ?? [] }

  /// A committed one by its name, `CHECKPOINT/CASE`.
  static func committed(_ name: String) throws -> PolicyCase {
    try #require(committed.first { $0.testDescription == name })
  }
}

/// What a case needs to build policies: settings, weights and batch; and the numbers that are expected of it.
struct LoadedPolicyCase {
  let expected: StateDictionary
  let metadata: OrderedDictionary<String, String>
  let batch: Batch
  private let configuration: SmolVLAWorldConfiguration
  private let backbone: BackboneConfiguration
  private let weights: StateDictionary

  init(_ golden: PolicyCase) throws {
    let expected = try Tensor.load(golden.file)
    self.expected = expected
    metadata = try SafetensorsFile(golden.file).metadata
    let json = try JSON(contentsOf: golden.checkpoint.appendingPathComponent("config.json"))
    let changes = try metadata["policy"].flatMap { try JSON(parsing: $0).object } ?? [:]
    var fields = try #require(json.object).merging(changes) { $1 }
    fields["type"] = nil
    var configured = Configured<SmolVLAWorldConfiguration>()
    try configured.apply(.object(fields), from: golden.file.path, unknown: .keep)
    var configuration = try configured.validated()
    configuration.smolvla.usesReferenceOrder = true
    // Goldens of version 0.4.4 do not name it.
    configuration.smolvla.lerobotVersion = metadata["lerobot"] == nil ? .former : .current
    self.configuration = configuration
    let file = golden.checkpoint.appendingPathComponent(configuration.smolvla.backboneName)
      .appendingPathComponent("config.json")
    backbone = try BackboneConfiguration(JSON(contentsOf: file), in: file.path)
    var weights = try Tensor.load(golden.checkpoint.appendingPathComponent("model.safetensors"))
    for (name, tensor) in expected where name.hasPrefix("w/") { weights[String(name.dropFirst(2))] = tensor }
    if !configuration.world.isPredictorEnabled { weights = weights.filter { !$0.key.hasPrefix("prophet.") } }
    self.weights = weights
    var batch = Batch()
    for (name, tensor) in expected where name.hasPrefix("in/") { batch[String(name.dropFirst(3))] = tensor }
    self.batch = batch
  }

  /// The policy with every weight of the checkpoint and none but those; it has no encoder.
  ///
  /// - Parameters:
  ///   - gate: the value of all gates, where they are not to be the checkpoint's.
  ///   - change: what differs from the case's settings.
  func policy(
    gate: Double? = nil, _ change: (inout SmolVLAWorldConfiguration) -> Void = { _ in }
  ) throws -> SmolVLAWorldPolicy {
    var (configuration, weights) = (configuration, weights)
    change(&configuration)
    if let gate {
      for name in weights.keys where WorldModel.owns(name) && name.hasSuffix(".gate") {
        weights[name] = try Tensor.full([], gate)
      }
    }
    let store = ParameterStore(loading: weights, seed: 0, device: .cpu)
    let policy = try SmolVLAWorldPolicy(
      configuration, backbone: backbone, imageTokens: nil, parameters: store
    ) { throw EncoderUsed() }
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    return policy
  }

  /// SmolVLA alone with the same weights.
  func baseline(inPublishedOrder: Bool = true) throws -> SmolVLAPolicy {
    var settings = configuration.smolvla
    settings.usesReferenceOrder = inPublishedOrder
    let core = weights.filter { !WorldModel.owns($0.key) }
    let store = ParameterStore(loading: core, seed: 0, device: .cpu)
    let policy = try SmolVLAPolicy(
      settings, backbone: backbone, imageTokens: nil, parameters: store)
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    return policy
  }

  /// A list of names, or of numbers, in the metadata; empty if there is none.
  func list(_ key: String) throws -> [JSON] {
    try metadata[key].flatMap { try JSON(parsing: $0).array } ?? []
  }

  /// Random numbers under which `shuffle` puts the rows of a batch into the order that the golden took.
  func random() throws -> CountedRandom {
    let order = try list("order").compactMap(\.integer)
    let first = CountedRandom(seed: 0, "unused")
    guard !order.isEmpty else { return first }
    for seed in 0..<1000 {
      let random = CountedRandom(seed: seed, "order")
      let noise = try MemoryNoise(order.indices.map { random.at("world").at($0) }, rows: order.count)
      if try noise.shuffled(Tensor.arange(order.count)).scalars(Int.self) == order { return random }
    }
    Issue.record("no seed shuffles into \(order)")
    return first
  }

  /// Rows of the batch.
  var rows: Int {
    get throws { try batch.require(BatchKey.state).size(0) }
  }

  /// ‖found − expected‖ / ‖expected‖; infinite where the shapes differ, absolute where 0 is expected.
  func deviation(_ found: Tensor, _ name: String) throws -> Double {
    let wanted = try #require(expected[name], "the golden has no \(name)")
    guard found.shape == wanted.shape else { return .infinity }
    let (difference, norm) = try (found.distanceNorm(to: wanted), wanted.to(.float64).norm().item())
    return norm == 0 ? difference : difference / norm
  }

  /// A gate's gradient is a sum that may cancel and leave the rounding of its terms, which are of the size of the largest
  /// gradient of its place.
  func gradientDeviation(_ found: Tensor, _ name: String) throws -> Double {
    guard found.elementCount == 1, let dot = name.lastIndex(of: ".") else { return try deviation(found, name) }
    let norms = try expected.filter { $0.key.hasPrefix(name[...dot]) }.map { try $0.value.norm().item() }
    let difference = try found.distanceNorm(to: #require(expected[name]))
    return difference == 0 ? 0 : difference / (norms.max() ?? 0)
  }
}

/// A rollout asked for the video encoder.
struct EncoderUsed: Error {}

extension Tensor {
  /// ‖self − other‖
  fileprivate func distanceNorm(to other: Tensor) throws -> Double {
    try (detached().to(.float64) - other.to(.float64)).norm().item()
  }
}
