import LeRobotDatasets
import PolicyTraining
import RobotPolicies
import WorkerThreads

/// The training batches of a dataset, loaded and decoded ahead by worker threads.
///
/// The samples of a step are a function of the seed and the step, so neither a resume nor the number of workers changes
/// them.
public struct DatasetBatches: BatchSource {
  private let samples: OrderedPrefetcher<SampleBatch>
  private let latents: TrainingLatents?

  /// Starts loading.
  ///
  /// - Parameters:
  ///   - request: what each sample holds, under the dataset's names.
  ///   - first: the number of updates that are done.
  ///   - workers: the number of threads; with 0 each batch is loaded when it is asked for.
  ///   - latents: the world latents that are added to each batch, if any.
  public init(
    _ dataset: LeRobotDataset, _ request: SampleSpecification, _ settings: TrainingSettings, from first: Int,
    workers: Int = 4,
    latents: TrainingLatents? = nil
  ) throws {
    let sampler = try BatchSampler(count: dataset.count, batchSize: settings.batchSize, seed: settings.seed)
    samples = OrderedPrefetcher(sampler: sampler, steps: first..<settings.steps, workers: workers) {
      try dataset.batch($0, request, draw: $1)
    }
    self.latents = latents
  }

  public mutating func next() throws -> TrainingBatch? {
    guard let samples = try samples.next() else { return nil }
    var batch = try TrainingBatch(samples)
    try latents?.add(to: &batch.batch, samples)
    return batch
  }
}
