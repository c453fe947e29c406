import LeRobotDatasets
import LibTorch
import RobotPolicies
import WorkerThreads

extension ImageFeatureCache {
  /// The positions in a dataset whose features are not all there.
  public func missing(in dataset: LeRobotDataset, among positions: Range<Int>) throws -> [Int] {
    try positions.filter { try !contains([dataset.frame(at: $0).index]) }
  }

  /// Computes the features of frames in their order, which reads each image file from front to back.
  ///
  /// - Parameters:
  ///   - positions: in the dataset, ascending.
  ///   - workers: threads that decode images while features are computed.
  ///   - progress: told how many are done; may throw to stop, and what was computed stays.
  public func complete(
    _ positions: [Int], of dataset: LeRobotDataset, with pretrained: PretrainedPolicy, batchSize: Int, workers: Int,
    progress: (Int) throws -> Void
  ) throws {
    let request = SampleSpecification(cameras: Array(files.keys), features: [], actionFeature: nil, chunkSize: 0)
    let batches = stride(from: 0, to: positions.count, by: batchSize).map {
      Array(positions[$0..<min($0 + batchSize, positions.count)])
    }
    let loader = OrderedPrefetcher(steps: 0..<batches.count, workers: workers) {
      try dataset.batch(batches[$0], request)
    }
    defer { try? synchronize() }
    var done = 0
    while let samples = try loader.next() {
      var batch = Batch()
      for (camera, images) in samples.images {
        guard case .recorded(let pixels) = images.pixels else { continue }
        batch[camera] = try Tensor(pixels, shape: [images.count, images.height, images.width, 3])
      }
      try replaceImages(in: &batch, of: samples.frames.map(\.index), pretrained)
      done += samples.positions.count
      try progress(done)
    }
  }

  /// Waits until everything that was computed is on the disk.
  public func synchronize() throws { for file in files.values { try file.synchronize() } }
}
