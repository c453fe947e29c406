import Policies

/// The mean that the action loss takes.
public enum ActionLoss: String, Sendable, CaseIterable {
  /// Over the real action dimensions of steps inside the episode.
  case valid
  /// Over all padded dimensions and steps, as LeRobot 0.4.4.
  case padded
}

/// SmolVLA's settings under LeRobot's names, with LeRobot's defaults.
public struct SmolVLAConfiguration: Sendable, Equatable {
  public var inputFeatures: PolicyFeatures = [:]
  public var outputFeatures: PolicyFeatures = [:]
  public var chunkSize = 50
  public var actionSteps = 50
  public var maxStateDimension = 32
  public var maxActionDimension = 32
  /// Width and height.
  public var imageSize: [Int]? = [512, 512]
  public var emptyCameras = 0
  public var denoisingSteps = 10
  public var freezeVisionEncoder = true
  public var trainExpertOnly = true
  public var trainStateProjection = true
  public var addImageSpecialTokens = false
  public var attentionMode = "cross_attn"
  public var prefixLength = -1
  public var expertLayers = -1
  public var vlmLayers = 16
  public var selfAttentionEveryLayers = 2
  public var expertWidthMultiplier = 0.75
  public var minPeriod = 0.004
  public var maxPeriod = 4.0
  public var actionLoss = ActionLoss.valid

  public init() {}

  /// Layers of the language model that are kept.
  func languageLayers(_ text: TextConfiguration) -> Int {
    vlmLayers > 0 ? min(vlmLayers, text.layers) : text.layers
  }

  /// The action's real dimensions.
  func actionDimension() throws(PolicyError) -> Int {
    guard let feature = outputFeatures["action"], feature.shape.count == 1 else {
      throw PolicyError("smolvla: output_features has no action with one dimension")
    }
    return feature.shape[0]
  }
}
