import Failures
import LibTorch
import NeuralNetworks
import OrderedCollections
import WorldLatents

/// What the world modality gives to one training step.
public struct WorldStep {
  /// The world loss, not yet weighted by λ; a scalar.
  public let loss: Tensor
  /// What the policy reads, [B, K, D]; nil where it enters nowhere.
  public let memory: Tensor?
  /// Scalars by log key, `world_loss` among them.
  public let metrics: OrderedDictionary<String, Tensor>
}

/// What `smolvla_world` adds to SmolVLA: the Prophet and what reads its memory.
public struct WorldModel {
  public internal(set) var configuration: WorldModalityConfiguration
  /// Predicts the memory; nil where it is switched off.
  public let prophet: Prophet?
  /// Reads the memory.
  public let fusion: WorldFusion

  /// Builds both from a policy's root scope: `model.world_….…` and `prophet.…`.
  ///
  /// - Parameters:
  ///   - expertWidth: the width of the action expert's hidden states.
  ///   - languageWidth: the width of the prefix's embeddings.
  /// - Throws: settings that cannot be built.
  public init(
    _ root: ParameterScope, _ configuration: WorldModalityConfiguration, expertWidth: Int, languageWidth: Int
  ) throws {
    try configuration.check(expertWidth: expertWidth, languageWidth: languageWidth)
    self.configuration = configuration
    fusion = try WorldFusion(
      root["model"], configuration, expertWidth: expertWidth, languageWidth: languageWidth)
    prophet = configuration.isPredictorEnabled ? try Prophet(root["prophet"], configuration) : nil
  }

  /// Whether a parameter is of the world modality, by its name in the checkpoint.
  public static func owns(_ parameter: String) -> Bool {
    parameter.hasPrefix("prophet.") || parameter.hasPrefix("model.world_")
  }

  /// The predicted latents [B, K, D] of a history [B, T, D]: z_t + prediction under delta prediction.
  ///
  /// - Throws: `Failure` where the history's shape is not the configured one, or there is no Prophet.
  public func memory(ofHistory history: Tensor) throws -> Tensor {
    try memory(history, prediction: prediction(ofHistory: history))
  }

  func prediction(ofHistory history: Tensor) throws -> Tensor {
    try checkHistory(history)
    guard let prophet else {
      throw Failure("there is no Prophet to predict the memory; set `enable_world_predictor=true`")
    }
    return try prophet(history.to(.float32))
  }

  func memory(_ history: Tensor, prediction: Tensor) throws -> Tensor {
    guard configuration.isDeltaPrediction else { return prediction }
    return try current(history) + prediction
  }

  /// z_t as [B, 1, D] float32.
  func current(_ history: Tensor) throws -> Tensor {
    let last = history.size(1) - 1
    return try history.slice(dimension: 1, last..<last + 1).to(.float32)
  }

  private func checkHistory(_ history: Tensor) throws {
    let shape = history.shape
    guard shape.count == 3, shape[1...] == [configuration.contextFrames, configuration.worldLatentDimension] else {
      throw Failure(
        "expected a latent history [batch, \(configuration.contextFrames), \(configuration.worldLatentDimension)] "
          + "(`context_frames`, `world_latent_dim`), found \(shape)")
    }
  }

  /// The gradients' norms by log key, `grad_prophet` and one for each place where the memory enters; to be asked after
  /// `backward()`, before the gradients are clipped or cleared.
  public func gradientMetrics(of store: ParameterStore) throws -> OrderedDictionary<String, Tensor> {
    var metrics: OrderedDictionary<String, Tensor> = [:]
    for place in fusion.places {
      metrics["grad_" + place.scope] = try store.gradientNorm { $0.hasPrefix("model.\(place.scope).") }
    }
    metrics["grad_prophet"] = try store.gradientNorm { $0.hasPrefix("prophet.") }
    return metrics
  }
}
