import Failures
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
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

/// How the action expert attends to the backbone's keys and values.
public enum AttentionMode: String, Sendable, CaseIterable, ConfigurationValue {
  /// By cross-attention, except in every n-th layer.
  case cross = "cross_attn"
  /// Jointly in every layer.
  case joint = "self_attn"
}

/// The length that a batch's instructions are padded to.
public enum LanguagePadding: String, Sendable, CaseIterable, ConfigurationValue {
  /// The longest of the batch.
  case longest
  /// `tokenizer_max_length`.
  case maximum = "max_length"
}

/// SmolVLA's settings under LeRobot's names, with LeRobot's defaults.
public struct SmolVLAConfiguration: ConfigurationSection, Equatable {
  @Setting("input_features", help: "inputs by name; taken from the dataset") public var inputFeatures: PolicyFeatures =
    [:]
  @Setting("output_features", help: "outputs by name; taken from the dataset") public var outputFeatures:
    PolicyFeatures = [:]
  @Setting("device", help: "cpu, cuda or cuda:N (cuda is also ROCm's name); null takes a GPU if there is one")
  public var device: String?
  @Setting("chunk_size", in: 1...4096, help: "actions of a chunk") public var chunkSize = 50
  @Setting("n_action_steps", in: 1...4096, help: "actions executed before the next chunk is planned")
  public var actionSteps = 50
  @Setting("max_state_dim", in: 1...65_536, help: "dimension that the state is padded to")
  public var maxStateDimension = 32
  @Setting("max_action_dim", in: 1...65_536, help: "dimension that actions are padded to")
  public var maxActionDimension = 32
  @Setting("resize_imgs_with_padding", in: 1...4096, help: "width and height that images are resized and padded to")
  public var imageSize: [Int]? = [512, 512]
  @Setting("empty_cameras", in: 0...64, help: "cameras that may be absent") public var emptyCameras = 0
  @Setting(
    "tokenizer_max_length", in: 1...4096, help: "maximum number of instruction tokens; longer ones are truncated")
  public var tokenizerMaxLength = 48
  @Setting("num_steps", in: 1...10_000, help: "denoising steps per chunk") public var denoisingSteps = 10
  @Setting("freeze_vision_encoder", help: "freeze the vision tower") public var freezeVisionEncoder = true
  @Setting("train_expert_only", help: "freeze the whole backbone") public var trainExpertOnly = true
  @Setting("train_state_proj", help: "train the state projection") public var trainStateProjection = true
  @SettingsGroup(prefix: "optimizer_") public var optimizer = AdamWSettings(
    learningRate: 1e-4, betas: [0.9, 0.95], weightDecay: 1e-10)
  @Setting("scheduler_warmup_steps", in: 0...1 << 40, help: "warm-up steps") public var warmupSteps = 1000
  @Setting("scheduler_decay_steps", in: 1...1 << 40, help: "steps of the cosine decay; scaled down for shorter runs")
  public var decaySteps = 30_000
  @Setting("scheduler_decay_lr", in: 0...1e30, help: "learning rate at the end of the decay")
  public var finalLearningRate = 2.5e-6
  @Setting("vlm_model_name", help: "directory or repository of the backbone's config and tokenizer")
  public var backboneName = "HuggingFaceTB/SmolVLM2-500M-Video-Instruct"
  @Setting("add_image_special_tokens", help: "enclose image tokens in the backbone's special tokens")
  public var addImageSpecialTokens = false
  @Setting("attention_mode", help: "how the expert attends to the backbone") public var attentionMode = AttentionMode
    .cross
  @Setting("prefix_length", in: -1...65_536, help: "length that the prefix is padded to; does not change results")
  public var prefixLength = -1
  @Setting("pad_language_to", help: "length that instructions are padded to") public var padLanguageTo = LanguagePadding
    .longest
  @Setting("num_expert_layers", in: -1...1024, help: "layers of the expert; 0 or less for as many as the backbone's")
  public var expertLayers = -1
  @Setting("num_vlm_layers", in: -1...1024, help: "layers of the backbone to keep") public var vlmLayers = 16
  @Setting("self_attn_every_n_layers", in: -1...1024, help: "every n-th layer attends jointly to backbone and expert")
  public var selfAttentionEveryLayers = 2
  @Setting("expert_width_multiplier", in: 0.001...16, help: "width of the expert relative to the backbone's")
  public var expertWidthMultiplier = 0.75
  @Setting("min_period", in: 1e-9...1e9, help: "shortest period of the time embedding") public var minPeriod = 0.004
  @Setting("max_period", in: 1e-9...1e9, help: "longest period of the time embedding") public var maxPeriod = 4.0
  @Setting("action_loss", owner: .program, help: "mean over valid entries, or over padded ones too as in LeRobot 0.4.4")
  public var actionLoss = ActionLoss.valid
  @Setting(
    "lerobot_version", owner: .program,
    help:
      "0.6 or 0.4: whose places of patches, and whose choice of what train_expert_only=false trains; null is the "
      + "checkpoint's, else 0.6")
  public var lerobotVersion: LeRobotVersion?
  @Setting("normalization", owner: .program, help: "statistics of a new run: the dataset's or the checkpoint's")
  public var normalization = StatisticsSource.dataset
  @Setting(
    "precision", owner: .program,
    help:
      "fp32, tf32 or bf16 arithmetic; null is bf16 for published weights where the hardware multiplies it faster, else fp32"
  )
  public var precision: Precision?
  @SettingsGroup public var compatibility = LeRobotCompatibilitySettings()
  /// Whether numbers are added up in LeRobot's order, which is slower and spares the last rounding error: what `probe`
  /// does, not a setting of files or flags.
  public var usesReferenceOrder = false

  public init() {}

  /// The arithmetic on a device: what is asked for, or bf16 for published weights where the hardware multiplies it faster.
  public func precision(on device: Device) -> Precision {
    // A CPU has no TF32.
    if let precision { return precision == .tf32 && device == .cpu ? .fp32 : precision }
    if compatibility.usesAutomaticMixedPrecision { return .bf16 }
    return compatibility.loadsVLMWeights && device.multipliesBFloat16 ? .bf16 : .fp32
  }

  /// Whether ``lerobotVersion`` changes what is computed.
  public var dependsOnLeRobotVersion: Bool { !compatibility.loadsVLMWeights || !trainExpertOnly }

  /// Layers of the language model that are kept.
  func languageLayers(_ text: TextConfiguration) -> Int {
    vlmLayers > 0 ? min(vlmLayers, text.layers) : text.layers
  }

  /// A line for a user who asks for more layers than a backbone has; all are kept then, as LeRobot does. Nil if there is none.
  public func notice(of backbone: BackboneConfiguration) -> String? {
    let layers = backbone.text.layers
    return vlmLayers > layers ? "`num_vlm_layers=\(vlmLayers)` keeps all \(layers) layers of the backbone" : nil
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
    try RobotPolicies.normalizationModes(.object(compatibility.normalizationMapping), in: "normalization_mapping")
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
