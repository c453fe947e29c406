import Failures
import LayeredSettings
import ModelFiles
import OrderedCollections
import RobotPolicies

/// The mean that the action loss takes.
public enum ActionLoss: String, Sendable, CaseIterable, ConfigurationValue {
  /// Over the real action dimensions of steps inside the episode.
  case valid
  /// Over all padded dimensions and steps, as LeRobot 0.4.4.
  case padded
}

/// Where a new run's statistics come from.
public enum StatisticsSource: String, Sendable, CaseIterable, ConfigurationValue {
  /// The dataset that is trained on, which is LeRobot's rule.
  case dataset
  /// The checkpoint that is started from.
  case checkpoint
}

/// SmolVLA's settings under LeRobot's names, with LeRobot's defaults.
public struct SmolVLAConfiguration: ConfigurationSection, Equatable {
  public var inputFeatures: PolicyFeatures = [:]
  public var outputFeatures: PolicyFeatures = [:]
  /// `cpu`, `cuda` or `cuda:N`; empty takes a GPU where there is one.
  public var device: String? = nil
  public var chunkSize = 50
  /// Actions of a plan that are carried out before the next one.
  public var actionSteps = 50
  /// Numbers that a state is padded to.
  public var maxStateDimension = 32
  /// Numbers that an action is padded to.
  public var maxActionDimension = 32
  public var imageSize: [Int]? = [512, 512]
  /// Cameras that are always absent.
  public var emptyCameras = 0
  /// Tokens of an instruction; longer ones are cut.
  public var tokenizerMaxLength = 48
  /// Euler steps from noise to a plan.
  public var denoisingSteps = 10
  /// Whether the vision tower stays as it is.
  public var freezeVisionEncoder = true
  /// Whether the whole backbone stays as it is.
  public var trainExpertOnly = true
  /// Whether the state's projection is trained.
  public var trainStateProjection = true
  /// The learning rate at its peak.
  public var learningRate = 1e-4
  /// AdamW's decay rates of the gradient's first and second moment.
  public var betas = [0.9, 0.95]
  public var epsilon = 1e-8
  public var weightDecay = 1e-10
  /// Largest norm of all gradients together.
  public var gradientClip = 10.0
  /// Steps to the peak learning rate.
  public var warmupSteps = 1000
  /// Steps of the cosine; shrinks with the number of steps.
  public var decaySteps = 30_000
  /// The learning rate at the cosine's end.
  public var finalLearningRate = 2.5e-6
  /// The folder or repository of the backbone's config and tokenizer.
  public var backboneName = "HuggingFaceTB/SmolVLM2-500M-Video-Instruct"
  /// Whether each image stands between the backbone's tokens for it.
  public var addImageSpecialTokens = false
  /// `cross_attn` or `self_attn`: how the expert sees the prefix.
  public var attentionMode = "cross_attn"
  /// Tokens that the prefix is padded to; negative for none. It changes no result.
  public var prefixLength = -1
  /// `longest` of the batch or `max_length`.
  public var padLanguageTo = "longest"
  /// Layers of the action expert; as many as the language model's where it is 0 or less.
  public var expertLayers = -1
  /// Layers of the language model that are kept; all where it is 0 or less.
  public var vlmLayers = 16
  /// Every how many layers prefix and actions attend jointly.
  public var selfAttentionEveryLayers = 2
  /// The expert's width as a share of the backbone's.
  public var expertWidthMultiplier = 0.75
  /// Shortest period of the time's embedding.
  public var minPeriod = 0.004
  /// Longest period of the time's embedding.
  public var maxPeriod = 4.0
  /// The mean that the action loss takes.
  public var actionLoss = ActionLoss.valid
  /// Where a new run's statistics come from.
  public var normalization = StatisticsSource.dataset
  /// Whether numbers are added up in LeRobot's order, which is slower and spares the last rounding error: what `probe`
  /// does, not a setting of files or flags.
  public var usesReferenceOrder = false
  /// Fields of LeRobot's that change nothing here, or only where they ask for what is not supported.
  public var inert = InertSmolVLASettings()

  public init() {}

  /// The flags and JSON keys, under LeRobot's names.
  public static var fields: [Field<Self>] {
    [
      .init("input_features", \.inputFeatures, help: "what it reads; taken from the dataset"),
      .init("output_features", \.outputFeatures, help: "what it plans; taken from the dataset"),
      .init(
        "device", \.device, help: "cpu, cuda or cuda:N (cuda is also ROCm's name); null takes a GPU if there is one"),
      .init("chunk_size", \.chunkSize, help: "actions in a plan"),
      .init("n_action_steps", \.actionSteps, help: "actions carried out before the next plan"),
      .init("max_state_dim", \.maxStateDimension, help: "the state is padded to this"),
      .init("max_action_dim", \.maxActionDimension, help: "actions are padded to this"),
      .init("resize_imgs_with_padding", \.imageSize, help: "width and height that images are brought to"),
      .init("empty_cameras", \.emptyCameras, help: "cameras that may be absent"),
      .init("tokenizer_max_length", \.tokenizerMaxLength, help: "longer instructions are cut"),
      .init("num_steps", \.denoisingSteps, help: "denoising steps of a plan"),
      .init("freeze_vision_encoder", \.freezeVisionEncoder, help: "keep the vision tower as it is"),
      .init("train_expert_only", \.trainExpertOnly, help: "keep the whole backbone as it is"),
      .init("train_state_proj", \.trainStateProjection, help: "train the state's projection"),
      .init("optimizer_lr", \.learningRate, help: "learning rate at its peak"),
      .init("optimizer_betas", \.betas, help: "AdamW's decay rates"),
      .init("optimizer_eps", \.epsilon, help: "AdamW's epsilon"),
      .init("optimizer_weight_decay", \.weightDecay, help: "AdamW's weight decay"),
      .init("optimizer_grad_clip_norm", \.gradientClip, help: "largest norm of the gradients"),
      .init("scheduler_warmup_steps", \.warmupSteps, help: "steps to the peak"),
      .init("scheduler_decay_steps", \.decaySteps, help: "steps of the cosine; shrinks with the number of steps"),
      .init("scheduler_decay_lr", \.finalLearningRate, help: "learning rate at the cosine's end"),
      .init("vlm_model_name", \.backboneName, help: "directory or repository of the backbone's config and tokenizer"),
      .init("add_image_special_tokens", \.addImageSpecialTokens, help: "enclose images by the backbone's tokens"),
      .init("attention_mode", \.attentionMode, help: "cross_attn or self_attn"),
      .init("prefix_length", \.prefixLength, help: "pad the prefix to this; changes no result"),
      .init("pad_language_to", \.padLanguageTo, help: "longest or max_length"),
      .init("num_expert_layers", \.expertLayers, help: "0 or less: as many as the backbone's"),
      .init("num_vlm_layers", \.vlmLayers, help: "layers of the backbone that are kept"),
      .init("self_attn_every_n_layers", \.selfAttentionEveryLayers, help: "which layers attend jointly"),
      .init("expert_width_multiplier", \.expertWidthMultiplier, help: "the expert's width, of the backbone's"),
      .init("min_period", \.minPeriod, help: "shortest period of the time embedding"),
      .init("max_period", \.maxPeriod, help: "longest period of the time embedding"),
      .init("action_loss", \.actionLoss, owner: .program, help: "mean over valid entries, or padded as LeRobot 0.4.4"),
      .init(
        "normalization", \.normalization, owner: .program,
        help: "statistics of a new run: the dataset's or the checkpoint's"),
      .embedded(\.inert),
    ]
  }

  /// Layers of the language model that are kept.
  func languageLayers(_ text: TextConfiguration) -> Int {
    vlmLayers > 0 ? min(vlmLayers, text.layers) : text.layers
  }

  /// The same settings with a camera that is always absent for each of `empty_cameras`, as LeRobot adds them.
  public func withEmptyCameras() -> SmolVLAConfiguration {
    var configuration = self
    for index in 0..<max(0, emptyCameras) {
      configuration.inputFeatures["\(BatchKey.images)empty_camera_\(index)"] = PolicyFeature(.visual, [3, 480, 640])
    }
    return configuration
  }

  /// The mode of each type of feature, `normalization_mapping`.
  public func normalizationModes() throws -> OrderedDictionary<FeatureType, NormalizationMode> {
    try RobotPolicies.normalizationModes(.object(inert.normalizationMapping), in: "normalization_mapping")
  }

  func actionDimension() throws -> Int {
    guard let feature = outputFeatures["action"], feature.shape.count == 1 else {
      throw Failure("smolvla: output_features has no action with one dimension")
    }
    return feature.shape[0]
  }

  /// The settings as LeRobot's config.json holds them: `type` first, and none that LeRobot would refuse.
  public var checkpointJSON: JSON {
    var members: OrderedDictionary<String, JSON> = ["type": "smolvla"]
    members.merge(json(ownedBy: .lerobot).object ?? [:]) { $1 }
    return .object(members)
  }
}
