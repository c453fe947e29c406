import CounterBasedRandom
import LibTorch
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import Tracing

/// One update of a policy: loss, gradients, clip and optimizer's step. A GPU repeats it as one graph.
public struct PolicyUpdate {
  private let policy: any Policy
  private let optimizer: AdamW
  private let recorded = RecordedFunction()
  private static let learningRate = "lr"

  public init(_ policy: any Policy, _ optimizer: AdamW) {
    (self.policy, self.optimizer) = (policy, optimizer)
  }

  /// Why updates on a GPU are not recorded; see ``RecordedFunction/obstacle``.
  public var obstacle: String? { recorded.obstacle }

  /// Changes the parameters by a preprocessed batch, and returns scalars worth logging, `grad_norm` last.
  ///
  /// Nothing waits for the device.
  public func callAsFunction(
    _ batch: Batch, random: CountedRandom, learningRate: Double
  ) throws -> OrderedDictionary<String, Tensor> {
    let device = policy.parameters.device
    var inputs = try policy.drawing(for: batch, random: random)
    inputs[Self.learningRate] = try AdamW.rate(learningRate, on: device)
    return try traced(.update) { try recorded(inputs, on: device, expecting: metrics, update).tensors }
  }

  private func update(_ inputs: Batch) throws -> Batch {
    try metrics(inputs) { try optimizer.step(learningRate: inputs.require(Self.learningRate)) }
  }

  /// What an update logs, without a step.
  private func metrics(_ inputs: Batch) throws -> Batch { try metrics(inputs) {} }

  private func metrics(_ inputs: Batch, step: () throws -> Void) throws -> Batch {
    do {
      var batch = inputs
      batch[Self.learningRate] = nil
      let loss = try traced(.forward) { try policy.loss(of: batch) }
      try traced(.backward) { try loss.total.backward() }
      var metrics = loss.metrics.merging(try policy.gradientMetrics()) { $1 }
      metrics["grad_norm"] = try traced(.optimizer) {
        let norm = try policy.clipGradients(toNorm: optimizer.settings.maximumGradientNorm)
        try step()
        try optimizer.clearGradients()
        return norm
      }
      return Batch(metrics)
    } catch {
      // A recording that failed has left gradients that were never computed.
      try? optimizer.clearGradients()
      throw error
    }
  }
}
