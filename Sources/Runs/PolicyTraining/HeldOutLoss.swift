import CounterBasedRandom
import Failures
import LibTorch
import OrderedCollections
import RobotPolicies
import RunLogs
import Tracing

/// A policy's loss on batches that it is not trained on.
public struct HeldOutLoss {
  /// LeRobot's key of the loss, beside which the parts of a policy's loss are `eval/eval_NAME`.
  public static let key = prefix + "loss"
  static let prefix = "eval/eval_"

  private let pretrained: PretrainedPolicy
  private let random: CountedRandom

  /// - Parameter seed: of everything that the loss draws, which is the same at every step, so that curves are of the
  ///   policy alone.
  public init(_ pretrained: PretrainedPolicy, seed: Int) {
    self.pretrained = pretrained
    random = CountedRandom(seed: seed, "held out")
  }

  /// The mean of the batches' losses, as LeRobot takes it: the last batch counts like the others.
  ///
  /// - Parameters:
  ///   - isInterrupted: asked before each batch.
  ///   - onBatch: is told how many batches are done.
  /// - Returns: nil if it was interrupted.
  /// - Throws: what loading a batch throws, and a loss that is not finite.
  public func callAsFunction(
    _ batches: inout some BatchSource, isInterrupted: () -> Bool = { false }, onBatch: (Int) -> Void = { _ in }
  ) throws -> Metrics? {
    var (sums, count): (Metrics, Int) = ([:], 0)
    while let samples = try batches.next() {
      guard !isInterrupted() else { return nil }
      let batch = try pretrained.preprocessor(
        samples.batch, tasks: samples.instructions, device: pretrained.policy.parameters.device)
      let loss = try traced(.forward) {
        try withoutGradients { try pretrained.policy.loss(of: batch, random: random.at(count)) }
      }
      for (name, value) in loss.metrics { sums[Self.prefix + name, default: 0] += try value.item() }
      count += 1
      onBatch(count)
    }
    let means = sums.mapValues { $0 / Double(max(1, count)) }
    if let bad = means.first(where: { !$0.value.isFinite }) {
      throw Failure("\(bad.key) is \(bad.value); the policy has diverged, or held-out data are not finite")
    }
    return means
  }
}
