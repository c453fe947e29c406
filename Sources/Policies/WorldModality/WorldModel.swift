import Failures
import LibTorch
import NeuralNetworks
import OrderedCollections
import WorldLatents

/// What the world modality gives to one training step.
public struct WorldStep {
  /// The world loss, not yet weighted by λ; a scalar.
  public let loss: Tensor
  /// What the action expert reads, [B, K, D]; nil where injection is off.
  public let memory: Tensor?
  /// Scalars by log key, `world_loss` among them.
  public let metrics: OrderedDictionary<String, Tensor>
}

/// What `smolvla_world` adds to SmolVLA: the Prophet and the gated injection, with the memory that joins them.
public struct WorldModel {
  public internal(set) var configuration: WorldModalityConfiguration
  /// Predicts the memory; nil where it is switched off.
  public let prophet: Prophet?
  /// Reads the memory. It exists also where it is switched off, so that checkpoints keep their keys.
  public let injection: GatedWorldInjection

  /// Builds both from a policy's root scope: `model.world_inject.…` and `prophet.…`.
  ///
  /// - Parameter expertWidth: the width of the action expert's hidden states.
  /// - Throws: settings that cannot be built.
  public init(_ root: ParameterScope, _ configuration: WorldModalityConfiguration, expertWidth: Int) throws {
    try configuration.check(expertWidth: expertWidth)
    self.configuration = configuration
    injection = try GatedWorldInjection(root["model"]["world_inject"], configuration, width: expertWidth)
    prophet = configuration.isPredictorEnabled ? try Prophet(root["prophet"], configuration) : nil
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

  // MARK: Injection

  /// Hidden states [B, L, width] that have read a memory [B, K, D].
  public func inject(_ hidden: Tensor, _ memory: Tensor) throws -> Tensor { try injection(hidden, memory) }

  /// Like `inject`, and the attention's scalars by log key.
  public func injectWithDiagnostics(
    _ hidden: Tensor, _ memory: Tensor
  ) throws -> (hidden: Tensor, metrics: OrderedDictionary<String, Tensor>) {
    let (output, diagnostics) = try injection.withDiagnostics(hidden, memory)
    return (output, OrderedDictionary(uniqueKeysWithValues: diagnostics.metrics))
  }

  /// The gradients' norms by log key, `grad_world_inject` and `grad_prophet`; to be asked after `backward()`, before
  /// the gradients are clipped or cleared.
  public func gradientMetrics(of store: ParameterStore) throws -> OrderedDictionary<String, Tensor> {
    [
      "grad_world_inject": try store.gradientNorm { $0.hasPrefix("model.world_inject.") },
      "grad_prophet": try store.gradientNorm { $0.hasPrefix("prophet.") },
    ]
  }
}
