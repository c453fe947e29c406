import Failures

/// Which samples make up the batch of a step: slot `j` of step `k` is position `k * batchSize + j` of an endless
/// sequence of shuffled epochs, so neither a resume nor the number of threads changes it.
public struct BatchSampler: Sendable {
  public let count: Int
  public let batchSize: Int
  public let seed: Int

  /// - Throws: if there are no samples or the batch is empty.
  public init(count: Int, batchSize: Int, seed: Int) throws {
    guard count > 0 else { throw Failure("expected at least one frame to sample from, found none") }
    guard batchSize > 0 else {
      throw Failure("expected a batch size from 1, found \(batchSize); fix `batch_size`")
    }
    self.count = count
    self.batchSize = batchSize
    self.seed = seed
  }

  /// The samples of a step, from 0.
  public func samples(step: Int) -> [Int] {
    let first = max(0, step) * batchSize
    var permutation = CountedPermutation(count: count, seed: seed, epoch: first / count)
    var epoch = first / count
    return (first..<first + batchSize).map { position in
      if position / count != epoch {
        epoch = position / count
        permutation = CountedPermutation(count: count, seed: seed, epoch: epoch)
      }
      return permutation[position % count]
    }
  }
}
