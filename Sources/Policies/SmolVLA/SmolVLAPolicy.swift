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

  /// Builds the policy's model from a store, under LeRobot's names (`model.…`).
  ///
  /// - Throws: settings that do not fit each other or the backbone.
  public init(
    _ configuration: SmolVLAConfiguration, backbone: BackboneConfiguration, imageTokens: ImageSpecialTokens?,
    parameters: ParameterStore
  ) throws {
    let configuration = configuration.withEmptyCameras()
    try configuration.validate()
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
    try parameters.setTrainable(where: configuration.isTrainable)
  }

  /// Whether a parameter is trained, by its name in the checkpoint.
  public func isTrainable(_ name: String) -> Bool { configuration.isTrainable(name) }

  /// The width of the expert's hidden states.
  public var expertWidth: Int { model.expert.width }
  /// The width of the prefix's embeddings.
  public var languageWidth: Int { model.stateProjection.weight.size(0) }

  // MARK: Training

  /// The flow-matching loss of a batch, and its parts for the log.
  public func loss(of batch: Batch, random: CountedRandom) throws -> PolicyLoss {
    let loss = try actionLoss(of: batch, random: random, refinement: Refinement())
    return PolicyLoss(total: loss, metrics: ["loss": loss])
  }

  /// The action loss with what a policy around it changes.
  public func actionLoss(of batch: Batch, random: CountedRandom, refinement: Refinement) throws -> Tensor {
    try reduce(actionLosses(of: batch, random: random, refinement: refinement), batch)
  }

  /// The squared errors behind the action loss, [B, S, max_action_dim].
  public func actionLosses(
    of batch: Batch, random: CountedRandom, refinement: Refinement = Refinement()
  ) throws -> Tensor {
    let actions = try paddedActions(of: batch)
    let (shape, device) = (actions.shape, actions.device)
    let noise =
      if batch[BatchKey.noise] != nil { try batch.require(BatchKey.noise, shape: shape) } else {
        try FlowDraw.noise(shape, random, device)
      }
    let time =
      if batch[BatchKey.time] != nil { try batch.require(BatchKey.time, shape: [shape[0]]) } else {
        try FlowDraw.times(shape[0], random, device)
      }
    return try model.losses(
      of: actions, noise: noise, time: time, cache: cache(of: batch, refinement), refinement: refinement)
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
    try actionChunk(for: batch, random: random, refinement: Refinement())
  }

  /// Plans with what a policy around it changes.
  public func actionChunk(
    for batch: Batch, random: [CountedRandom], refinement: Refinement
  ) throws -> Tensor {
    try withoutGradients {
      let shape = [random.count, configuration.chunkSize, configuration.maxActionDimension]
      let noise: Tensor
      if batch[BatchKey.noise] != nil {
        noise = try batch.require(BatchKey.noise, shape: shape)
      } else {
        let rows = try random.map { try FlowDraw.noise(Array(shape.dropFirst()), $0, .cpu) }
        noise = try Tensor.stack(rows).to(parameters.device)
      }
      return try model.sample(from: noise, cache: cache(of: batch, refinement), refinement: refinement)
        .slice(dimension: 2, 0..<actionDimension)
    }
  }

  // MARK: Inputs

  private func cache(of batch: Batch, _ refinement: Refinement) throws -> PrefixCache {
    let prefix = try prefix(of: batch)
    return try model.cache(
      of: refinement.prefix.map { try prefix.changed(by: $0) } ?? prefix, tokens: refinement.tokens)
  }

  func prefix(of batch: Batch) throws -> Prefix {
    let tokens = try batch.require(BatchKey.tokens, shape: [-1, -1])
    var state = try batch.require(BatchKey.state)
    if state.rank > 2 { state = try state.select(dimension: 1, index: state.size(1) - 1) }
    return try model.embedPrefix(
      images: ImagePreparation.images(of: batch, configuration), tokens: tokens,
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
