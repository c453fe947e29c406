import WorldLatents

extension WorldModalityConfiguration {
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
