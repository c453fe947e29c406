import Foundation
import LibTorch
import NeuralNetworks
import RobotPolicies

/// LeRobot's `VLAFlowMatching`: a vision-language prefix and an action expert trained by flow matching.
struct SmolVLAModel {
  let vision: VisionTower
  let connector: Connector
  let language: LanguageModel
  let expert: ActionExpert
  let stateProjection, actionInput, actionOutput, timeInput, timeOutput: Linear
  let configuration: SmolVLAConfiguration
  let precision: Precision
  /// The type of the products with frozen parameters.
  let productType: DType
  private let timeScales = TensorCache<Device>()
  let specialTokens = TensorCache<SpecialTokens>()
  /// Token ids put before and after each image, where the configuration asks for them.
  let imageTokens: ImageSpecialTokens?

  init(
    _ scope: ParameterScope, _ configuration: SmolVLAConfiguration, _ backbone: BackboneConfiguration,
    imageTokens: ImageSpecialTokens?
  ) throws {
    self.configuration = configuration
    (precision, productType) = (scope.precision, scope.productType)
    self.imageTokens = imageTokens
    let vlm = scope["vlm_with_expert"]["vlm"]
    let deviation = backbone.text.initializerRange
    // LeRobot's tower is bfloat16 where its weights are the published ones.
    vision = try VisionTower(
      vlm["model"]["vision_model"], backbone.vision, deviation: deviation,
      patches: PatchPositions(
        version: configuration.lerobotVersion ?? .current,
        dtype: configuration.compatibility.loadsVLMWeights ? .bfloat16 : .float32))
    connector = try Connector(vlm["model"]["connector"], backbone)
    if backbone.text.tiesWordEmbeddings {
      vlm["lm_head"].tie("weight", to: "weight", of: vlm["model"]["text_model"]["embed_tokens"])
    }
    language = try LanguageModel(
      vlm["model"]["text_model"], backbone.text, layers: configuration.languageLayers(backbone.text))
    if !backbone.text.tiesWordEmbeddings {
      // Never used; kept so that a checkpoint leaves as whole as it came.
      _ = try Linear(
        kept: vlm["lm_head"], inputs: backbone.text.hiddenSize, outputs: backbone.text.vocabularySize,
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
    _ actions: Tensor, time: Tensor, cache: PrefixCache, refinement: Refinement
  ) throws -> Tensor {
    let suffix = try embedSuffix(actions, time: time)
    let refined = try refinement.suffix?(suffix) ?? suffix
    let hidden = try precision.products(with: expert.norm.weight) { try expert(refined, cache: cache) }.to(.float32)
    return try actionOutput(refinement.hidden?(hidden) ?? hidden)
  }
}

/// Ids that stand for no word, on a device.
struct SpecialTokens: Hashable {
  let ids: [Int]
  let device: Device
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
