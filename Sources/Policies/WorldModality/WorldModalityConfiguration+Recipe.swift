import WorldLatents

extension WorldModalityConfiguration {
  /// The modules beside SmolVLA's, by the ends of their names.
  public var modules: [String] {
    let places = [
      ("world_inject", true), ("world_inject_suffix_in", isSuffixInjectionEnabled),
      ("world_prefix_tokens", prefixTokens > 0), ("world_prefix_cross_attn", isPrefixInjectionEnabled),
      ("prophet", isPredictorEnabled),
    ]
    return places.filter(\.1).map(\.0)
  }

  /// What makes the latents that a policy of these settings is trained on.
  ///
  /// - Parameters:
  ///   - root, revision: of the dataset, if they are named.
  ///   - camera: the camera's feature in the dataset; nil if it is not known yet.
  public func recipe(
    datasetName: String, root: String?, revision: String? = nil, camera: String?, device: String? = nil
  ) -> LatentRecipe {
    LatentRecipe(
      datasetName: datasetName, datasetRoot: root, revision: revision, camera: camera, cacheDirectory: cacheDirectory,
      source: latentsSource, encoderName: encoderName, temporalWindow: temporalWindow, suffix: latentSuffix,
      device: device)
  }
}
