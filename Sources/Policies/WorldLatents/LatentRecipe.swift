import Failures
import Foundation
import WorldEncoders

/// The settings of `precompute` that make a run's latent cache.
public struct LatentRecipe: Sendable, Equatable {
  /// The dataset's name, and its folder and revision if the run names them.
  public let datasetName: String
  public let datasetRoot: String?, revision: String?
  /// The camera's feature in the dataset; nil if it is not known yet.
  public var camera: String?
  public let cacheDirectory: String
  public let source: LatentsSource
  public let encoderName: String
  public let temporalWindow: Int
  public let suffix: String
  public let device: String?

  public init(
    datasetName: String, datasetRoot: String?, revision: String?, camera: String?, cacheDirectory: String,
    source: LatentsSource, encoderName: String, temporalWindow: Int, suffix: String, device: String?
  ) {
    (self.datasetName, self.datasetRoot, self.revision, self.camera) = (datasetName, datasetRoot, revision, camera)
    (self.cacheDirectory, self.source, self.encoderName) = (cacheDirectory, source, encoderName)
    (self.temporalWindow, self.suffix, self.device) = (temporalWindow, suffix, device)
  }

  /// The settings by their names; those that are not given are left out.
  public var settings: [(name: String, value: String)] {
    let all: [(String, String?)] = [
      ("dataset_name", datasetName), ("dataset_root", datasetRoot), ("revision", revision), ("image_key", camera),
      ("cache_dir", cacheDirectory), ("world_latents_source", source.rawValue),
      ("world_vision_model_name", encoderName), ("temporal_window", "\(temporalWindow)"), ("latent_suffix", suffix),
      ("device", device),
    ]
    return all.compactMap { name, value in value.map { (name, $0) } }
  }

  /// Where the cache lies.
  ///
  /// - Throws: if a name or suffix would lead out of the folder.
  public func url() throws -> URL {
    try LatentCache.url(
      cacheDirectory: URL(fileURLWithPath: cacheDirectory), datasetRepoID: datasetName, source: source.rawValue,
      suffix: suffix)
  }

  /// The whole command, as errors name it.
  func command(overwrite: Bool = false) -> String {
    let words = settings.map { "\($0.name)=\(shellQuoted($0.value))" } + (overwrite ? ["overwrite"] : [])
    return "`precompute \(words.joined(separator: " "))`"
  }
}
