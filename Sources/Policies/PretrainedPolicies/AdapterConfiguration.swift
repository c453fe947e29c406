import Failures
import Foundation
import ModelFiles
import NeuralNetworks
import OrderedCollections

/// An adapter as peft describes it in `adapter_config.json`: what it adapts, and the checkpoint that it changes.
///
/// The file is untrusted: its numbers have ranges, and what this program does not compute is refused, also by names that it
/// does not know.
public struct AdapterConfiguration: Sendable, Equatable {
  public private(set) var adaptation: LowRankAdaptation
  /// The folder or repository of the policy that is adapted.
  public let baseName: String
  /// Whether training drops some of the adapters' inputs, which only peft does.
  let hasDropout: Bool
  /// The members of the file, or those of a new one.
  private var members: OrderedDictionary<String, JSON>

  /// A new adapter of a checkpoint.
  public init(_ adaptation: LowRankAdaptation, of baseName: String) {
    (self.adaptation, self.baseName, hasDropout) = (adaptation, baseName, false)
    members = [
      "alpha_pattern": [:], "auto_mapping": nil, "base_model_name_or_path": .string(baseName), "bias": "none",
      "exclude_modules": nil, "fan_in_fan_out": false, "inference_mode": true,
      "init_lora_weights": adaptation.initializer == .gaussian ? "gaussian" : true, "layer_replication": nil,
      "layers_pattern": nil, "layers_to_transform": nil, "lora_alpha": .number(adaptation.alpha), "lora_bias": false,
      "lora_dropout": 0.0, "modules_to_save": .array(adaptation.trainedWhole.map(JSON.string)), "peft_type": "LORA",
      "r": .integer(adaptation.rank), "rank_pattern": [:], "revision": nil, "target_modules": adaptation.targets.json,
      "task_type": nil, "use_dora": false, "use_rslora": .bool(adaptation.isRankStabilized),
    ]
    if let alpha = Int(exactly: adaptation.alpha) { members["lora_alpha"] = .integer(alpha) }
  }

  /// Reads the file of an adapter's folder.
  ///
  /// - Throws: what is of another kind or out of range, with the file.
  public init(in folder: URL) throws {
    let file = folder.appendingPathComponent(PolicyWeightsFile.adapterConfiguration)
    guard let members = try JSON(contentsOf: file).object else {
      throw FileError.malformed(file.path, "expected an object")
    }
    let reader = AdapterFields(members, file.path)
    try reader.requireLowRank()
    guard let base = try reader.text("base_model_name_or_path"), !base.isEmpty else {
      throw Failure(
        "\(file.path): base_model_name_or_path, the policy that it adapts, is missing; add its folder or name")
    }
    baseName = base
    adaptation = LowRankAdaptation(
      rank: try reader.rank, alpha: try reader.alpha, targets: try reader.targets)
    adaptation.isRankStabilized = try reader.flag("use_rslora")
    adaptation.alphas = try reader.alphas
    adaptation.trainedWhole = try reader.names("modules_to_save")
    adaptation.initializer = members["init_lora_weights"] == "gaussian" ? .gaussian : .uniform
    hasDropout = try reader.dropout > 0
    self.members = members
  }

  /// The ranks that its factors may have.
  var ranks: Set<Int> {
    Set([adaptation.rank] + (members["rank_pattern"]?.object ?? [:]).values.compactMap(\.integer))
  }

  /// Whether its lists of names select a layer; an expression of an untrusted file is not run.
  func selects(_ layer: String) -> Bool {
    let excluded = (members["exclude_modules"]?.array ?? []).compactMap(\.string)
    if excluded.contains(where: { LowRankAdaptation.isModule(layer, named: $0) }) { return false }
    guard case .names(let targets) = adaptation.targets else { return true }
    return targets.contains { LowRankAdaptation.isModule(layer, named: $0) }
  }

  /// The first name of its lists for which it has no weights.
  func unserved(by weights: [String], _ layers: [String]) -> String? {
    let whole = adaptation.trainedWhole.first { module in
      var alone = adaptation
      alone.trainedWhole = [module]
      return !weights.contains { !LowRankAdaptation.isFactor($0) && alone.trainsWhole($0) }
    }
    guard whole == nil, case .names(let targets) = adaptation.targets else { return whole }
    return targets.first { target in !layers.contains { LowRankAdaptation.isModule($0, named: target) } }
  }

  /// The same adapter for exactly these layers, as they were found in its weights.
  func adapting(_ layers: [String]) -> AdapterConfiguration {
    var copy = self
    copy.adaptation.targets = .exactly(layers)
    return copy
  }

  /// The same adapter with more modules that are trained whole.
  func training(whole modules: [String]) -> AdapterConfiguration {
    var copy = self
    copy.adaptation.trainedWhole += modules.filter { !copy.adaptation.trainedWhole.contains($0) }
    copy.members["modules_to_save"] = .array(copy.adaptation.trainedWhole.map(JSON.string))
    return copy
  }

  /// `adapter_config.json`, of an adapter of these layers.
  func json(adapting layers: [String]) -> JSON {
    var members = members
    if adaptation.targets == .everyLinear { members["target_modules"] = .array(layers.map(JSON.string)) }
    return .object(members)
  }
}

extension ModuleSelection {
  fileprivate var json: JSON {
    switch self {
    case .pattern(let pattern): .string(pattern)
    case .names(let names): .array(names.map(JSON.string))
    case .exactly(let names): .array(names.map(JSON.string))
    case .everyLinear: "all-linear"
    }
  }
}

/// The fields of a peft configuration, checked.
private struct AdapterFields {
  private let members: OrderedDictionary<String, JSON>
  private let path: String

  init(_ members: OrderedDictionary<String, JSON>, _ path: String) { (self.members, self.path) = (members, path) }

  /// Fields that say nothing about what is computed from the weights, or that are read one by one.
  private static let read: Set = [
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "exclude_modules", "inference_mode",
    "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout", "megatron_core",
    "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision",
    "target_modules", "task_type", "use_rslora",
  ]

  /// Refuses every other kind of adapter.
  func requireLowRank() throws {
    let type = members["peft_type"]?.string ?? "unnamed"
    guard type == "LORA" else { throw refusal("its peft_type \(type) is not supported, only LORA is") }
    guard [nil, .null, "none"].contains(members["bias"]) else { throw refusal("it trains biases") }
    guard [nil, .null, true, false, "gaussian"].contains(members["init_lora_weights"]) else {
      throw refusal(
        "its init_lora_weights \(members["init_lora_weights"]?.text(.line) ?? "") changes the base's weights")
    }
    guard [nil, .null, "main"].contains(members["revision"]) else {
      throw refusal("it is of the revision \(members["revision"]?.text(.line) ?? "") of its base")
    }
    for (name, value) in members where !Self.read.contains(name) && !Self.isOff(value) {
      throw refusal("its \(name) \(value.text(.line)) is not supported")
    }
  }

  private static func isOff(_ value: JSON) -> Bool {
    switch value {
    case .null, .bool(false): true
    case .array(let elements): elements.isEmpty
    case .object(let members): members.isEmpty
    default: false
    }
  }

  private func refusal(_ reason: String) -> Failure {
    Failure(
      "\(path): \(reason); merge the adapter in Python, with `merge_and_unload()` and `save_pretrained`, and name that "
        + "folder")
  }

  private func expected(_ what: String, _ name: String) -> Failure {
    Failure("\(path): expected \(name) to be \(what), found \(members[name]?.text(.line) ?? "nothing")")
  }

  func text(_ name: String) throws -> String? {
    guard let value = members[name], value != .null else { return nil }
    guard let text = value.string else { throw expected("a text", name) }
    return text
  }

  func flag(_ name: String) throws -> Bool {
    guard let value = members[name], value != .null else { return false }
    guard let flag = value.bool else { throw expected("true or false", name) }
    return flag
  }

  func names(_ name: String) throws -> [String] {
    guard let value = members[name], value != .null else { return [] }
    guard let names = value.array?.map(\.string), names.allSatisfy({ $0?.isEmpty == false }) else {
      throw expected("a list of names", name)
    }
    return names.compactMap(\.self)
  }

  /// What peft takes for rank and alpha where a file does not say them.
  private static let standard: JSON = 8

  var rank: Int {
    get throws {
      guard let rank = (members["r"] ?? Self.standard).integer, LowRankAdaptation.ranks.contains(rank) else {
        throw expected(Self.ranks, "r")
      }
      guard
        (members["rank_pattern"]?.object ?? [:]).values.allSatisfy({
          $0.integer.map(LowRankAdaptation.ranks.contains) == true
        })
      else { throw expected("a map of such ranks", "rank_pattern") }
      return rank
    }
  }

  private static let ranks =
    "an integer from \(LowRankAdaptation.ranks.lowerBound) to \(LowRankAdaptation.ranks.upperBound)"

  var alpha: Double {
    get throws {
      guard let alpha = (members["lora_alpha"] ?? Self.standard).double, Self.isAlpha(alpha) else {
        throw expected("a positive number", "lora_alpha")
      }
      return alpha
    }
  }

  private static func isAlpha(_ number: Double) -> Bool { number > 0 && number <= 1e6 }

  /// By names, or ends of names, in the file's order; peft takes regular expressions too, which are not run.
  var alphas: [ModuleAlpha] {
    get throws {
      var alphas: [ModuleAlpha] = []
      for (name, value) in members["alpha_pattern"]?.object ?? [:] {
        let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
        guard isName, let alpha = value.double, Self.isAlpha(alpha) else {
          throw expected("a map from names of modules to positive numbers", "alpha_pattern")
        }
        alphas.append(ModuleAlpha(module: name, alpha: alpha))
      }
      return alphas
    }
  }

  var dropout: Double {
    get throws {
      guard let value = members["lora_dropout"], value != .null else { return 0 }
      guard let dropout = value.double, (0...1).contains(dropout) else { throw expected("from 0 to 1", "lora_dropout") }
      return dropout
    }
  }

  var targets: ModuleSelection {
    get throws {
      if let text = members["target_modules"]?.string {
        return text.lowercased() == "all-linear" ? .everyLinear : .pattern(text)
      }
      return .names(try names("target_modules"))
    }
  }
}
