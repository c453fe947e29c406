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
  public var datasetRepoID = ""
  public var cacheDirectory = "cache"
  public var latentsSource = LatentsSource.vjepa
  public var latentSuffix = "m4"
  public var worldLatentDimension = 1024
  /// T, latents of the past (`context_frames`).
  public var contextFrames = 4
  /// K, latents predicted (`future_offset`).
  public var futureOffset = 8
  /// λ, the weight of the world loss (`lambda_world`).
  public var worldLossWeight = 0.2
  public var isInjectionEnabled = true
  public var injectionHeads = 8
  public var gateInitialization = 0.0
  public var trainingMemory = TrainingMemoryMode.pred
  public var rolloutMemory = RolloutMemoryMode.pred
  public var isPredictorEnabled = true
  public var prophetLayers = 2
  public var prophetHeads = 8
  public var prophetDropout = 0.0
  public var isDeltaPrediction = true
  public var logsAttention = true
  public var logsGradients = true
  public var initialPolicyPath = ""
  public var isInitialPolicyStrict = false
  /// The encoder's repository or folder (`world_vision_model_name`); the source's published one until another is given.
  public var encoderName: String {
    get { givenEncoderName ?? latentsSource.defaultEncoderName }
    set { givenEncoderName = newValue }
  }
  private var givenEncoderName: String?
  public var camera = WorldCamera.front
  public var rolloutTemporalWindow = 0

  public init() {}
}
