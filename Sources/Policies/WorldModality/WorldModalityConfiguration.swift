import LayeredSettings
import WorldEncoders

/// What the action expert is shown during training.
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
}

/// What the action expert is shown in closed loop.
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
  var readsHistory: Bool { self != .zero && self != .random }

  /// The modes, and why `oracle` is not among them.
  public static var typeDescription: String {
    "one of " + allCases.map(\.rawValue).joined(separator: ", ")
      + " (the true future, oracle, is not known in closed loop)"
  }
}

/// The settings that `smolvla_world` adds to SmolVLA's.
public struct WorldModalityConfiguration: Sendable, Equatable {
  /// The dataset that the latents belong to (`dataset_repo_id`).
  public var datasetRepoID = ""
  /// The latent cache's folder (`cache_dir`).
  public var cacheDirectory = "cache"
  /// The kind of encoder (`world_latents_source`).
  public var latentsSource = LatentsSource.vjepa
  /// What tells caches of one source apart, such as `m4` (`latent_suffix`).
  public var latentSuffix = "m4"
  /// D, a latent's dimension (`world_latent_dim`).
  public var worldLatentDimension = 1024
  /// T, latents of the past (`context_frames`).
  public var contextFrames = 4
  /// K, latents predicted (`future_offset`).
  public var futureOffset = 8
  /// λ, the weight of the world loss (`lambda_world`).
  public var worldLossWeight = 0.2
  /// Whether the action expert reads the memory (`enable_world_injection`).
  public var isInjectionEnabled = true
  /// Heads of the gated cross-attention (`world_inject_num_heads`).
  public var injectionHeads = 8
  /// The gate's first value (`world_gate_init`).
  public var gateInitialization = 0.0
  /// `world_memory_mode_train`
  public var trainingMemory = TrainingMemoryMode.pred
  /// `world_memory_mode_rollout`
  public var rolloutMemory = RolloutMemoryMode.pred
  /// Whether there is a Prophet (`enable_world_predictor`).
  public var isPredictorEnabled = true
  /// `prophet_layers`
  public var prophetLayers = 2
  /// `prophet_heads`
  public var prophetHeads = 8
  /// `prophet_dropout`; only 0 is built.
  public var prophetDropout = 0.0
  /// Whether the Prophet predicts changes since now (`delta_prediction`).
  public var isDeltaPrediction = true
  /// `log_attn_stats`
  public var logsAttention = true
  /// `log_grad_stats`
  public var logsGradients = true
  /// A SmolVLA checkpoint to start from (`init_from_policy_path`); empty for none.
  public var initialPolicyPath = ""
  /// Whether that checkpoint must fit without a missing or unexpected key (`init_from_strict`).
  public var isInitialPolicyStrict = false
  /// The encoder's repository or folder (`world_vision_model_name`); the source's published one until another is given.
  public var encoderName: String {
    get { givenEncoderName ?? latentsSource.defaultEncoderName }
    set { givenEncoderName = newValue }
  }
  private var givenEncoderName: String?
  /// The camera whose frames become latents (`world_camera`).
  public var camera = WorldCamera.front
  /// m at rollout (`world_rollout_temporal_window`); 0 is as `latent_suffix` says.
  public var rolloutTemporalWindow = 0

  public init() {}
}
