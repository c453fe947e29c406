import Failures
import Foundation
import HuggingFaceHub
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import SmolVLA
import WorldEncoders
import WorldModality

/// Builds policies of every kind with their processors, from checkpoints or from scratch.
public struct PolicyBuilder {
  public var settings: PolicySettings
  public let device: Device
  /// New parameters follow from it.
  public let seed: Int
  /// Whether the policy is going to be trained; what an optimizer changes is then held in float32.
  public let isTrained: Bool
  /// The adapter that a new run trains in place of the whole policy; nil for none.
  public var adaptation: LowRankAdaptation?
  /// What a user should know, in whole lines.
  public internal(set) var notices: [String] = []

  public init(_ settings: PolicySettings, device: Device, seed: Int = 0, isTrained: Bool = true) {
    self.settings = settings
    self.device = device
    self.isTrained = isTrained
    self.seed = seed
  }

  /// The policy of a checkpoint as it was saved, for evaluation or to continue with its training.
  ///
  /// - Parameter folder: a `pretrained_model` folder.
  /// - Throws: keys that are missing, unexpected or of another shape, and statistics that are missing, listed.
  public mutating func pretrained(_ folder: URL) throws -> PretrainedPolicy {
    let source = try StartingPoint(folder, settings.smolvla)
    try followVersion(of: folder)
    let backbone = try backbone(besides: folder)
    var (before, after) = try processors(of: source, backbone)
    adoptStateSize(of: &before, in: folder)
    let store = try store(of: source.weights)
    try adapt(store, source.adapter)
    let policy = try build(store, backbone, besides: folder)
    try check(store, source, allowsNewParts: false)
    try before.checkStatistics()
    try after.checkStatistics()
    var pretrained = try assemble(policy, source.adapter, backbone, preprocessor: before, postprocessor: after)
    pretrained.documents = try WorldLatentsFingerprint.documents(in: folder)
    return pretrained
  }

  /// A new run's policy: weights and processor steps from `folder` where there is one, features and statistics from
  /// the dataset. Every arm of an experiment goes through here, so their processors cannot differ.
  public mutating func new(
    from folder: URL?, features: TrainingFeatures, renaming: OrderedDictionary<String, String>
  ) throws -> PretrainedPolicy {
    let source = try folder.map { try StartingPoint($0, settings.smolvla) }
    let adapter = try adapter(of: source)
    try followVersion(of: folder)
    notices += features.notices
    let statistics = adopt(features, from: folder)
    let backbone = try backbone(besides: folder)
    let policy: any Policy
    var (before, after): (Processor, Processor)
    if let source {
      let store = try store(of: source.weights)
      try adapt(store, adapter)
      policy = try build(store, backbone, besides: source.folder)
      try check(store, source, allowsNewParts: settings.world != nil)
      try checkAdapters(of: store)
      (before, after) = try processors(of: source, backbone)
    } else {
      let store = try store(of: backboneWeights(backbone))
      policy = try build(store, backbone, besides: nil)
      try checkBackbone(store, backbone)
      (before, after) = try fresh(backbone)
    }
    (before, after) = (try adopting(before, statistics), try adopting(after, statistics))
    try before.checkStatistics()
    try after.checkStatistics()
    return try assemble(
      policy, adapter, backbone, preprocessor: before.renaming(renaming), postprocessor: after)
  }

  /// A policy of given parameters, which stay their owner's: what changes them in place changes the policy. Where none are
  /// given, it has new ones.
  ///
  /// - Parameters:
  ///   - parameters: all of the policy's, under the checkpoint's names.
  ///   - folder: a checkpoint that the backbone or the encoder may lie beside, and whose version of LeRobot is followed.
  /// - Throws: parameters that are missing, unexpected or of another shape, listed.
  public mutating func policy(sharing parameters: StateDictionary, besides folder: URL? = nil) throws -> any Policy {
    try followVersion(of: folder)
    let backbone = try backbone(besides: folder)
    guard parameters.isEmpty else {
      let store = try store(of: parameters, isShared: true)
      let policy = try build(store, backbone, besides: folder)
      try Self.refuse(store.missing, store.unexpected, store.misshapen)
      return policy
    }
    // Those of a checkpoint are going to be replaced by its own.
    let store = try store(of: folder == nil ? backboneWeights(backbone) : [:])
    let policy = try build(store, backbone, besides: folder)
    if folder == nil { try checkBackbone(store, backbone) }
    return policy
  }

  // MARK: Parts

  private func store(of weights: StateDictionary, isShared: Bool = false) throws -> ParameterStore {
    let (smolvla, isTrained, device) = (settings.smolvla, isTrained, device)
    let precision = smolvla.precision(on: device)
    try TorchEngine.shared().allowTF32(precision == .tf32)
    return ParameterStore(
      loading: weights, isShared: isShared, seed: seed, device: device, precision: precision
    ) {
      smolvla.heldType(of: $0, $1, in: precision, on: device, isTrained: isTrained)
    }
  }

  /// The backbone's folder; its weights are fetched only where nothing else brings them.
  private func backbone(besides folder: URL?) throws -> URL {
    let needsWeights = folder == nil && settings.smolvla.compatibility.loadsVLMWeights
    return try settings.backboneFolder(
      besides: folder, holding: ["config.json", "tokenizer.json"] + (needsWeights ? ["model.safetensors"] : []))
  }

  private mutating func build(_ store: ParameterStore, _ directory: URL, besides folder: URL?) throws -> any Policy {
    let file = directory.appendingPathComponent("config.json")
    let backbone = try BackboneConfiguration(JSON(contentsOf: file), in: file.path)
    if isTrained { notices += [settings.smolvla.notice(of: backbone)].compactMap(\.self) }
    let tokens = settings.smolvla.addImageSpecialTokens ? try imageTokens(directory) : nil
    switch settings {
    case .smolvla(let settings):
      return try SmolVLAPolicy(settings, backbone: backbone, imageTokens: tokens, parameters: store)
    case .smolvlaWorld(let settings):
      let device = device
      let trainedWith = try folder.flatMap { try WorldLatentsFingerprint(in: $0) }
      return try SmolVLAWorldPolicy(settings, backbone: backbone, imageTokens: tokens, parameters: store) {
        let name = settings.world.encoderName
        if let folder { try trainedWith?.check(settings.world, of: folder) }
        let encoder = try settings.world.encoderFolder(besides: folder)
        try trainedWith?.check(encoder, named: name)
        return try settings.world.latentsSource.encoder(in: encoder, device: device)
      }
    }
  }

  private func imageTokens(_ directory: URL) throws -> ImageSpecialTokens {
    let tokenizer = try Tokenizer(directory: directory)
    guard let fake = tokenizer.id(ofToken: "<fake_token_around_image>"),
      let global = tokenizer.id(ofToken: "<global-img>")
    else { throw Failure("\(directory.path): the tokenizer has no tokens for images' borders") }
    return ImageSpecialTokens(fake: fake, global: global)
  }

  /// Takes the dataset's features; returns the statistics that the run is to have, nil for the checkpoint's own.
  private mutating func adopt(_ features: TrainingFeatures, from folder: URL?) -> StateDictionary? {
    let before = settings.smolvla
    settings.smolvla.inputFeatures = features.inputs
    settings.smolvla.outputFeatures = features.outputs
    let keepsOwn = folder != nil && before.normalization == .checkpoint
    if folder != nil, before.inputFeatures != features.inputs || before.outputFeatures != features.outputs {
      func names(_ features: PolicyFeatures) -> String {
        features.map { "\($0.key) \($0.value.shape)" }.joined(separator: ", ")
      }
      notices.append(
        "the checkpoint's features (\(names(before.inputFeatures.merging(before.outputFeatures) { $1 }))) give way to "
          + "the dataset's (\(names(features.inputs.merging(features.outputs) { $1 }))), "
          + (keepsOwn ? "and its statistics stay" : "with the dataset's statistics"))
    }
    return keepsOwn ? nil : features.statistics
  }

  /// A backbone that is a folder travels with the checkpoint, under its own last name.
  private mutating func assemble(
    _ policy: any Policy, _ adapter: AdapterConfiguration?, _ backbone: URL, preprocessor: Processor,
    postprocessor: Processor
  ) throws -> PretrainedPolicy {
    var attachments: [Attachment] = []
    var preprocessor = preprocessor
    let isSnapshot = backbone.deletingLastPathComponent().lastPathComponent == "snapshots"
    if !isSnapshot {
      let name = backbone.lastPathComponent
      // LeRobot reads a backbone's weights where it is told so, before it puts the checkpoint's into their place.
      attachments.append(Attachment(backbone, hasWeights: settings.smolvla.compatibility.loadsVLMWeights))
      settings.smolvla.backboneName = name
      preprocessor = preprocessor.namingTokenizer(name)
    }
    settings.smolvla.compatibility.usesPEFT = adapter != nil
    var pretrained = PretrainedPolicy(
      policy: policy, preprocessor: preprocessor, postprocessor: postprocessor, configuration: settings.json,
      attachments: attachments)
    pretrained.adapter = adapter?.json(adapting: policy.parameters.adapters.keys.elements)
    return pretrained
  }
}
