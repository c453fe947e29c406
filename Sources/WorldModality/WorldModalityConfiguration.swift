/// What the action expert is shown during training.
public enum TrainingMemoryMode: String, Sendable, CaseIterable {
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
  /// Zeros.
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

/// The settings that `smolvla_world` adds to SmolVLA's.
public struct WorldModalityConfiguration: Sendable, Equatable {
  /// The dataset that the latents belong to (`dataset_repo_id`).
  public var datasetRepoID = ""
  /// The latent cache's folder (`cache_dir`).
  public var cacheDirectory = "cache"
  /// The kind of encoder, `vjepa` or `dino` (`world_latents_source`).
  public var latentsSource = "vjepa"
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
  public var gateInitialisation = 0.0
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
  public var logsAttention = false
  /// `log_grad_stats`
  public var logsGradients = false
  /// A SmolVLA checkpoint to start from (`init_from_policy_path`); empty for none.
  public var initialPolicyPath = ""
  /// Whether that checkpoint must fit without a missing or unexpected key (`init_from_strict`).
  public var isInitialPolicyStrict = false
  /// The encoder's repository or folder (`world_vision_model_name`).
  public var encoderName = "facebook/vjepa2-vitl-fpc64-256"
  /// m at rollout (`world_rollout_temporal_window`); 0 is as `latent_suffix` says.
  public var rolloutTemporalWindow = 0

  /// The published defaults.
  public init() {}
}

extension WorldModalityConfiguration {
  /// Refuses settings that cannot be built, by the flag that mends them.
  ///
  /// - Parameter expertWidth: the width of the action expert's hidden states, where it is known.
  public func check(expertWidth: Int? = nil) throws(WorldModalityError) {
    let sizes = [
      ("world_latent_dim", worldLatentDimension), ("context_frames", contextFrames), ("future_offset", futureOffset),
      ("world_inject_num_heads", injectionHeads), ("prophet_layers", prophetLayers), ("prophet_heads", prophetHeads),
    ]
    for (name, size) in sizes where !(1...1 << 16).contains(size) {
      throw WorldModalityError("--policy.\(name)=\(size): expected a whole number from 1 to 65536")
    }
    guard worldLatentDimension % prophetHeads == 0 else {
      throw WorldModalityError(
        "--policy.prophet_heads=\(prophetHeads) does not divide --policy.world_latent_dim=\(worldLatentDimension)")
    }
    if let expertWidth, expertWidth % injectionHeads != 0 {
      throw WorldModalityError(
        "--policy.world_inject_num_heads=\(injectionHeads) does not divide the action expert's width \(expertWidth)")
    }
    guard prophetDropout == 0 else {
      throw WorldModalityError("--policy.prophet_dropout=\(prophetDropout) is not supported; set it to 0")
    }
    guard worldLossWeight >= 0, worldLossWeight.isFinite, gateInitialisation.isFinite else {
      throw WorldModalityError("--policy.lambda_world must be 0 or more, and --policy.world_gate_init a number")
    }
    guard ["vjepa", "dino"].contains(latentsSource) else {
      throw WorldModalityError("--policy.world_latents_source=\(latentsSource): expected vjepa or dino")
    }
    try checkModes()
    _ = try temporalWindow()
  }

  private func checkModes() throws(WorldModalityError) {
    guard !isPredictorEnabled, isInjectionEnabled else { return }
    guard trainingMemory != .pred else {
      throw WorldModalityError(
        "--policy.world_memory_mode_train=pred needs the Prophet; set --policy.enable_world_predictor=true")
    }
    guard rolloutMemory == .zero || rolloutMemory == .random else {
      throw WorldModalityError(
        "--policy.world_memory_mode_rollout=\(rolloutMemory.rawValue) needs the Prophet; "
          + "set --policy.enable_world_predictor=true")
    }
  }

  /// m, the frames of each encoder clip: what `latent_suffix` says (`m4`, `m4_wrist` → 4; without an m, 1), with which
  /// a rollout window that is set must agree.
  ///
  /// - Throws: where both are given and differ, because a policy must see at rollout what it was trained on.
  public func temporalWindow() throws(WorldModalityError) -> Int {
    let named = Self.window(ofSuffix: latentSuffix)
    guard rolloutTemporalWindow != 0 else { return named ?? 1 }
    guard (1...1024).contains(rolloutTemporalWindow) else {
      throw WorldModalityError(
        "--policy.world_rollout_temporal_window=\(rolloutTemporalWindow): expected 0 (as latent_suffix says) to 1024")
    }
    guard rolloutTemporalWindow == named ?? rolloutTemporalWindow else {
      throw WorldModalityError(
        "--policy.world_rollout_temporal_window=\(rolloutTemporalWindow) differs from "
          + "--policy.latent_suffix=\(latentSuffix), whose clips have \(named ?? 1) frames; set it to 0")
    }
    return rolloutTemporalWindow
  }

  /// The frames that a suffix names: the first of its parts between underscores that is an m and a number.
  static func window(ofSuffix suffix: String) -> Int? {
    for part in suffix.split(separator: "_") where part.first == "m" {
      if let frames = Int(part.dropFirst()), (1...1024).contains(frames) { return frames }
    }
    return nil
  }

  /// The rollout memory that a flag names.
  ///
  /// - Throws: what is wrong with `oracle`, and the modes that there are.
  public static func rolloutMode(_ name: String) throws(WorldModalityError) -> RolloutMemoryMode {
    if let mode = RolloutMemoryMode(rawValue: name) { return mode }
    let modes = RolloutMemoryMode.allCases.map(\.rawValue).joined(separator: ", ")
    let reason = name == "oracle" ? "the true future is not known in closed loop" : "there is no such mode"
    throw WorldModalityError("--policy.world_memory_mode_rollout=\(name): \(reason); expected one of \(modes)")
  }
}
