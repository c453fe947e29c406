import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies
import Testing

@testable import SmolVLA

/// One configuration whose numbers LeRobot gave: `FOLDER/CHECKPOINT/cases/CASE.safetensors`.
struct GoldenCase: Sendable, CustomTestStringConvertible {
  let checkpoint: URL
  let file: URL

  var testDescription: String {
    "\(checkpoint.lastPathComponent)/\(file.deletingPathExtension().lastPathComponent)"
  }

  /// Every case of a folder, by name.
  static func all(in folder: URL) -> [GoldenCase] {
    let files = FileManager.default
    func entries(_ folder: URL) -> [URL] {
      let found = try? files.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      return (found ?? []).sorted { $0.path < $1.path }
    }
    return entries(folder).flatMap { checkpoint in
      entries(checkpoint.appendingPathComponent("cases")).map { GoldenCase(checkpoint: checkpoint, file: $0) }
    }
  }

  /// The committed ones of LeRobot 0.4.4.
  static var committedFolder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Goldens")
  }

  /// Those of LeRobot 0.6.1.
  static var currentFolder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("CurrentGoldens")
  }

  /// Freshly drawn ones, which `make parity` hands over.
  static var drawnFolder: URL? {
    ProcessInfo.processInfo.environment["WM_PARITY_GOLDENS"].map { URL(fileURLWithPath: $0) }
  }

  static var all: [GoldenCase] {
    all(in: committedFolder) + all(in: currentFolder) + (drawnFolder.map { all(in: $0) } ?? [])
  }
}

/// A case's policy, batch and expected numbers.
struct LoadedCase {
  let policy: SmolVLAPolicy
  let expected: StateDictionary
  let batch: Batch
  /// Names that LeRobot trains, and of those the ones that it leaves without a gradient or gives zeros.
  let trainable, withoutGradient, zeroGradient: Set<String>

  /// - Parameters:
  ///   - actionLoss: nil is that of the golden's LeRobot.
  ///   - version: nil is the golden's.
  init(
    _ golden: GoldenCase, actionLoss: ActionLoss? = nil, version: LeRobotVersion? = nil, inPublishedOrder: Bool = false
  ) throws {
    expected = try Tensor.load(golden.file)
    let metadata = try SafetensorsFile(golden.file).metadata
    func names(_ key: String) throws -> Set<String> {
      let text = try #require(metadata[key])
      let list = try #require(JSON(parsing: text).array)
      return Set(list.compactMap(\.string))
    }
    trainable = try names("trainable")
    withoutGradient = try names("without_gradient")
    zeroGradient = try names("zero_gradient")

    let json = try JSON(contentsOf: golden.checkpoint.appendingPathComponent("config.json"))
    let changes = try JSON(parsing: try #require(metadata["policy"])).object ?? [:]
    var fields = try #require(json.object).merging(changes) { $1 }
    fields["type"] = nil
    var configured = Configured<SmolVLAConfiguration>()
    try configured.apply(.object(fields), from: golden.file.path, unknown: .keep)
    var configuration = try configured.validated()
    // Goldens of version 0.4.4 do not name it.
    configuration.lerobotVersion = version ?? (metadata["lerobot"] == nil ? .former : .current)
    configuration.actionLoss = actionLoss ?? (metadata["lerobot"] == nil ? .padded : .valid)
    configuration.usesReferenceOrder = inPublishedOrder
    let backboneFolder = golden.checkpoint.appendingPathComponent("backbone")
    let backboneFile = backboneFolder.appendingPathComponent("config.json")
    let backbone = try BackboneConfiguration(JSON(contentsOf: backboneFile), in: backboneFile.path)
    let weights = try Tensor.load(golden.checkpoint.appendingPathComponent("model.safetensors"))
    let store = ParameterStore(loading: weights, seed: 0, device: .cpu)
    policy = try SmolVLAPolicy(
      configuration, backbone: backbone, imageTokens: Self.imageTokens(backboneFolder), parameters: store)
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    var batch = Batch()
    for (name, tensor) in expected where name.hasPrefix("in/") { batch[String(name.dropFirst(3))] = tensor }
    self.batch = batch
  }

  private static func imageTokens(_ backbone: URL) throws -> ImageSpecialTokens {
    let tokens = try JSON(contentsOf: backbone.appendingPathComponent("tokenizer.json"))["added_tokens"]?.array ?? []
    func identifier(_ text: String) throws -> Int {
      try #require(tokens.first { $0["content"]?.string == text }?["id"]?.integer)
    }
    return ImageSpecialTokens(fake: try identifier("<fake_token_around_image>"), global: try identifier("<global-img>"))
  }

  /// ‖found − expected‖ / ‖expected‖, and infinity where the shapes differ.
  func deviation(_ found: Tensor, _ name: String) throws -> Double {
    let wanted = try #require(expected[name], "the golden has no \(name)")
    guard found.shape == wanted.shape else { return .infinity }
    return try (found.detached() - wanted).norm().item() / max(wanted.norm().item(), 1e-30)
  }
}
