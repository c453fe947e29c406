import Foundation
import LibTorch
import NeuralNetworks
import RobotPolicies

/// Everything the actions may look at: images and instruction, then the robot's state.
struct Prefix {
  /// Images and language, [B, C, width].
  let context: Tensor
  /// bool [B, C]
  let contextVisible: Tensor
  /// [B, 1, width]
  let state: Tensor

  /// bool [B, C + 1]
  func visible() throws -> Tensor {
    let state = try Tensor.ones([context.size(0), 1], dtype: .bool, device: context.device)
    return try Tensor.concatenation([contextVisible, state], dimension: 1)
  }
}

/// What the action expert reads of a prefix, and how; computed once for all denoising steps.
struct PrefixCache {
  let layers: [KeyValueCache]
  let context: SuffixContext
}

/// LeRobot's `VLAFlowMatching`: a vision-language prefix and an action expert trained by flow matching.
struct SmolVLAModel {
  let vision: VisionTower
  let connector: Connector
  let language: LanguageModel
  let expert: ActionExpert
  let stateProjection, actionInput, actionOutput, timeInput, timeOutput: Linear
  let configuration: SmolVLAConfiguration
  let precision: Precision
  private let timeScales = TensorCache<Device>()
  /// Token ids put before and after each image, where the configuration asks for them.
  let imageTokens: ImageSpecialTokens?

  init(
    _ scope: ParameterScope, _ configuration: SmolVLAConfiguration, _ backbone: BackboneConfiguration,
    imageTokens: ImageSpecialTokens?
  ) throws {
    self.configuration = configuration
    precision = scope.precision
    self.imageTokens = imageTokens
    let vlm = scope["vlm_with_expert"]["vlm"]
    let deviation = backbone.text.initializerRange
    // LeRobot's tower is bfloat16 where its weights are the published ones, and they were trained with those positions.
    vision = try VisionTower(
      vlm["model"]["vision_model"], backbone.vision, deviation: deviation,
      positionDType: configuration.compatibility.loadsVLMWeights ? .bfloat16 : .float32)
    connector = try Connector(vlm["model"]["connector"], backbone)
    if backbone.text.tiesWordEmbeddings {
      vlm["lm_head"].tie("weight", to: "weight", of: vlm["model"]["text_model"]["embed_tokens"])
    }
    language = try LanguageModel(
      vlm["model"]["text_model"], backbone.text, layers: configuration.languageLayers(backbone.text))
    if !backbone.text.tiesWordEmbeddings {
      // Never used; kept so that a checkpoint leaves as whole as it came.
      _ = try Linear(
        vlm["lm_head"], inputs: backbone.text.hiddenSize, outputs: backbone.text.vocabularySize, bias: false,
        weights: .normal(standardDeviation: deviation))
    }
    expert = try ActionExpert(scope["vlm_with_expert"]["lm_expert"], configuration, backbone.text)
    let (width, actions) = (expert.width, configuration.maxActionDimension)
    stateProjection = try Linear(
      scope["state_proj"], inputs: configuration.maxStateDimension, outputs: backbone.text.hiddenSize)
    actionInput = try Linear(scope["action_in_proj"], inputs: actions, outputs: width)
    actionOutput = try Linear(scope["action_out_proj"], inputs: width, outputs: actions)
    timeInput = try Linear(scope["action_time_mlp_in"], inputs: 2 * width, outputs: width)
    timeOutput = try Linear(scope["action_time_mlp_out"], inputs: width, outputs: width)
  }

  // MARK: Prefix

  /// - Parameters:
  ///   - images: the cameras in order.
  ///   - tokens: int64 [B, L]; `tokenMask`: bool [B, L].
  ///   - state: [B, max_state_dim]
  func embedPrefix(
    images: [PreparedImages], tokens: Tensor, tokenMask: Tensor, state: Tensor
  ) throws -> Prefix {
    let batch = tokens.size(0)
    var parts: [Tensor] = []
    var visible: [Tensor] = []
    func addSpecial(_ ids: [Int]) throws {
      let embedded = try language.embedding(Tensor(ids, shape: [1, ids.count], device: tokens.device))
      parts.append(try embedded.expanded([batch, ids.count, embedded.size(2)]))
      visible.append(try Tensor.ones([batch, ids.count], dtype: .bool, device: tokens.device))
    }
    for image in images {
      if let imageTokens { try addSpecial(imageTokens.before) }
      let embedded = try features(of: image.content)
      parts.append(try embedded * Double(embedded.size(2)).squareRoot())
      visible.append(try image.present.unsqueezed(1).expanded([batch, embedded.size(1)]))
      if let imageTokens { try addSpecial(imageTokens.after) }
    }
    let words = try language.embedding(tokens)
    parts.append(try words * Double(words.size(2)).squareRoot())
    visible.append(try tokenMask.to(.bool))
    return Prefix(
      context: try Tensor.concatenation(parts, dimension: 1),
      contextVisible: try Tensor.concatenation(visible, dimension: 1),
      state: try stateProjection(state).unsqueezed(1))
  }

  /// What tower and connector give for images, [B, tokens, width].
  func features(of images: PreparedImages.Content) throws -> Tensor {
    switch images {
    case .features(let features): return features
    case .pixels(let pixels):
      guard configuration.trainExpertOnly, !configuration.usesReferenceOrder else { return try embed(pixels) }
      return try inGroups(pixels, embed)
    }
  }

  private func embed(_ pixels: Tensor) throws -> Tensor {
    let patches = try precision.products(with: vision.positionEmbedding.weight) { try vision(pixels) }
    return try precision.products(with: connector.projection.weight) { try connector(patches) }
  }

  /// Applies `body` to groups of one size, so that a row's last bits do not depend on the rows beside it: a frozen part
  /// gives an image the same features in every batch.
  private func inGroups(_ rows: Tensor, _ body: (Tensor) throws -> Tensor) throws -> Tensor {
    let (count, size) = (rows.size(0), rows.device == .cpu ? 1 : 8)
    var parts: [Tensor] = []
    for start in stride(from: 0, to: count, by: size) {
      let indices = (start..<start + size).map { min($0, count - 1) }
      let group = try rows.indexSelect(
        dimension: 0, indices: Tensor(indices, shape: [size], device: rows.device))
      parts.append(try body(group))
    }
    return try Tensor.concatenation(parts, dimension: 0).slice(dimension: 0, 0..<count)
  }

  /// Runs the language model over the prefix.
  ///
  /// Images and instruction cannot see the state, so they are turned into keys and values first and alone: with a
  /// frozen backbone no gradient is recorded for them, and only the state's token is followed backwards.
  func cache(of prefix: Prefix) throws -> PrefixCache {
    let visible = try prefix.visible()
    let layers = try precision.products(with: language.norm.weight) { try keysValues(of: prefix, visible: visible) }
    return PrefixCache(
      layers: try precision.products(with: expert.norm.weight) { try expert.cache(of: layers) },
      context: try SuffixContext(visible: visible, length: configuration.chunkSize, expert.headDimension))
  }

  private func keysValues(of prefix: Prefix, visible: Tensor) throws -> [KeyValueCache] {
    let positions = try visible.to(.int64).cumsum(dimension: 1) - 1
    let (batch, context) = (visible.size(0), prefix.context.size(1))
    if configuration.trainExpertOnly, !configuration.usesReferenceOrder {
      let contextMask = try AttentionMask.additive(prefix.contextVisible.reshaped([batch, 1, 1, context]))
      let past = try language.keysValues(
        of: prefix.context, positions: positions.slice(dimension: 1, 0..<context), mask: contextMask)
      let stateMask = try AttentionMask.additive(visible.reshaped([batch, 1, 1, context + 1]))
      let state = try language.keysValues(
        of: prefix.state, positions: positions.slice(dimension: 1, context..<context + 1), mask: stateMask, after: past)
      var joined: [KeyValueCache] = []
      for (past, state) in zip(past, state) { joined.append(try past.appending(state)) }
      return joined
    }
    let tokens = try Tensor.concatenation([prefix.context, prefix.state], dimension: 1)
    return try language.keysValues(
      of: tokens, positions: positions, mask: jointMask(visible),
      maskedSuffixLength: configuration.usesReferenceOrder ? expert.maskedSuffixLengths(configuration.chunkSize) : nil)
  }

  /// The mask of a prefix taken in one piece: all see what is visible, and only the state sees the state.
  private func jointMask(_ visible: Tensor) throws -> Tensor {
    let (batch, length) = (visible.size(0), visible.size(1))
    let isState = try Tensor.arange(length, device: visible.device)
      .equals(Tensor([length - 1], shape: [1], device: visible.device))
    // A token may look at another unless that is the state and it is not.
    let allowed = try isState.unsqueezed(1).or(isState.not().unsqueezed(0))
    return try AttentionMask.additive(
      visible.reshaped([batch, 1, 1, length]).and(allowed.reshaped([1, 1, length, length])))
  }

  // MARK: Suffix

  /// Noisy actions [B, S, max_action_dim] and times [B] → [B, S, width].
  func embedSuffix(_ actions: Tensor, time: Tensor) throws -> Tensor {
    let embedded = try actionInput(actions)
    let times = try timeEmbedding(time).unsqueezed(1).expanded(embedded.shape)
    return try timeOutput(timeInput(Tensor.concatenation([embedded, times], dimension: 2)).silu())
  }

  /// Sines and cosines of the time at periods from `min_period` to `max_period`, computed in float64; [B, width].
  private func timeEmbedding(_ time: Tensor) throws -> Tensor {
    let scale = try timeScales(time.device) {
      let (low, high) = (configuration.minPeriod, configuration.maxPeriod)
      let fraction = try Tensor.linspace(0, 1, count: expert.width / 2, dtype: .float64, device: time.device)
      return try (fraction.pow(base: high / low) * low).reciprocal() * 2 * Double.pi
    }
    let angles = try scale.unsqueezed(0) * time.to(.float64).unsqueezed(1)
    return try Tensor.concatenation([angles.sin(), angles.cos()], dimension: 1).to(.float32)
  }

  /// The velocity that flow matching predicts, [B, S, max_action_dim].
  func velocity(
    _ actions: Tensor, time: Tensor, cache: PrefixCache, refine: SmolVLAPolicy.Refinement
  ) throws -> Tensor {
    let suffix = try embedSuffix(actions, time: time)
    let hidden = try precision.products(with: expert.norm.weight) { try expert(suffix, cache: cache) }
    return try actionOutput(refine(hidden.to(.float32)))
  }
}

/// The ids of the tokens that enclose an image.
public struct ImageSpecialTokens: Sendable, Equatable {
  /// Fake token, global-image token.
  public let before: [Int]
  /// Fake token.
  public let after: [Int]

  /// Takes the two ids from the backbone's tokenizer.
  public init(fake: Int, global: Int) {
    before = [fake, global]
    after = [fake]
  }
}
