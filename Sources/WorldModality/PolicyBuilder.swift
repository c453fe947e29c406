import Foundation
import HuggingFaceHub
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Policies
import SmolVLA
import Torch

/// Builds policies of every kind with their processors, from checkpoints or from scratch.
public struct PolicyBuilder {
  /// The settings, complete.
  public var settings: PolicySettings
  /// Where the parameters live.
  public let device: Device
  /// New parameters follow from it.
  public let seed: Int
  /// What a user should know, in whole lines.
  public private(set) var notices: [String] = []

  /// What a checkpoint's folder must hold.
  public static let files = ["config.json", "model.safetensors"]

  /// A builder of one policy.
  public init(_ settings: PolicySettings, device: Device, seed: Int = 0) {
    self.settings = settings
    self.device = device
    self.seed = seed
  }

  /// The policy of a checkpoint as it was saved, for evaluation or to go on with its training.
  ///
  /// - Parameter folder: a `pretrained_model` folder.
  /// - Throws: keys that are missing, unexpected or of another shape, listed.
  public mutating func pretrained(_ folder: URL) throws -> PretrainedPolicy {
    let store = try self.store(loading: folder)
    let (policy, backbone) = try build(store, besides: folder)
    try check(store, folder: folder, allowsNewParts: false)
    let (before, after) = try saved(folder)
    return try assemble(policy, backbone, preprocessor: before, postprocessor: after)
  }

  /// A new run's policy: weights and processor steps from `folder` where there is one, features and statistics from
  /// the dataset. Every arm of an experiment goes through here, so their processors cannot differ.
  public mutating func new(
    from folder: URL?, features: TrainingFeatures, renaming: OrderedDictionary<String, String>
  ) throws -> PretrainedPolicy {
    guard folder != nil || !settings.smolvla.inert.loadsVLMWeights else {
      throw PolicyError(
        "--policy.load_vlm_weights=true is not supported yet; start from a checkpoint (--policy.path), or leave it at "
          + "false to train the backbone from scratch")
    }
    adopt(features, from: folder)
    let store = if let folder { try self.store(loading: folder) } else { ParameterStore(seed: seed, device: device) }
    let (policy, backbone) = try build(store, besides: folder)
    if let folder { try check(store, folder: folder, allowsNewParts: settings.world != nil) }
    var (before, after) = if let folder { try saved(folder) } else { try fresh(backbone) }
    if settings.smolvla.normalization == .dataset || folder == nil {
      before = try before.adopting(
        statistics: features.statistics, inputs: features.inputs, outputs: features.outputs)
      after = try after.adopting(
        statistics: features.statistics, inputs: features.inputs, outputs: features.outputs)
    }
    return try assemble(
      policy, backbone, preprocessor: before.renaming(renaming), postprocessor: after)
  }

  // MARK: Parts

  private func store(loading folder: URL) throws -> ParameterStore {
    let weights = folder.appendingPathComponent("model.safetensors")
    return ParameterStore(loading: try Tensor.load(weights), seed: seed, device: device)
  }

  private func build(_ store: ParameterStore, besides folder: URL?) throws -> (any Policy, URL) {
    let name = settings.smolvla.backboneName
    let directory = try ModelLocation.directory(
      of: name, besides: folder, holding: ["config.json", "tokenizer.json"])
    let file = directory.appendingPathComponent("config.json")
    let backbone = try BackboneConfiguration(JSON(contentsOf: file), in: file.path)
    let tokens = settings.smolvla.addImageSpecialTokens ? try imageTokens(directory) : nil
    switch settings {
    case .smolvla(let settings):
      return (
        try SmolVLAPolicy(settings, backbone: backbone, imageTokens: tokens, parameters: store), directory
      )
    case .smolvlaWorld(let settings):
      let device = device
      let policy = try SmolVLAWorldPolicy(
        settings, backbone: backbone, imageTokens: tokens, parameters: store
      ) {
        let encoder = try ModelLocation.directory(
          of: settings.world.encoderName, besides: folder, holding: VJEPA2Encoder.files)
        return try VJEPA2Encoder(directory: encoder, device: device)
      }
      return (policy, directory)
    }
  }

  private func imageTokens(_ directory: URL) throws -> ImageSpecialTokens {
    let tokenizer = try Tokenizer(directory: directory)
    guard let fake = tokenizer.id(ofToken: "<fake_token_around_image>"),
      let global = tokenizer.id(ofToken: "<global-img>")
    else { throw PolicyError("\(directory.path): the tokenizer has no tokens for images' borders") }
    return ImageSpecialTokens(fake: fake, global: global)
  }

  private mutating func adopt(_ features: TrainingFeatures, from folder: URL?) {
    let before = settings.smolvla
    settings.smolvla.inputFeatures = features.inputs
    settings.smolvla.outputFeatures = features.outputs
    if folder != nil, before.inputFeatures != features.inputs || before.outputFeatures != features.outputs {
      func names(_ features: PolicyFeatures) -> String {
        features.map { "\($0.key) \($0.value.shape)" }.joined(separator: ", ")
      }
      notices.append(
        "the checkpoint names other features (\(names(before.inputFeatures))); taking the dataset's: "
          + names(features.inputs))
    }
  }

  private mutating func check(_ store: ParameterStore, folder: URL, allowsNewParts: Bool) throws {
    let isNew = { (name: String) in name.hasPrefix("prophet.") || name.hasPrefix("model.world_inject.") }
    let missing = store.missing.filter { !(allowsNewParts && isNew($0)) }
    var problems: [String] = []
    if !missing.isEmpty { problems.append("missing: \(missing.joined(separator: ", "))") }
    if !store.unexpected.isEmpty { problems.append("unexpected: \(store.unexpected.joined(separator: ", "))") }
    if !store.misshapen.isEmpty { problems.append("of another shape: \(store.misshapen.joined(separator: "; "))") }
    guard !problems.isEmpty else { return }
    let sentence = "\(folder.path)/model.safetensors does not fit the model; " + problems.joined(separator: "; ")
    if allowsNewParts, settings.world?.isInitialPolicyStrict == false {
      notices.append(sentence)
    } else {
      throw PolicyError(sentence)
    }
  }

  private func saved(_ folder: URL) throws -> (Processor, Processor) {
    let find = { (name: String) in
      try ModelLocation.directory(of: name, besides: folder, holding: ["tokenizer.json"])
    }
    return (
      try Processor(named: "policy_preprocessor", in: folder, findTokenizer: find),
      try Processor(named: "policy_postprocessor", in: folder, findTokenizer: find)
    )
  }

  /// The steps that LeRobot gives a new SmolVLA; statistics come later.
  private func fresh(_ backbone: URL) throws -> (Processor, Processor) {
    let smolvla = settings.smolvla
    let modes: OrderedDictionary<FeatureType, NormalizationMode> = [
      .visual: .identity, .state: .meanStandardDeviation, .action: .meanStandardDeviation,
    ]
    let unfilled = try Normalization(features: [:], modes: modes, statistics: [:])
    let place: JSON = ["device": .string(device == .cpu ? "cpu" : "cuda"), "float_dtype": nil]
    let tokenize = TokenizerStep(
      maxLength: smolvla.tokenizerMaxLength, padding: smolvla.padLanguageTo, tokenizerName: smolvla.backboneName,
      tokenizer: try Tokenizer(directory: backbone))
    return (
      Processor(
        name: "policy_preprocessor",
        steps: [.rename([:]), .toBatch, .newLine, .tokenize(tokenize), .device(place), .normalize(unfilled)]),
      Processor(
        name: "policy_postprocessor",
        steps: [.unnormalize(unfilled), .device(["device": "cpu", "float_dtype": nil])])
    )
  }

  /// A backbone that is a folder travels with the checkpoint, under its own last name.
  private mutating func assemble(
    _ policy: any Policy, _ backbone: URL, preprocessor: Processor, postprocessor: Processor
  ) throws -> PretrainedPolicy {
    var attachments: [URL] = []
    var preprocessor = preprocessor
    let isSnapshot = backbone.deletingLastPathComponent().lastPathComponent == "snapshots"
    if !isSnapshot {
      let name = backbone.lastPathComponent
      attachments.append(backbone)
      settings.smolvla.backboneName = name
      preprocessor = preprocessor.namingTokenizer(name)
    }
    return PretrainedPolicy(
      policy: policy, preprocessor: preprocessor, postprocessor: postprocessor, configuration: settings.json,
      attachments: attachments)
  }
}
