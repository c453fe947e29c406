import LeRobotDatasets
import PolicyTraining
import RobotPolicies
import WorkerThreads

/// The training batches of a dataset, loaded and decoded ahead by worker threads.
///
/// The samples of a step are a function of the seed and the step, so neither a resume nor the number of workers changes
/// them.
public struct DatasetBatches: BatchSource {
  private let samples: OrderedPrefetcher<LoadedSamples>
  private let latents: TrainingLatents?
  private let features: (cache: ImageFeatureCache, policy: PretrainedPolicy)?

  /// Starts loading.
  ///
  /// - Parameters:
  ///   - request: what each sample holds, under the dataset's names.
  ///   - first: the number of updates that are done.
  ///   - workers: the number of threads; with 0 each batch is loaded when it is asked for.
  ///   - latents: the world latents that are added to each batch, if any.
  ///   - features: image features that take the images' place, and the policy that computes those that are missing.
  public init(
    _ dataset: LeRobotDataset, _ request: SampleSpecification, _ settings: TrainingSettings, from first: Int,
    workers: Int = 4, latents: TrainingLatents? = nil,
    features: (cache: ImageFeatureCache, policy: PretrainedPolicy)? = nil
  ) throws {
    let sampler = try BatchSampler(count: dataset.count, batchSize: settings.batchSize, seed: settings.seed)
    self.init(
      dataset, request, steps: first..<settings.steps, workers: workers, latents: latents, features: features
    ) { (sampler.samples(step: $0), $0 * sampler.batchSize) }
  }

  /// The batches of some frames in their order, the last one smaller where they do not divide.
  ///
  /// - Parameter positions: in the dataset.
  public init(
    _ dataset: LeRobotDataset, _ request: SampleSpecification, positions: [Int], batchSize: Int, workers: Int = 4,
    latents: TrainingLatents? = nil, features: (cache: ImageFeatureCache, policy: PretrainedPolicy)? = nil
  ) {
    let count = (positions.count + batchSize - 1) / batchSize
    self.init(dataset, request, steps: 0..<count, workers: workers, latents: latents, features: features) {
      (Array(positions[$0 * batchSize..<min(($0 + 1) * batchSize, positions.count)]), $0 * batchSize)
    }
  }

  /// - Parameter chosen: a step's positions, and its first sample's place among all samples.
  private init(
    _ dataset: LeRobotDataset, _ request: SampleSpecification, steps: Range<Int>, workers: Int,
    latents: TrainingLatents?, features: (cache: ImageFeatureCache, policy: PretrainedPolicy)?,
    _ chosen: @escaping @Sendable (_ step: Int) -> (positions: [Int], draw: Int)
  ) {
    var withoutImages = request
    withoutImages.cameras = []
    samples = OrderedPrefetcher(steps: steps, workers: workers) { [cache = features?.cache, withoutImages] step in
      let (positions, draw) = chosen(step)
      guard let cache else { return LoadedSamples(samples: try dataset.batch(positions, request, draw: draw)) }
      let frames = try positions.map { try dataset.frame(at: $0).index }
      guard cache.contains(frames) else {
        return LoadedSamples(samples: try dataset.batch(positions, request, draw: draw))
      }
      return LoadedSamples(
        samples: try dataset.batch(positions, withoutImages, draw: draw), features: try cache.read(frames))
    }
    self.latents = latents
    self.features = features
  }

  public mutating func next() throws -> TrainingBatch? {
    guard let loaded = try samples.next() else { return nil }
    let samples = loaded.samples
    var batch = try TrainingBatch(samples)
    try latents?.add(to: &batch.batch, frames: samples.frames.map(\.index))
    if let (cache, policy) = features {
      if loaded.features.isEmpty {
        try cache.replaceImages(in: &batch.batch, of: samples.frames.map(\.index), policy)
      }
      for (key, tensor) in try cache.tensors(loaded.features, rows: samples.positions.count) {
        batch.batch[key] = tensor
      }
    }
    return batch
  }
}

/// What a worker has read for a step.
private struct LoadedSamples: Sendable {
  let samples: SampleBatch
  /// Image features by the policy's name of the camera; empty where the samples bring images.
  var features: [String: [UInt8]] = [:]
}
