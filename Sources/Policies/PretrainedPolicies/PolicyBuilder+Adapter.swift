import Failures
import Foundation
import HuggingFaceHub
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import SmolVLA
import WorldModality

/// An adapter's folder, and the folder of the policy that it adapts.
struct AdapterWeights {
  /// The adapter, of exactly the layers that it has weights for.
  let configuration: AdapterConfiguration
  /// Its weights under the policy's names.
  let weights: StateDictionary
  /// The folder of the policy's own weights.
  let base: URL

  /// Reads an adapter; nil if the folder holds a whole policy.
  ///
  /// - Throws: weights that are not those of the layers and modules that its configuration names, and a base that is missing.
  init?(in folder: URL) throws {
    guard PolicyWeightsFile.isAdapter(folder) else { return nil }
    let configuration = try AdapterConfiguration(in: folder)
    let file = folder.appendingPathComponent(PolicyWeightsFile.adapter)
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw Failure(
        "\(folder.path) holds an adapter's configuration without \(PolicyWeightsFile.adapter), the only weights of an adapter "
          + "that are read here; save it with peft's `save_pretrained`, which writes them")
    }
    var weights: StateDictionary = [:]
    for (name, tensor) in try Tensor.load(file) {
      guard name.hasPrefix(ParameterStore.adapterPrefix) else {
        throw Failure(
          "\(file.path): \(name) is not a name of an adapter's weights, which begin with \(ParameterStore.adapterPrefix); save "
            + "the adapter with peft's `save_pretrained`, or merge it in Python and name the whole policy")
      }
      weights[String(name.dropFirst(ParameterStore.adapterPrefix.count))] = tensor
    }
    let layers = try Self.layers(of: weights, configuration, file)
    self.configuration = configuration.adapting(layers)
    self.weights = weights
    base = try configuration.base(of: folder)
  }

  /// The layers that have both factors, of a rank that the configuration names.
  private static func layers(
    of weights: StateDictionary, _ configuration: AdapterConfiguration, _ file: URL
  ) throws -> [String] {
    var layers: OrderedSet<String> = []
    for (name, tensor) in weights {
      guard let layer = LowRankAdaptation.layer(of: name) else {
        guard configuration.adaptation.trainsWhole(name) else {
          throw Failure(
            "\(file.path): \(name) is neither a low-rank factor nor of a module in the modules_to_save of "
              + "\(PolicyWeightsFile.adapterConfiguration)")
        }
        continue
      }
      guard tensor.dtype.isFloatingPoint, tensor.rank == 2 else {
        throw Failure(
          "\(file.path): expected \(name) to be a matrix of numbers, found \(tensor.dtype) of shape \(tensor.shape)")
      }
      guard try tensor.isFinite().allTrue() else {
        throw Failure("\(file.path): \(name) holds numbers that are not finite; the training that wrote it had failed")
      }
      guard configuration.selects(layer) else {
        throw Failure(
          "\(file.path) has weights for \(layer), which \(PolicyWeightsFile.adapterConfiguration) does not select "
            + "(target_modules, exclude_modules); bring the two files of one adapter together")
      }
      layers.append(layer)
    }
    for layer in layers {
      let factors = ["\(layer).lora_A.weight", "\(layer).lora_B.weight"].map { weights[$0]?.shape }
      guard let down = factors[0], let up = factors[1] else {
        throw Failure("\(file.path): \(layer) has only one of lora_A and lora_B")
      }
      guard configuration.ranks.contains(down[0]), up[1] == down[0] else {
        throw Failure(
          "\(file.path): the factors of \(layer) have shapes \(down) and \(up), which are not of the rank that "
            + "\(PolicyWeightsFile.adapterConfiguration) says (r \(configuration.adaptation.rank))")
      }
    }
    if let name = configuration.unserved(by: Array(weights.keys), layers.elements) {
      throw Failure(
        "\(file.path) has no weights for \(name), which \(PolicyWeightsFile.adapterConfiguration) names; bring the two files "
          + "of one adapter together")
    }
    guard !layers.isEmpty || weights.keys.contains(where: configuration.adaptation.trainsWhole) else {
      throw Failure("\(file.path) holds no weights of an adapter")
    }
    return layers.elements
  }
}

extension PolicySettings {
  /// The linear layers that LeRobot adapts unless others are named: queries and values of the action expert, and the small
  /// projections around it.
  public static let adaptedLayers = ModuleSelection.pattern(
    #"(model\.vlm_with_expert\.lm_expert\..*\.(q|v)_proj"#
      + #"|model\.(state_proj|action_in_proj|action_out_proj|action_time_mlp_in|action_time_mlp_out))"#)

  /// The modules that are new beside SmolVLA, which an adapter has to bring whole.
  var newModules: [String] { world?.modules ?? [] }
}

extension PolicyBuilder {
  /// The adapter that a new run trains: the one that it starts from, or a new one.
  mutating func adapter(of source: StartingPoint?) throws -> AdapterConfiguration? {
    if let adapter = source?.adapter {
      if adaptation != nil {
        notices.append(
          "\(source?.folder.path ?? "") is an adapter already (\(adapter.summary)), and the run continues it; the "
            + "settings of peft change nothing")
      }
      return adapter.training(whole: settings.newModules)
    }
    guard let adaptation else { return nil }
    guard let source else {
      throw Failure(
        "an adapter changes a trained policy: name one with `policy.path`, or leave the settings of peft out to train from scratch"
      )
    }
    return AdapterConfiguration(adaptation, of: name(of: source.folder)).training(whole: settings.newModules)
  }

  /// What the base of a new adapter is called: as the user did, and a folder by its whole path.
  private func name(of folder: URL) -> String {
    let given = settings.smolvla.compatibility.pretrainedPath ?? settings.world?.initialPolicyPath ?? ""
    let isRepository = HubRepository.isName(given) && !FileManager.default.fileExists(atPath: given)
    return isRepository ? given : folder.resolvingSymlinksInPath().standardizedFileURL.path
  }

  /// The whole policy that an adapter and the policy that it changes make, in float32.
  ///
  /// - Parameter folder: the adapter's `pretrained_model` folder.
  public mutating func merged(_ folder: URL) throws -> PretrainedPolicy {
    settings.smolvla.precision = .fp32
    var merged = try pretrained(folder)
    settings.smolvla.compatibility.usesPEFT = false
    merged.adapter = nil
    merged.configuration = settings.json
    return merged
  }

  /// Prepares a store for an adapter.
  func adapt(_ store: ParameterStore, _ adapter: AdapterConfiguration?) throws {
    guard let adapter else { return }
    guard !isTrained || !adapter.hasDropout else {
      throw Failure(
        "the adapter was trained with lora_dropout, which is not supported; train it in LeRobot, or merge it")
    }
    try store.adapt(adapter.adaptation)
  }

  /// Refuses an adaptation that names what cannot be adapted, or nothing.
  func checkAdapters(of store: ParameterStore) throws {
    guard store.adaptation != nil else { return }
    if let module = store.unadaptable.first {
      throw Failure("`peft.target_modules` selects \(module), and only linear layers can be adapted; name others")
    }
    guard store.adapters.isEmpty, !store.parameters.contains(where: { store.adaptation?.trains($0.name) == true })
    else {
      return
    }
    throw Failure(
      "`peft.target_modules` selects no linear layer of the policy; name ends of layers' names, such as q_proj")
  }
}

extension AdapterConfiguration {
  /// In a few words.
  public var summary: String { "rank \(adaptation.rank), alpha \(adaptation.alpha.formatted()) of \(baseName)" }

  /// The folder of the policy that an adapter's folder changes; nil if the folder holds a whole policy.
  public static func base(of folder: URL) throws -> URL? {
    guard PolicyWeightsFile.isAdapter(folder) else { return nil }
    return try AdapterConfiguration(in: folder).base(of: folder)
  }

  /// The folder of the policy that is adapted, whose weights are whole: where the file says, else, since that may be
  /// another machine's path, a folder of the same name beside the adapter's files.
  func base(of folder: URL) throws -> URL {
    let place = folder.appendingPathComponent(PolicyWeightsFile.adapterConfiguration)
    let beside = folder.appendingPathComponent((baseName as NSString).lastPathComponent)
    let base: URL
    do { base = try ModelLocation.directory(of: baseName, holding: ModelLocation.weights) } catch {
      guard FileManager.default.fileExists(atPath: beside.appendingPathComponent("config.json").path) else {
        throw Failure(
          "\(place.path) names \(baseName) as the policy that it adapts, which was not found: \(error); bring it there or "
            + "to \(beside.path), or correct base_model_name_or_path in that file")
      }
      base = beside
    }
    guard !PolicyWeightsFile.isAdapter(base) else {
      throw Failure("\(folder.path) adapts \(base.path), which is an adapter itself; merge that one first")
    }
    return base
  }
}
