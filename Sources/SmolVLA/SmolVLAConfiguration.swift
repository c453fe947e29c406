import Configuration
import ModelFiles
import OrderedCollections
import Policies

/// The mean that the action loss takes.
public enum ActionLoss: String, Sendable, CaseIterable, ConfigurationValue {
  /// Over the real action dimensions of steps inside the episode.
  case valid
  /// Over all padded dimensions and steps, as LeRobot 0.4.4.
  case padded
}

/// Whose statistics normalise a new run's states and actions.
public enum NormalizationSource: String, Sendable, CaseIterable, ConfigurationValue {
  /// The dataset's, as LeRobot does.
  case dataset
  /// Those that the checkpoint saved.
  case checkpoint
}

/// SmolVLA's settings: LeRobot 0.4.4's, with its defaults except `push_to_hub`, and two of ours.
///
/// The names in files and flags are in `SmolVLAConfiguration+Fields.swift`.
public struct SmolVLAConfiguration: Sendable, Equatable {
  // MARK: What LeRobot's policies share

  public var observationSteps = 1
  public var inputFeatures: PolicyFeatures = [:]
  public var outputFeatures: PolicyFeatures = [:]
  public var device: String?
  public var usesMixedPrecision = false
  public var usesPEFT = false
  /// LeRobot's default is true; nothing is uploaded here.
  public var pushToHub = false
  public var repositoryID: String?
  public var isPrivate: Bool?
  public var tags: [String]?
  public var license: String?
  public var pretrainedPath: String?

  // MARK: Inputs and outputs

  public var chunkSize = 50
  public var actionSteps = 50
  public var normalizationMapping: OrderedDictionary<String, NormalizationMode> = [
    "VISUAL": .identity, "STATE": .meanStandardDeviation, "ACTION": .meanStandardDeviation,
  ]
  public var maxStateDimension = 32
  public var maxActionDimension = 32
  /// Width and height.
  public var imageSize: [Int]? = [512, 512]
  public var emptyCameras = 0
  public var adaptsToPiAloha = false
  public var usesDeltaJointActionsAloha = false
  public var tokenizerMaxLength = 48

  // MARK: Planning and training

  public var denoisingSteps = 10
  public var usesCache = true
  public var freezeVisionEncoder = true
  public var trainExpertOnly = true
  public var trainStateProjection = true
  public var optimizerLearningRate = 1e-4
  public var optimizerBetas = [0.9, 0.95]
  public var optimizerEpsilon = 1e-8
  public var optimizerWeightDecay = 1e-10
  public var optimizerGradientClipNorm = 10.0
  public var schedulerWarmupSteps = 1_000
  public var schedulerDecaySteps = 30_000
  public var schedulerDecayLearningRate = 2.5e-6

  // MARK: Model

  public var vlmModelName = "HuggingFaceTB/SmolVLM2-500M-Video-Instruct"
  public var loadsVLMWeights = false
  public var addImageSpecialTokens = false
  public var attentionMode = "cross_attn"
  public var prefixLength = -1
  public var padLanguageTo = "longest"
  public var expertLayers = -1
  public var vlmLayers = 16
  public var selfAttentionEveryLayers = 2
  public var expertWidthMultiplier = 0.75
  public var minPeriod = 0.004
  public var maxPeriod = 4.0
  public var realTimeChunking = JSON.null
  public var compilesModel = false
  public var compileMode = "max-autotune"

  // MARK: Ours

  public var actionLoss = ActionLoss.valid
  public var normalization = NormalizationSource.dataset

  /// The defaults.
  public init() {}

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

  /// The action's real dimensions.
  func actionDimension() throws(PolicyError) -> Int {
    guard let feature = outputFeatures["action"], feature.shape.count == 1 else {
      throw PolicyError("smolvla: output_features has no action with one dimension")
    }
    return feature.shape[0]
  }
}
