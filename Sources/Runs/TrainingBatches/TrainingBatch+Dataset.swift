import LeRobotDatasets
import LibTorch
import RobotPolicies

extension TrainingBatch {
  /// Creates the tensors of a dataset's samples; recorded images stay pixels, transformed ones are [B, 3, H, W] in [0, 1].
  public init(_ samples: SampleBatch) throws {
    let count = samples.positions.count
    var batch = Batch()
    for (camera, images) in samples.images.sorted(by: { $0.key < $1.key }) {
      switch images.pixels {
      case .recorded(let pixels):
        batch[camera] = try Tensor(pixels, shape: [count, images.height, images.width, 3])
      case .transformed(let values):
        batch[camera] = try Tensor(values, shape: [count, 3, images.height, images.width])
      }
    }
    for (name, values) in samples.features.sorted(by: { $0.key < $1.key }) {
      batch[name] = try Tensor(values, shape: [count, values.count / count])
    }
    let chunk = samples.actionIsPadding.count / count
    batch[BatchKey.action] = try Tensor(
      samples.actions, shape: [count, chunk, samples.actions.count / max(1, count * chunk)])
    batch[BatchKey.actionIsPad] = try Tensor(samples.actionIsPadding, shape: [count, chunk])
    self.init(batch: batch, instructions: samples.frames.map(\.task))
  }
}
