import Failures
import LayeredSettings

extension WorldModalityConfiguration {
  /// Refuses settings that cannot be built, alone or together.
  public func validate() throws(ConfigurationError) {
    guard worldLatentDimension % prophetHeads == 0 else {
      throw ConfigurationError(
        "prophet_heads", "expected a divisor of world_latent_dim (\(worldLatentDimension)), found \(prophetHeads)")
    }
    guard prophetDropout == 0 else {
      throw ConfigurationError("prophet_dropout", "expected 0, the only one supported, found \(prophetDropout)")
    }
    try validatePrefix()
    try validateModes()
    try validateWindow()
  }

  private func validatePrefix() throws(ConfigurationError) {
    guard (0...futureOffset).contains(prefixTokens) else {
      throw ConfigurationError(
        "world_prefix_tokens",
        "expected 0 to future_offset (\(futureOffset)), as each token is one predicted latent, found \(prefixTokens)")
    }
    guard prefixTokens == 0 || !isPrefixInjectionEnabled else {
      throw ConfigurationError(
        "world_prefix_cross_attn",
        "cannot go with world_prefix_tokens=\(prefixTokens): no run would tell which of the two changed the prefix; set "
          + "one of them")
    }
    guard prefixTokens > 0 || prefixBlock == .state else {
      throw ConfigurationError(
        "world_prefix_block", "has no effect without tokens in the prefix; set world_prefix_tokens=\(futureOffset)")
    }
  }

  private func validateModes() throws(ConfigurationError) {
    guard !isPredictorEnabled, readsMemory else { return }
    guard trainingMemory != .pred else {
      throw ConfigurationError("world_memory_mode_train", "pred needs the Prophet; set enable_world_predictor=true")
    }
    guard !rolloutMemory.readsHistory else {
      throw ConfigurationError(
        "world_memory_mode_rollout", "\(rolloutMemory.rawValue) needs the Prophet; set enable_world_predictor=true")
    }
  }

  private func validateWindow() throws(ConfigurationError) {
    guard let named = Self.window(ofSuffix: latentSuffix), rolloutTemporalWindow != 0, rolloutTemporalWindow != named
    else { return }
    throw ConfigurationError(
      "world_rollout_temporal_window",
      "expected 0 or the \(named) frames of latent_suffix=\(latentSuffix), found \(rolloutTemporalWindow); a policy "
        + "must see at rollout what it was trained on")
  }

  /// Refuses settings that cannot be built, by the flag that fixes them.
  ///
  /// - Parameters:
  ///   - expertWidth: the width of the action expert's hidden states.
  ///   - languageWidth: the width of the prefix's embeddings.
  public func check(expertWidth: Int, languageWidth: Int) throws {
    do throws(ConfigurationError) {
      try validateAll()
      guard expertWidth % injectionHeads == 0 else {
        throw ConfigurationError(
          "world_inject_num_heads",
          "expected a divisor of the action expert's width \(expertWidth), found \(injectionHeads)")
      }
      guard !isPrefixInjectionEnabled || languageWidth % prefixHeads == 0 else {
        throw ConfigurationError(
          "world_prefix_num_heads",
          "expected a divisor of the language model's width \(languageWidth), found \(prefixHeads)")
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
  public var historyFrames: Int { contextFrames + temporalWindow - 1 }

  /// The frames that a suffix names: the first of its parts between underscores that is an m and a number.
  public static func window(ofSuffix suffix: String) -> Int? {
    for part in suffix.split(separator: "_") where part.first == "m" {
      if let frames = Int(part.dropFirst()), (1...1024).contains(frames) { return frames }
    }
    return nil
  }
}
