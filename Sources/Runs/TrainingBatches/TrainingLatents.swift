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
  /// Each episode's frames, in order.
  private let episodes: [Range<Int>]
  /// What a user should know of the cache, if anything.
  public let warning: String?

  /// What the cache's sidecar says, for the checkpoints; nil if it has none.
  public var identityJSON: JSON? { cache.identity?.json(rowsFinished: cache.frames) }

  /// SHA-256 of the cache's file.
  public var sha256: String { cache.sha256 }

  /// Opens the cache that a recipe makes and checks that it belongs to this dataset, camera and encoder.
  ///
  /// - Parameter heldOut: other episodes of the dataset whose latents are read too.
  public init(
    _ world: WorldModalityConfiguration, _ dataset: LeRobotDataset, _ recipe: LatentRecipe,
    heldOut: LeRobotDataset? = nil
  ) throws {
    let metadata = dataset.metadata
    try self.init(
      world, recipe, episodes: (dataset.episodes + (heldOut?.episodes ?? [])).map(\.frames),
      fingerprint: DatasetFingerprint(
        root: dataset.root, episodes: metadata.episodeCount, frames: metadata.frameCount),
      isOfVideo: recipe.camera.flatMap { metadata.features[$0]?.dataType } == .video)
  }

  /// The same for a dataset that somebody else reads.
  ///
  /// - Parameters:
  ///   - episodes: each episode's frames by global index.
  ///   - isOfVideo: whether the camera is recorded as a video.
  public init(
    _ world: WorldModalityConfiguration, _ recipe: LatentRecipe, episodes: [Range<Int>],
    fingerprint: DatasetFingerprint, isOfVideo: Bool
  ) throws {
    // Latents are read without their encoder: it is compared where it is at hand, and never fetched for that.
    let encoder = ModelLocation.cached(world.encoderName, holding: ModelLocation.weights)
    let url = try recipe.url()
    cache = try LatentCache(
      url,
      expecting: LatentCacheRequirements(
        datasetRepoID: recipe.datasetName, frames: fingerprint.frames, source: world.latentsSource,
        latentDimension: world.worldLatentDimension,
        temporalWindow: world.temporalWindow,
        dataset: fingerprint,
        camera: recipe.camera, encoderName: world.encoderName,
        encoderSHA256: try encoder.map { try EncoderFolder($0).sha256() }, recipe: recipe))
    warning = cache.warning ?? (isOfVideo ? cache.identity?.warningOfVideo(url) : nil)
    (history, future) = (world.contextFrames, world.futureOffset)
    self.episodes = episodes.sorted { $0.lowerBound < $1.lowerBound }
  }

  /// Adds the latents around frames to a batch, each frame one of its rows.
  public func add(to batch: inout Batch, frames: [Int]) throws {
    let windows = try frames.map { frame in
      guard let episode = episodes.last(where: { $0.lowerBound <= frame }) else {
        throw Failure("frame \(frame) is of no episode of the dataset")
      }
      return try WorldWindow(frame: frame, episode: episode)
    }
    let latents = try cache.latents(windows, history: history, future: future)
    batch[WorldKey.history] = latents.history
    batch[WorldKey.future] = latents.future
    batch[WorldKey.futureValid] = latents.isValid
  }
}
