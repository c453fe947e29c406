import Failures
import LayeredSettings
import WorldEncoders

extension WorldModalityConfiguration: ConfigurationSection {
  /// The settings under their published names.
  public static var fields: [Field<Self>] {
    cacheFields + injectionFields + prophetFields + [
      .init("log_attn_stats", \.logsAttention, help: "log what the gated attention does"),
      .init("log_grad_stats", \.logsGradients, help: "log the gradients' norms of injection and Prophet"),
      .init("init_from_policy_path", \.initialPolicyPath, help: "a SmolVLA checkpoint to start from; empty for none"),
      .init(
        "init_from_strict", \.isInitialPolicyStrict,
        help: "refuse that checkpoint where a key is missing or unexpected"),
      .init(
        "world_vision_model_name", \.encoderName,
        help: "the encoder's repository or folder; dino's default is \(LatentsSource.dino.defaultEncoderName)"),
      .init("world_camera", \.camera, help: "the camera whose frames become latents"),
      .init(
        "world_rollout_temporal_window", \.rolloutTemporalWindow,
        help: "frames of a clip at rollout; 0 is as latent_suffix says"),
    ]
  }

  private static var cacheFields: [Field<Self>] {
    [
      .init("dataset_repo_id", \.datasetRepoID, help: "the dataset that the latents belong to"),
      .init("cache_dir", \.cacheDirectory, help: "the latent cache's folder"),
      .init("world_latents_source", \.latentsSource, help: "the kind of encoder: vjepa (V-JEPA 2) or dino (DINOv2)"),
      .init("latent_suffix", \.latentSuffix, help: "tells caches of one source apart; mN says clips of N frames"),
      .init("world_latent_dim", \.worldLatentDimension, help: "a latent's dimension, the encoder's hidden size"),
      .init("context_frames", \.contextFrames, help: "latents of the past that the Prophet reads"),
      .init("future_offset", \.futureOffset, help: "latents of the future that it predicts"),
    ]
  }

  private static var injectionFields: [Field<Self>] {
    [
      .init("lambda_world", \.worldLossWeight, help: "weight of the world loss"),
      .init("enable_world_injection", \.isInjectionEnabled, help: "let the action expert read the memory"),
      .init("world_inject_num_heads", \.injectionHeads, help: "heads of the gated cross-attention"),
      .init("world_gate_init", \.gateInitialization, help: "the gate's first value, before its tanh"),
      .init("world_memory_mode_train", \.trainingMemory, help: "what the expert is shown during training"),
      .init("world_memory_mode_rollout", \.rolloutMemory, help: "what the expert is shown in closed loop"),
    ]
  }

  private static var prophetFields: [Field<Self>] {
    [
      .init("enable_world_predictor", \.isPredictorEnabled, help: "train a Prophet"),
      .init("prophet_layers", \.prophetLayers, help: "its layers"),
      .init("prophet_heads", \.prophetHeads, help: "its attention heads"),
      .init("prophet_dropout", \.prophetDropout, help: "its dropout; only 0"),
      .init("delta_prediction", \.isDeltaPrediction, help: "predict changes since now, not latents"),
    ]
  }

  /// Refuses settings that cannot be built, alone or together.
  public func validate() throws(ConfigurationError) {
    let sizes = [
      ("world_latent_dim", worldLatentDimension), ("context_frames", contextFrames), ("future_offset", futureOffset),
      ("world_inject_num_heads", injectionHeads), ("prophet_layers", prophetLayers), ("prophet_heads", prophetHeads),
    ]
    for (name, size) in sizes where !(1...1 << 16).contains(size) {
      throw ConfigurationError(name, "expected an integer from 1 to 65536, found \(size)")
    }
    guard worldLatentDimension % prophetHeads == 0 else {
      throw ConfigurationError(
        "prophet_heads", "expected a divisor of world_latent_dim (\(worldLatentDimension)), found \(prophetHeads)")
    }
    guard prophetDropout == 0 else {
      throw ConfigurationError("prophet_dropout", "expected 0, the only one supported, found \(prophetDropout)")
    }
    guard worldLossWeight >= 0, worldLossWeight.isFinite else {
      throw ConfigurationError("lambda_world", "expected 0 or more, found \(worldLossWeight)")
    }
    guard gateInitialization.isFinite else {
      throw ConfigurationError("world_gate_init", "expected a finite number, found \(gateInitialization)")
    }
    try validateModes()
    try validateWindow()
  }

  private func validateModes() throws(ConfigurationError) {
    guard !isPredictorEnabled, isInjectionEnabled else { return }
    guard trainingMemory != .pred else {
      throw ConfigurationError("world_memory_mode_train", "pred needs the Prophet; set enable_world_predictor=true")
    }
    guard rolloutMemory == .zero || rolloutMemory == .random else {
      throw ConfigurationError(
        "world_memory_mode_rollout", "\(rolloutMemory.rawValue) needs the Prophet; set enable_world_predictor=true")
    }
  }

  private func validateWindow() throws(ConfigurationError) {
    guard (0...1024).contains(rolloutTemporalWindow) else {
      throw ConfigurationError(
        "world_rollout_temporal_window", "expected 0 (as latent_suffix says) to 1024, found \(rolloutTemporalWindow)")
    }
    guard let named = Self.window(ofSuffix: latentSuffix), rolloutTemporalWindow != 0, rolloutTemporalWindow != named
    else { return }
    throw ConfigurationError(
      "world_rollout_temporal_window",
      "expected 0 or the \(named) frames of latent_suffix=\(latentSuffix), found \(rolloutTemporalWindow); a policy "
        + "must see at rollout what it was trained on")
  }

  /// Refuses settings that cannot be built, by the flag that fixes them.
  ///
  /// - Parameter expertWidth: the width of the action expert's hidden states.
  public func check(expertWidth: Int) throws {
    do throws(ConfigurationError) {
      try validate()
      guard expertWidth % injectionHeads == 0 else {
        throw ConfigurationError(
          "world_inject_num_heads",
          "expected a divisor of the action expert's width \(expertWidth), found \(injectionHeads)")
      }
    } catch {
      throw Failure("`\(error.name)`: \(error.reason)")
    }
  }

  /// m, the frames of each encoder clip: the rollout window where it is set, else what `latent_suffix` says (`m4`,
  /// `m4_wrist` → 4), else 1.
  public var temporalWindow: Int {
    rolloutTemporalWindow > 0 ? rolloutTemporalWindow : Self.window(ofSuffix: latentSuffix) ?? 1
  }

  /// Images that a planning step needs: those of the T clips of m frames that end at the last T steps, T + m − 1.
  public var historyPictures: Int { contextFrames + temporalWindow - 1 }

  /// The frames that a suffix names: the first of its parts between underscores that is an m and a number.
  public static func window(ofSuffix suffix: String) -> Int? {
    for part in suffix.split(separator: "_") where part.first == "m" {
      if let frames = Int(part.dropFirst()), (1...1024).contains(frames) { return frames }
    }
    return nil
  }
}
