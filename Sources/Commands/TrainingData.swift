import Foundation
import LeRobotDatasets
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Policies
import Torch
import Training
import WorldModality

extension TrainingFeatures {
  /// A dataset's features and statistics under the policy's names.
  init(_ dataset: LeRobotDataset, renaming: OrderedDictionary<String, String>) throws {
    var inputs: PolicyFeatures = [:]
    var outputs: PolicyFeatures = [:]
    var statistics: StateDictionary = [:]
    for (name, feature) in dataset.information.features {
      let policyName = renaming[name] ?? name
      if let size = feature.imageSize {
        inputs[policyName] = PolicyFeature(.visual, [3, size.height, size.width])
      } else if policyName == BatchKey.state {
        inputs[policyName] = PolicyFeature(.state, feature.shape)
      } else if policyName == BatchKey.action {
        outputs[policyName] = PolicyFeature(.action, feature.shape)
      }
      guard let own = dataset.statistics[name] else { continue }
      for (statistic, values) in own.named {
        let shape = statistic == "count" ? [1] : own.shape
        statistics["\(policyName).\(statistic)"] = try Tensor(values.map(Float.init), shape: shape)
      }
    }
    let found = dataset.information.features.keys.joined(separator: ", ")
    guard inputs[BatchKey.state] != nil, outputs[BatchKey.action] != nil else {
      throw PolicyError(
        "\(dataset.root.path) has no observation.state or no action among \(found); map names with --rename_map")
    }
    guard !inputs.of(.visual).isEmpty else { throw PolicyError("\(dataset.root.path) has no camera among \(found)") }
    self.init(inputs: inputs, outputs: outputs, statistics: statistics)
  }
}

extension FeatureStatistics {
  /// The statistics by LeRobot's names.
  fileprivate var named: OrderedDictionary<String, [Double]> {
    var named: OrderedDictionary<String, [Double]> = [
      "min": minimum, "max": maximum, "mean": mean, "std": standardDeviation, "count": [Double(count)],
    ]
    named.merge(quantiles) { $1 }
    return named
  }
}

extension LoadedBatch {
  /// A batch of samples as tensors; pictures become float32 [B, 3, H, W] in [0, 1].
  init(_ samples: SampleBatch) throws {
    let count = samples.positions.count
    var batch = Batch()
    for (camera, images) in samples.images.sorted(by: { $0.key < $1.key }) {
      let bytes = try Tensor(images.pixels, shape: [count, images.height, images.width, 3])
      batch[camera] = try bytes.to(.float32).permuted([0, 3, 1, 2]).contiguous() / 255
    }
    for (name, values) in samples.features.sorted(by: { $0.key < $1.key }) {
      batch[name] = try Tensor(values, shape: [count, values.count / count])
    }
    let chunk = samples.actionIsPadding.count / count
    batch[BatchKey.action] = try Tensor(
      samples.actions, shape: [count, chunk, samples.actions.count / max(1, count * chunk)])
    batch[BatchKey.actionIsPad] = try Tensor(samples.actionIsPadding, shape: [count, chunk])
    self.init(batch: batch, tasks: samples.frames.map(\.task))
  }
}

/// The precomputed latents that a `smolvla_world` run reads beside its batches.
struct LatentSource {
  private let cache: LatentCache
  private let history, future: Int

  /// What a user should know of the cache, if anything.
  var warning: String? { cache.warning }

  /// Opens the cache that the settings name and checks that it belongs to this dataset, camera and encoder; nil for a
  /// policy without a world modality.
  init?(_ policy: PolicySettings, _ dataset: LeRobotDataset, root: URL) throws {
    guard let world = policy.world else { return nil }
    let repository = world.datasetRepoID.isEmpty ? root.lastPathComponent : world.datasetRepoID
    let url = try LatentCache.url(
      cacheDirectory: URL(fileURLWithPath: world.cacheDirectory), datasetRepoID: repository,
      source: world.latentsSource.rawValue, suffix: world.latentSuffix)
    let encoder = try? ModelLocation.directory(of: world.encoderName)
    let information = dataset.information
    cache = try LatentCache(
      url,
      expecting: LatentCacheExpectation(
        datasetRepoID: repository, frames: information.frameCount, latentDimension: world.worldLatentDimension,
        temporalWindow: world.temporalWindow,
        dataset: try DatasetFingerprint(
          root: root, episodes: information.episodeCount, frames: information.frameCount),
        camera: information.cameras.first, encoderName: world.encoderName,
        encoderSHA256: try encoder.map { try VJEPA2Encoder.fingerprint(of: $0) }))
    (history, future) = (world.contextFrames, world.futureOffset)
  }

  /// Adds the latents of a batch's frames.
  func add(to batch: inout Batch, _ samples: SampleBatch, _ dataset: LeRobotDataset) throws {
    let ranges = Dictionary(uniqueKeysWithValues: dataset.episodes.map { ($0.index, $0.frames) })
    let windows = try samples.frames.map { frame in
      guard let episode = ranges[frame.episodeIndex] else {
        throw PolicyError("frame \(frame.index) is of episode \(frame.episodeIndex), which the dataset has not")
      }
      return try WorldWindow(frame: frame.index, episode: episode)
    }
    let latents = try cache.latents(windows, history: history, future: future)
    batch[WorldKey.history] = latents.history
    batch[WorldKey.future] = latents.future
    batch[WorldKey.futureValid] = latents.isValid
  }
}
