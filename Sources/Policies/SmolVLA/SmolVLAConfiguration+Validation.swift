import Failures
import LayeredSettings
import LibTorch
import NeuralNetworks
import ModelFiles
import RobotPolicies

extension SmolVLAConfiguration {
  /// What the settings alone can show; `check` looks at them together with features and backbone.
  public func validate() throws(ConfigurationError) {
    try require(
      (1...chunkSize).contains(actionSteps), "n_action_steps", "a number from 1 to chunk_size (\(chunkSize))",
      actionSteps)
    if let imageSize {
      try require(
        imageSize.count == 2, "resize_imgs_with_padding", "width and height in pixels, or null", imageSize)
    }
    if let precision, precision != .bf16, compatibility.usesAutomaticMixedPrecision {
      throw ConfigurationError(
        "use_amp", "is precision=bf16, but precision is \(precision.rawValue); leave one of them out")
    }
  }

  private func require(
    _ holds: Bool, _ name: String, _ expected: String, _ found: some Any
  ) throws(ConfigurationError) {
    guard holds else { throw ConfigurationError(name, "expected \(expected), found \(found)") }
  }

  /// Whether a parameter is trained, by its name in the checkpoint.
  func isTrainable(_ name: String) -> Bool {
    if name.hasPrefix("model.state_proj.") { return trainStateProjection }
    guard name.hasPrefix("model.vlm_with_expert.vlm.") else { return true }
    if trainExpertOnly || name.contains(".lm_head.") { return false }
    return !(freezeVisionEncoder && name.contains(".vision_model."))
  }

  /// The type that a parameter is held in: float32 what an optimizer changes and the small projections around the expert,
  /// bfloat16 the rest where products are bfloat16.
  ///
  /// A CPU that computes in float32 holds the language model's frozen matrices in bfloat16 where that is asked for or loses
  /// nothing, and widens them at each use. Those of the tower would be widened for each image, the expert's in each denoising
  /// step.
  /// - Parameters:
  ///   - name: its name in the checkpoint.
  ///   - numbers: what was loaded for it.
  ///   - isTrained: whether the policy is going to be trained.
  public func heldType(
    of name: String, _ numbers: Tensor, in precision: Precision, on device: Device, isTrained: Bool
  ) -> DType {
    guard name.hasPrefix("model.vlm_with_expert."), !(isTrained && isTrainable(name)) else { return .float32 }
    guard precision.productType(on: device) == .float32 else { return .bfloat16 }
    guard device == .cpu, numbers.rank == 2, name.hasPrefix("model.vlm_with_expert.vlm.") else { return .float32 }
    // The tower's are never rounded, and stay wide to plan: training widens them once for many images.
    let isNarrow =
      name.contains(".vision_model.")
      ? isTrained && numbers.dtype == .bfloat16 : precision == .bf16 || numbers.dtype == .bfloat16
    return isNarrow ? .bfloat16 : .float32
  }

  /// Refuses settings that fit neither the features nor the backbone.
  func check(_ backbone: BackboneConfiguration, imageTokens: ImageSpecialTokens?) throws {
    let layers = languageLayers(backbone.text)
    guard expertLayers <= 0 || expertLayers == layers else {
      throw Failure(
        "`num_expert_layers=\(expertLayers)`: an expert with fewer layers than the language model's \(layers) "
          + "cannot plan in LeRobot 0.4.4 and is not supported; leave it at -1")
    }
    let width = Double(backbone.text.hiddenSize) * expertWidthMultiplier
    guard width >= 2, width < 1e7, Int(width) % 2 == 0 else {
      throw Failure(
        "`expert_width_multiplier=\(expertWidthMultiplier)` gives an expert of width \(width); the time "
          + "embedding needs a positive even width")
    }
    guard !addImageSpecialTokens || imageTokens != nil else {
      throw Failure("`add_image_special_tokens` needs the backbone's tokenizer.json, which was not found")
    }
    let action = try actionDimension()
    guard action <= maxActionDimension else {
      throw Failure("the action has \(action) dimensions, more than `max_action_dim=\(maxActionDimension)`")
    }
    let state = inputFeatures[BatchKey.state]?.shape.reduce(1, *) ?? 0
    guard state <= maxStateDimension else {
      throw Failure("the state has \(state) dimensions, more than `max_state_dim=\(maxStateDimension)`")
    }
    try checkImageSize(backbone)
  }

  /// The connector takes the patches for a square and joins `scale_factor` of its rows and columns.
  private func checkImageSize(_ backbone: BackboneConfiguration) throws {
    guard let imageSize else { return }
    let patches = imageSize.map { $0 / backbone.vision.patchSize }.reduce(1, *)
    let side = Int(Double(patches).squareRoot().rounded())
    guard side > 0, side * side == patches, side % backbone.scaleFactor == 0 else {
      throw Failure(
        "`resize_imgs_with_padding=\(imageSize)` gives \(patches) patches of \(backbone.vision.patchSize) "
          + "pixels, and the connector needs the square of a multiple of \(backbone.scaleFactor)")
    }
  }
}
