import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies

extension SmolVLAModel {
  /// What tower and connector give for images, [B, tokens, width].
  ///
  /// - Parameter isPlanning: whether they may depend on the batch in their last bits; on a CPU they never do.
  func features(of images: PreparedImages.Content, isPlanning: Bool = false) throws -> Tensor {
    switch images {
    case .features(let features): return features
    case .pixels(let pixels):
      guard configuration.trainExpertOnly, !configuration.usesReferenceOrder, !isPlanning || pixels.device == .cpu
      else {
        return try embed([pixels])
      }
      return try embed(inGroups(pixels)).slice(dimension: 0, 0..<pixels.size(0))
    }
  }

  private func embed(_ groups: [Tensor]) throws -> Tensor {
    let patches = try precision.products(with: vision.positionEmbedding.weight) { try vision(groups) }
    let features = try precision.products(with: connector.projection.weight) {
      try Tensor.concatenation(connector(patches), dimension: 0)
    }
    // Kept features take as much room whatever type they were computed in.
    return precision == .bf16 ? try features.to(.bfloat16) : features
  }

  /// Rows in groups of one size, the last filled up, so that a row's last bits do not depend on the rows beside it: a frozen
  /// part gives an image the same features in every batch.
  private func inGroups(_ rows: Tensor) throws -> [Tensor] {
    let (count, size) = (rows.size(0), rows.device == .cpu ? 1 : 8)
    return try stride(from: 0, to: count, by: size).map { start in
      let group = try rows.slice(dimension: 0, start..<min(start + size, count))
      let last = try rows.slice(dimension: 0, count - 1..<count)
      let missing = Array(repeating: last, count: size - group.size(0))
      return missing.isEmpty ? group : try .concatenation([group] + missing, dimension: 0)
    }
  }
}

extension SmolVLAPolicy: ImageFeaturePolicy {
  private static let frozenParts = [
    "model.vlm_with_expert.vlm.model.vision_model.", "model.vlm_with_expert.vlm.model.connector.",
  ]

  private static func isFrozenPart(_ parameter: String) -> Bool { frozenParts.contains(where: parameter.hasPrefix) }

  /// Kept is what vision tower and connector give, which only `train_expert_only` leaves alone.
  public var imageFeatureObstacle: String? {
    if !configuration.trainExpertOnly { return "`train_expert_only=false` trains the connector" }
    if parameters.trainable.contains(where: { Self.isFrozenPart($0.parameter.name) }) {
      return "the adapter changes what vision tower or connector give"
    }
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
    for parameter in parameters.parameters where Self.isFrozenPart(parameter.name) {
      // A tower that is held in bfloat16 gives what its wide copy gives, and has its name.
      let isWidened = model.productType == .float32 && parameter.name.contains(".vision_model.")
      let numbers = try isWidened ? parameter.tensor.to(.float32) : parameter.tensor
      let hash = try numbers.detached().to(Device.cpu).contiguous().withBytes { sha256(of: $0) }
      weights += "\(hash)  \(parameter.name)\n"
    }
    var identity: OrderedDictionary<String, JSON> = [
      "weights_sha256": .string(sha256(of: weights)), "precision": .string(parameters.precision.rawValue),
      "image_size": configuration.imageSize.map { .array($0.map(JSON.integer)) } ?? .null,
      "torch": .string(try TorchEngine.shared().version), "device": .string(parameters.device == .cpu ? "cpu" : "cuda"),
    ]
    // Earlier versions had the former places only, which are also those of published weights.
    if !configuration.compatibility.loadsVLMWeights, configuration.lerobotVersion != .former {
      identity["patch_positions"] = .string(LeRobotVersion.current.rawValue)
    }
    return .object(identity)
  }
}
