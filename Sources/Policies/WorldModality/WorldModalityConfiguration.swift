import LayeredSettings
import ModelFiles
import WorldEncoders

/// What the policy is shown of the future during training.
public enum TrainingMemoryMode: String, Sendable, CaseIterable, ConfigurationValue {
  /// The Prophet's prediction.
  case pred
  /// The true future; in training only.
  case oracle
  /// Zeros: the control for the added capacity.
  case zero
  /// True futures of other samples of the batch.
  case shuffle
  /// Standard normal numbers.
  case random

  /// The memory in closed loop of a policy that was trained so; the true future is not known there.
  public var inClosedLoop: RolloutMemoryMode {
    switch self {
    case .pred, .oracle: .pred
    case .zero: .zero
    case .shuffle: .shuffle
    case .random: .random
    }
  }
}

/// What the policy is shown of the future in closed loop.
public enum RolloutMemoryMode: String, Sendable, CaseIterable {
  /// The Prophet's prediction.
  case pred
  case zero
  /// Standard normal numbers.
  case random
  /// Normal numbers rescaled to the prediction's root mean square.
  case randomScaled = "random_scaled"
  /// The predictions of other rows of the batch.
  case shuffle
  /// The prediction times a fixed ±1 for each dimension, which keeps its norm.
  case signflip
}

extension RolloutMemoryMode: ConfigurationValue {
  /// Whether it starts from a prediction, and so from latents of the past.
  public var readsHistory: Bool { self != .zero && self != .random }

  /// The modes, and why `oracle` is not among them.
  public static var typeDescription: String {
    "one of " + allCases.map(\.rawValue).joined(separator: ", ")
      + " (the true future, oracle, is not known in closed loop)"
  }
}

/// Which tokens of SmolVLA's may attend to the memory's tokens in the prefix.
public enum WorldPrefixBlock: String, Sendable, CaseIterable, ConfigurationValue {
  /// State and actions.
  case state
  /// Images and language too.
  case prefix
}

/// The settings that `smolvla_world` adds to SmolVLA's, under their published names.
public struct WorldModalityConfiguration: ConfigurationSection, Equatable {
  @Setting("dataset_repo_id", help: "dataset that the latents belong to") public var datasetRepoID = ""
  @Setting("cache_dir", help: "folder of the latent cache") public var cacheDirectory = "cache"
  @Setting("world_latents_source", help: "kind of encoder: vjepa (V-JEPA 2) or dino (DINOv2)")
  public var latentsSource = LatentsSource.vjepa
  @Setting("latent_suffix", help: "distinguishes caches of one source; mN stands for clips of N frames")
  public var latentSuffix = "m4"
  @Setting("world_latent_dim", in: 1...65_536, help: "dimension of a latent, the encoder's hidden size")
  public var worldLatentDimension = 1024
  /// T.
  @Setting("context_frames", in: 1...1024, help: "past latents that the Prophet reads") public var contextFrames = 4
  /// K.
  @Setting("future_offset", in: 1...1024, help: "future latents that it predicts") public var futureOffset = 8
  /// λ.
  @Setting("lambda_world", in: 0...1e6, help: "weight of the world loss") public var worldLossWeight = 0.2
  @Setting("enable_world_injection", help: "let the action expert's hidden states read the memory, at its output")
  public var isInjectionEnabled = true
  @Setting("world_inject_suffix_in", help: "let the actions' embeddings read the memory, before the expert")
  public var isSuffixInjectionEnabled = false
  @Setting("world_inject_num_heads", in: 1...1024, help: "heads of the gated cross-attention of each of these two")
  public var injectionHeads = 8
  @Setting("world_gate_init", in: -100...100, help: "initial value of their gates, before the tanh")
  public var gateInitialization = 0.0
  @Setting(
    "world_prefix_tokens", in: 0...1024, help: "latents of the memory, nearest first, that join the prefix as tokens")
  public var prefixTokens = 0
  @Setting("world_prefix_block", help: "who attends to them: state (and actions), or prefix (images, language too)")
  public var prefixBlock = WorldPrefixBlock.state
  @Setting("world_prefix_cross_attn", help: "let the prefix's embeddings read the memory, without tokens of its own")
  public var isPrefixInjectionEnabled = false
  @Setting("world_prefix_num_heads", in: 1...1024, help: "heads of that gated cross-attention")
  public var prefixHeads = 8
  @Setting("world_prefix_gate_init", in: -100...100, help: "initial value of the prefix's gate, before the tanh")
  public var prefixGateInitialization = 0.0
  @Setting("world_memory_mode_train", help: "memory that the policy reads during training")
  public var trainingMemory = TrainingMemoryMode.pred
  @Setting(
    "world_memory_mode_rollout",
    help: "memory that the policy reads in closed loop; null derives it from training (oracle becomes pred)")
  private var givenRolloutMemory: RolloutMemoryMode?
  @Setting("enable_world_predictor", help: "train a Prophet") public var isPredictorEnabled = true
  @Setting("prophet_layers", in: 1...64, help: "layers of the Prophet") public var prophetLayers = 2
  @Setting("prophet_heads", in: 1...1024, help: "attention heads of the Prophet") public var prophetHeads = 8
  @Setting("prophet_dropout", in: 0...1, help: "dropout of the Prophet; only 0") public var prophetDropout = 0.0
  @Setting("delta_prediction", help: "predict changes from the present latent instead of latents")
  public var isDeltaPrediction = true
  @Setting("log_attn_stats", help: "log statistics of what reads the memory") public var logsAttention = true
  @Setting("log_grad_stats", help: "log gradient norms of Prophet and of what reads the memory")
  public var logsGradients = true
  @Setting("init_from_policy_path", help: "SmolVLA checkpoint to start from; empty for none")
  public var initialPolicyPath = ""
  @Setting("init_from_strict", help: "refuse that checkpoint if a key is missing or unexpected")
  public var isInitialPolicyStrict = false
  @Setting(
    "world_vision_model_name",
    help: "repository or folder of the encoder; null for dino means \(LatentsSource.dino.defaultEncoderName)")
  private var givenEncoderName: String?
  @Setting("world_camera", help: "camera whose frames become latents: front, wrist or its name") public var camera =
    WorldCamera.front
  @Setting(
    "world_rollout_temporal_window", in: 0...1024, help: "frames of a clip in closed loop; 0 follows latent_suffix")
  public var rolloutTemporalWindow = 0

  public init() {}

  /// Whether the memory enters anywhere.
  public var readsMemory: Bool {
    isInjectionEnabled || isSuffixInjectionEnabled || prefixTokens > 0 || isPrefixInjectionEnabled
  }

  /// The encoder's repository or folder (`world_vision_model_name`); the source's published one until another is given.
  public var encoderName: String {
    get { givenEncoderName ?? latentsSource.defaultEncoderName }
    set { givenEncoderName = newValue }
  }

  /// The memory in closed loop; that of the training until another is given, which is then an ablation.
  public var rolloutMemory: RolloutMemoryMode {
    get { givenRolloutMemory ?? trainingMemory.inClosedLoop }
    set { givenRolloutMemory = newValue }
  }

  public func derivedValue(of name: String) -> JSON? {
    switch name {
    case "world_vision_model_name": .string(encoderName)
    case "world_memory_mode_rollout": .string(rolloutMemory.rawValue)
    default: nil
    }
  }
}
