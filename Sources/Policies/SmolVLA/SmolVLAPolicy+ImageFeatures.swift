import LibTorch
import ModelFiles
import OrderedCollections
import RobotPolicies

extension SmolVLAPolicy: ImageFeaturePolicy {
  private static let frozenParts = [
    "model.vlm_with_expert.vlm.model.vision_model.", "model.vlm_with_expert.vlm.model.connector.",
  ]

  /// Kept is what vision tower and connector give, which only `train_expert_only` leaves alone.
  public var imageFeatureObstacle: String? {
    if !configuration.trainExpertOnly { return "`train_expert_only=false` trains the connector" }
    if configuration.emptyCameras > 0 { return "`empty_cameras` adds images that the dataset does not have" }
    return nil
  }

  public func imageFeatures(of images: Tensor) throws -> Tensor {
    try withoutGradients {
      try model.features(of: .pixels(ImagePreparation.pixels(of: images, "the camera", configuration)))
    }
  }

  public func imageFeatureIdentity() throws -> JSON {
    var weights = ""
    for parameter in parameters.parameters where Self.frozenParts.contains(where: parameter.name.hasPrefix) {
      let hash = try parameter.tensor.detached().to(Device.cpu).contiguous().withBytes { sha256(of: $0) }
      weights += "\(hash)  \(parameter.name)\n"
    }
    return [
      "weights_sha256": .string(sha256(of: weights)), "precision": .string(parameters.precision.rawValue),
      "image_size": configuration.imageSize.map { .array($0.map(JSON.integer)) } ?? .null,
      "torch": .string(try TorchEngine.shared().version), "device": .string(parameters.device == .cpu ? "cpu" : "cuda"),
    ]
  }
}
