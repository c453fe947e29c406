import CounterBasedRandom
import LibTorch
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import Tracing

/// One update of a policy: loss, gradients, clip and optimizer's step. A GPU repeats it as one graph, unless the gradients
/// of several batches are added up.
public struct PolicyUpdate {
  private let policy: any Policy
  private let optimizer: AdamW
  /// The batches of an update, each of which counts as much as the others.
  private let batches: Int
  /// What the batches before the last one of an update gave to log.
  private var accumulated: [OrderedDictionary<String, Tensor>] = []
  private let recorded = RecordedFunction()
  private static let learningRate = "lr"

  /// - Parameter batches: of one update, of which all but the last go to ``accumulate(_:random:)``.
  public init(_ policy: any Policy, _ optimizer: AdamW, batches: Int = 1) {
    (self.policy, self.optimizer, self.batches) = (policy, optimizer, batches)
  }

  /// Why updates on a GPU are not recorded; see ``RecordedFunction/obstacle``.
  public var obstacle: String? {
    guard batches > 1, policy.parameters.device != .cpu else { return recorded.obstacle }
    return "the gradients of several batches are added up"
  }

  /// Adds a preprocessed batch's gradients to those that the next update takes.
  public mutating func accumulate(_ batch: Batch, random: CountedRandom) throws {
    do {
      let drawn = try policy.drawing(for: batch, random: random)
      accumulated.append(try traced(.update) { try addGradients(of: drawn).metrics })
    } catch {
      abandon()
      throw error
    }
  }

  /// Changes the parameters by a preprocessed batch, and returns scalars worth logging, `grad_norm` last.
  ///
  /// Nothing waits for the device.
  public mutating func callAsFunction(
    _ batch: Batch, random: CountedRandom, learningRate: Double
  ) throws -> OrderedDictionary<String, Tensor> {
    let device = policy.parameters.device
    var inputs = try policy.drawing(for: batch, random: random)
    inputs[Self.learningRate] = try AdamW.rate(learningRate, on: device)
    guard batches > 1 else {
      return try traced(.update) { try recorded(inputs, on: device, expecting: metrics, update).tensors }
    }
    do {
      let last = try traced(.update) { try update(inputs).tensors }
      defer { accumulated = [] }
      return try OrderedDictionary(
        uniqueKeysWithValues: last.map { name, value in
          let parts = accumulated.compactMap { $0[name] }
          // The norms of gradients are of all batches together.
          return (name, parts.isEmpty ? value : try Tensor.stack(parts + [value]).mean())
        })
    } catch {
      abandon()
      throw error
    }
  }

  private mutating func abandon() {
    accumulated = []
    try? optimizer.clearGradients()
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
      let loss = try addGradients(of: batch)
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

  private func addGradients(of batch: Batch) throws -> PolicyLoss {
    let loss = try traced(.forward) { try policy.loss(of: batch) }
    try traced(.backward) { try (batches > 1 ? loss.total * (1 / Double(batches)) : loss.total).backward() }
    return loss
  }
}
