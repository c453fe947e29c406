import CounterBasedRandom
import Failures
import LibTorch
import NeuralNetworks
import RobotPolicies
import Testing

@testable import PolicyTraining

/// Learns the mean of rows: the loss is the mean of (w − x)².
private final class RowsPolicy: Policy {
  let parameters = ParameterStore(seed: 1, device: .cpu)
  let interface = PolicyInterface(inputs: [:], outputs: [:], chunkSize: 1, actionSteps: 1)
  let weight: Tensor

  init() throws {
    weight = try parameters.root.parameter("w", [2], .constant(0.5))
    try parameters.setTrainable { _ in true }
  }

  func loss(of batch: Batch) throws -> PolicyLoss {
    let loss = try (weight - batch.require("x")).square().mean()
    return PolicyLoss(total: loss, metrics: ["loss": loss])
  }

  func actionChunk(for batch: Batch, random: [CountedRandom]) throws -> Tensor { throw Failure("never planned") }
}

struct AccumulationTests {
  private static let rows: [[Float]] = [[1, 2], [3, -4], [0.5, 6], [7, 8], [-9, 1], [2, 2]]
  private let settings = AdamWSettings(learningRate: 0.1, weightDecay: 0.01)

  private func batch(_ rows: ArraySlice<[Float]>) throws -> Batch {
    Batch(["x": try Tensor(rows.flatMap(\.self), shape: [rows.count, 2])])
  }

  @Test(arguments: [1, 2, 3]) func `updates of several batches are those of all their rows at once`(size: Int) throws {
    let random = CountedRandom(seed: 0, "unused")
    let (whole, parts) = (try RowsPolicy(), try RowsPolicy())
    let (wholeOptimizer, partsOptimizer) = (
      AdamW(whole.parameters, settings: settings), AdamW(parts.parameters, settings: settings)
    )
    var big = PolicyUpdate(whole, wholeOptimizer)
    var small = PolicyUpdate(parts, partsOptimizer, batches: 6 / size)
    for step in 0..<3 {
      let wanted = try big(batch(Self.rows[...]), random: random, learningRate: 0.1)
      for first in stride(from: 0, to: 6 - size, by: size) {
        try small.accumulate(batch(Self.rows[first..<first + size]), random: random)
      }
      let found = try small(batch(Self.rows[(6 - size)...]), random: random, learningRate: 0.1)
      for name in ["loss", "grad_norm"] {
        let (one, other) = (try #require(found[name]).item(), try #require(wanted[name]).item())
        #expect(abs(one / other - 1) < 1e-6, "\(name) of update \(step)")
      }
      #expect(parts.weight.gradient == nil, "the next update begins without")
    }
    let difference = try (whole.weight.detached() - parts.weight.detached()).abs().amax(dimensions: []).item()
    #expect(difference < 1e-6)
    // The first moment of one update is (1 − β₁) · the clipped mean of the rows' gradients, 2 (w − x) / 2.
    let fresh = try RowsPolicy()
    let optimizer = AdamW(fresh.parameters, settings: settings)
    var update = PolicyUpdate(fresh, optimizer, batches: 2)
    try update.accumulate(batch(Self.rows[..<3]), random: random)
    _ = try update(batch(Self.rows[3...]), random: random, learningRate: 0.1)
    let moments = try #require(optimizer.states[0]).firstMoment.scalars(Float.self)
    for column in 0..<2 {
      let gradient = Self.rows.map { 0.5 - $0[column] }.reduce(0, +) / 6
      #expect(abs(moments[column] - 0.1 * gradient) < 1e-6)
    }
  }

  @Test func `a batch that fails leaves no gradients behind`() throws {
    let policy = try RowsPolicy()
    var update = PolicyUpdate(policy, AdamW(policy.parameters, settings: settings), batches: 2)
    try update.accumulate(batch(Self.rows[..<2]), random: CountedRandom(seed: 0, "unused"))
    #expect(policy.weight.gradient != nil)
    #expect(throws: (any Error).self) { try update.accumulate(Batch(), random: CountedRandom(seed: 0, "unused")) }
    #expect(policy.weight.gradient == nil)
  }
}
