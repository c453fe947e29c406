import Failures
import Foundation
import HuggingFaceHub
import LeRobotDatasets
import ModelFiles
import RobotPolicies
import WorldEncoders
import WorldLatents
import WorldModality

/// The precomputed latents that a `smolvla_world` run reads beside its batches.
public struct TrainingLatents {
  private let cache: LatentCache
  private let history, future: Int
  /// Frames of each episode, by its index.
  private let episodes: [Int: Range<Int>]

  /// What a user should know of the cache, if anything.
  public let warning: String?

  /// What the cache's sidecar says, for the checkpoints; nil if it has none.
  public var identityJSON: JSON? { cache.identity?.json(rowsFinished: cache.frames) }

  /// SHA-256 of the cache's file.
  public var sha256: String { cache.sha256 }

  /// Opens the cache that a recipe makes and checks that it belongs to this dataset, camera and encoder.
  public init(_ world: WorldModalityConfiguration, _ dataset: LeRobotDataset, _ recipe: LatentRecipe) throws {
    // Latents are read without their encoder: it is compared where it is at hand, and never fetched for that.
    let encoder = ModelLocation.cached(world.encoderName, holding: ModelLocation.weights)
    let metadata = dataset.metadata
    let url = try recipe.url()
    cache = try LatentCache(
      url,
      expecting: LatentCacheRequirements(
        datasetRepoID: recipe.datasetName, frames: metadata.frameCount, source: world.latentsSource,
        latentDimension: world.worldLatentDimension,
        temporalWindow: world.temporalWindow,
        dataset: try DatasetFingerprint(
          root: dataset.root, episodes: metadata.episodeCount, frames: metadata.frameCount),
        camera: recipe.camera, encoderName: world.encoderName,
        encoderSHA256: try encoder.map { try EncoderFolder($0).sha256() }, recipe: recipe))
    let isOfVideo = recipe.camera.flatMap { metadata.features[$0]?.dataType } == .video
    warning = cache.warning ?? (isOfVideo ? cache.identity?.warningOfVideo(url) : nil)
    (history, future) = (world.contextFrames, world.futureOffset)
    episodes = Dictionary(uniqueKeysWithValues: dataset.episodes.map { ($0.index, $0.frames) })
  }

  /// Adds the latents of a batch's frames.
  public func add(to batch: inout Batch, _ samples: SampleBatch) throws {
    let windows = try samples.frames.map { frame in
      guard let episode = episodes[frame.episodeIndex] else {
        throw Failure("frame \(frame.index) is of episode \(frame.episodeIndex), which is not in the dataset")
      }
      return try WorldWindow(frame: frame.index, episode: episode)
    }
    let latents = try cache.latents(windows, history: history, future: future)
    batch[WorldKey.history] = latents.history
    batch[WorldKey.future] = latents.future
    batch[WorldKey.futureValid] = latents.isValid
  }
}
