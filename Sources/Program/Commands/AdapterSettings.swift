import Foundation
import HuggingFaceHub
import LayeredSettings
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PretrainedPolicies
import RobotPolicies

/// `--peft.…` under LeRobot's names: a low-rank adapter is trained in place of the whole policy.
struct AdapterSettings: ConfigurationSection {
  static let title = "PeftConfig"
  @Setting("target_modules", help: targetHelp) var targets: AdapterTargets?
  @Setting("full_training_modules", help: "ends of names of modules that are trained whole beside the adapters")
  var trainedWhole: [String]?
  @Setting("method_type", help: "the kind of adapter; only LORA is supported") var method = "LORA"
  @Setting("init_type", help: "gaussian, or null for uniform: how an adapter's first factor begins; the other is zero")
  var initialization: String?
  @Setting("r", in: LowRankAdaptation.ranks, help: "rank of the adapters") var rank = 16
  @Setting(
    "lora_alpha", in: 1...1_000_000, owner: .program,
    help: "an adapter's change is multiplied by lora_alpha / r; null is peft's 8")
  var alpha: Int?

  private static let targetHelp =
    "linear layers with adapters: ends of names ([q_proj,v_proj]), a regular expression of whole names, or all-linear; "
    + "null for queries and values of the action expert and the projections around it"

  func validate() throws(ConfigurationError) {
    guard method.uppercased() == "LORA" else {
      throw ConfigurationError("method_type", "expected LORA, the only kind that is supported, found \(method)")
    }
    guard initialization == nil || initialization == "gaussian" else {
      throw ConfigurationError("init_type", "expected gaussian or null, found \(initialization ?? "")")
    }
    guard trainedWhole?.contains("") != true else {
      throw ConfigurationError("full_training_modules", "expected names, found an empty one")
    }
  }

  /// What the settings ask for.
  var adaptation: LowRankAdaptation {
    var adaptation = LowRankAdaptation(
      rank: rank, alpha: Double(alpha ?? 8), targets: targets?.selection ?? PolicySettings.adaptedLayers)
    adaptation.trainedWhole = trainedWhole ?? []
    adaptation.initializer = initialization == nil ? .uniform : .gaussian
    return adaptation
  }
}

/// A list of names, or a text that is a regular expression or `all-linear`.
enum AdapterTargets: ConfigurationValue, Equatable {
  case names([String])
  case text(String)

  static var typeDescription: String { "a list of names or a regular expression" }
  static var typeName: String { "List|str" }

  init(json: JSON) throws(ConfigurationValueError) {
    if let text = json.string { self = .text(text) } else { self = .names(try [String](json: json)) }
  }

  init(flag: String) throws(ConfigurationValueError) {
    self = flag.hasPrefix("[") && flag.hasSuffix("]") ? .names(try [String](flag: flag)) : .text(flag)
  }

  var json: JSON {
    switch self {
    case .names(let names): names.json
    case .text(let text): .string(text)
    }
  }

  fileprivate var selection: ModuleSelection {
    switch self {
    case .names(let names): .names(names)
    case .text(let text): text.lowercased() == "all-linear" ? .everyLinear : .pattern(text)
    }
  }
}

extension PretrainedPolicy {
  /// A line about the policy that an adapter changes, where that is a checkpoint of a run that removes its older ones; nil
  /// otherwise.
  var noticeOfBase: String? {
    guard let name = adapter?["base_model_name_or_path"]?.string, let base = ModelLocation.cached(name, holding: [])
    else { return nil }
    let checkpoints = base.resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
    guard checkpoints.lastPathComponent == "checkpoints",
      let settings = try? TrainConfigurationFiles.read(base.appendingPathComponent("train_config.json")),
      let kept = settings["keep_last_checkpoints"]?.integer, kept > 0
    else { return nil }
    return
      "the adapter needs \(base.path) as long as it is used, and the run there keeps its \(kept) newest checkpoints "
      + "(`keep_last_checkpoints`) and may remove it; copy it elsewhere and name the copy as `policy.path`, or `merge` the adapter"
  }

  /// What a training record keeps of an adapter: its settings, its layers and the weights that it changes; nil for a whole
  /// policy.
  ///
  /// - Parameters:
  ///   - origin: the checkpoint that the run starts from, which the adapter changes or is.
  ///   - modules: the world modality's modules, which are always trained whole.
  func adapterRecord(startingFrom origin: URL, besides modules: [String]) throws -> JSON? {
    guard let adapter else { return nil }
    let names = [
      "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "modules_to_save", "init_lora_weights",
    ]
    var members = (adapter.object ?? [:]).filter { names.contains($0.key) }
    // Arms differ in the world modality's modules by design.
    let own = (adapter["modules_to_save"]?.array ?? []).filter { !modules.contains($0.string ?? "") }
    members["modules_to_save"] = .array(own)
    members["layers"] = .array(policy.parameters.adapters.keys.map(JSON.string))
    let base = try AdapterConfiguration.base(of: origin) ?? origin
    members["base_sha256"] = .string(try MappedFile(base.appendingPathComponent(PolicyWeightsFile.whole)).sha256)
    return .object(members)
  }
}
