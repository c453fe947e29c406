/// A batch of samples to train on, before the policy's processors.
public struct TrainingBatch {
  /// Tensors on the CPU under the dataset's names; recorded images are pixels, [B, H, W, 3] uint8.
  public var batch: Batch
  /// One instruction for each sample.
  public var instructions: [String]

  public init(batch: Batch, instructions: [String]) {
    self.batch = batch
    self.instructions = instructions
  }
}
