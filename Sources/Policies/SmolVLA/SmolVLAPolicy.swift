import CounterBasedRandom
import Failures
import LibTorch
import NeuralNetworks
import RobotPolicies

/// SmolVLA: from cameras, instruction and state to a chunk of actions.
///
/// A policy that adds something to SmolVLA wraps it and passes a ``Refinement``.
public final class SmolVLAPolicy: InspectablePolicy {
  public let configuration: SmolVLAConfiguration
  /// The backbone's and the expert's parameters, under LeRobot's names.
  public let parameters: ParameterStore
  /// Features, chunk size and action steps, as the settings say.
  public let interface: PolicyInterface
  let model: SmolVLAModel
  private let actionDimension: Int
  /// What is frozen however the language model is trained: what LeRobot 0.6 takes for parts that nothing reads.
  private let frozen: [String]
  private let recordedPlan = RecordedFunction()

  /// Builds the policy's model from a store, under LeRobot's names (`model.…`).
  ///
  /// - Throws: settings that do not fit each other or the backbone.
  public init(
    _ configuration: SmolVLAConfiguration, backbone: BackboneConfiguration, imageTokens: ImageSpecialTokens?,
    parameters: ParameterStore
  ) throws {
    let configuration = configuration.withEmptyCameras()
    try configuration.validateAll()
    try configuration.check(backbone, imageTokens: imageTokens)
    self.configuration = configuration
    self.parameters = parameters
    actionDimension = try configuration.actionDimension()
    interface = PolicyInterface(
      inputs: configuration.inputFeatures, outputs: configuration.outputFeatures,
      chunkSize: configuration.chunkSize, actionSteps: configuration.actionSteps)
    model = try SmolVLAModel(
      parameters.root["model"], configuration, backbone,
      imageTokens: configuration.addImageSpecialTokens ? imageTokens : nil)
    let text = "model.vlm_with_expert.vlm.model.text_model."
    frozen =
      configuration.lerobotVersion == .former
      ? [] : [text + "norm.", text + "layers.\(configuration.languageLayers(backbone.text) - 1)."]
    try parameters.setTrainable(where: isTrainable)
  }

  /// Whether a parameter is trained, by its name in the checkpoint.
  public func isTrainable(_ name: String) -> Bool {
    configuration.isTrainable(name) && !frozen.contains { name.hasPrefix($0) }
  }

  /// The width of the expert's hidden states.
  public var expertWidth: Int { model.expert.width }
  /// The width of the prefix's embeddings.
  public var languageWidth: Int { model.stateProjection.weight.size(0) }

  // MARK: Training

  /// The batch with flow matching's noise and times.
  public func drawing(for batch: Batch, random: CountedRandom) throws -> Batch {
    var drawn = batch
    let actions = try batch.require(BatchKey.action)
    if batch[BatchKey.noise] == nil {
      let shape = [actions.size(0), configuration.chunkSize, configuration.maxActionDimension]
      drawn[BatchKey.noise] = try FlowDraw.noise(shape, random, actions.device)
    }
    if batch[BatchKey.time] == nil {
      drawn[BatchKey.time] = try FlowDraw.times(actions.size(0), random, actions.device)
    }
    return drawn
  }

  /// The flow-matching loss of a batch, and its parts for the log.
  public func loss(of batch: Batch) throws -> PolicyLoss {
    let loss = try actionLoss(of: batch, refinement: Refinement())
    return PolicyLoss(total: loss, metrics: ["loss": loss])
  }

  /// The action loss with what a policy around it changes.
  public func actionLoss(of batch: Batch, refinement: Refinement) throws -> Tensor {
    try reduce(actionLosses(of: batch, refinement: refinement), batch)
  }

  /// The squared errors behind the action loss, [B, S, max_action_dim].
  public func actionLosses(of batch: Batch, refinement: Refinement = Refinement()) throws -> Tensor {
    let actions = try paddedActions(of: batch)
    return try model.losses(
      of: actions, noise: batch.require(BatchKey.noise, shape: actions.shape),
      time: batch.require(BatchKey.time, shape: [actions.size(0)]), cache: cache(of: batch, refinement),
      refinement: refinement)
  }

  private func reduce(_ losses: Tensor, _ batch: Batch) throws -> Tensor {
    guard configuration.actionLoss == .valid else { return try losses.mean() }
    let real = try losses.slice(dimension: 2, 0..<actionDimension)
    guard batch[BatchKey.actionIsPad] != nil else { return try real.mean() }
    let isPad = try batch.require(BatchKey.actionIsPad, shape: Array(losses.shape.prefix(2))).to(.bool)
    let valid = try isPad.not().to(.float32).unsqueezed(-1)
    // At least one, so that a batch of padding alone gives 0 and not NaN.
    let count = try (valid.sum() * Double(actionDimension)).clamp(min: 1)
    return try (real * valid).sum() / count
  }

  // MARK: Planning

  /// Plans actions [B, chunk, action] from noise, by Euler steps along the learned flow.
  public func actionChunk(for batch: Batch, random: [CountedRandom]) throws -> Tensor {
    try actionChunk(for: batch, random: random) { _ in Refinement() }
  }

  /// Plans with what a policy around it changes.
  ///
  /// - Parameters:
  ///   - variant: tells refinements apart that differ in more than the batch; see ``RecordedFunction``.
  ///   - refinement: made from the batch, which then holds the noise too.
  public func actionChunk(
    for batch: Batch, random: [CountedRandom], variant: String = "", refinement: (Batch) throws -> Refinement
  ) throws -> Tensor {
    try withoutGradients {
      let shape = [random.count, configuration.chunkSize, configuration.maxActionDimension]
      var drawn = batch
      if batch[BatchKey.noise] == nil {
        let rows = try random.map { try FlowDraw.noise(Array(shape.dropFirst()), $0, .cpu) }
        drawn[BatchKey.noise] = try Tensor.stack(rows).to(parameters.device)
      }
      let noise = try drawn.require(BatchKey.noise, shape: shape)
      return try recordedPlan(drawn, variant, on: noise.device) { batch in
        let refinement = try refinement(batch)
        let actions = try model.sample(
          from: batch.require(BatchKey.noise), cache: cache(of: batch, refinement, isPlanning: true),
          refinement: refinement)
        return Batch([BatchKey.action: try actions.slice(dimension: 2, 0..<actionDimension)])
      }.require(BatchKey.action)
    }
  }

  // MARK: Inputs

  private func cache(of batch: Batch, _ refinement: Refinement, isPlanning: Bool = false) throws -> PrefixCache {
    let prefix = try prefix(of: batch, isPlanning: isPlanning)
    return try model.cache(
      of: refinement.prefix.map { try prefix.changed(by: $0) } ?? prefix, tokens: refinement.tokens,
      isPlanning: isPlanning)
  }

  func prefix(of batch: Batch, isPlanning: Bool = false) throws -> Prefix {
    let tokens = try batch.require(BatchKey.tokens, shape: [-1, -1])
    var state = try batch.require(BatchKey.state)
    if state.rank > 2 { state = try state.select(dimension: 1, index: state.size(1) - 1) }
    return try model.embedPrefix(
      images: ImagePreparation.images(of: batch, configuration), isPlanning: isPlanning, tokens: tokens,
      tokenMask: batch.require(BatchKey.tokenMask, shape: tokens.shape),
      state: padded(state, to: configuration.maxStateDimension, BatchKey.state, "max_state_dim"))
  }

  func paddedActions(of batch: Batch) throws -> Tensor {
    let actions = try batch.require(BatchKey.action, shape: [-1, configuration.chunkSize, actionDimension])
    return try padded(actions, to: configuration.maxActionDimension, BatchKey.action, "max_action_dim")
  }

  private func padded(_ vector: Tensor, to width: Int, _ key: String, _ setting: String) throws -> Tensor {
    let missing = width - vector.size(-1)
    guard missing >= 0 else {
      throw Failure("\(key) has \(vector.size(-1)) numbers, the policy takes at most `\(setting)=\(width)`")
    }
    return missing == 0 ? vector : try vector.padded([0, missing])
  }
}
