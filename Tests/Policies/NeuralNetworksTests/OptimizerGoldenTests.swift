import Foundation
import LibTorch
import ModelFiles
import Testing

@testable import NeuralNetworks

/// Against torch.optim.AdamW, clip_grad_norm_ and LeRobot's schedule; see oracle/goldens/neural_networks.py.
struct OptimizerGoldenTests {
  private static func url(_ name: String) throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens").appendingPathComponent(name)
  }

  @Test func `five clipped steps of AdamW`() throws {
    let golden = try Tensor.load(Self.url("optimizer.safetensors"))
    let store = try ParameterStore(loading: weights(golden, 0), seed: 0, device: .cpu)
    let first = try Linear(store.root["0"], inputs: 6, outputs: 5)
    let second = try Linear(store.root["2"], inputs: 5, outputs: 2)
    try store.setTrainable { _ in true }
    let optimizer = AdamW(store, settings: AdamWSettings(betas: [0.9, 0.95], weightDecay: 0.1))
    for step in 1...5 {
      let inputs = try #require(golden["in\(step)/inputs"])
      let targets = try #require(golden["in\(step)/targets"])
      try optimizer.clearGradients()
      let loss = try (second(first(inputs).tanh()) - targets).square().mean()
      try loss.backward()
      let norm = try store.clipGradients(toNorm: 0.5)
      try optimizer.step(learningRate: 1e-3 / Double(step))
      #expect(try abs(loss.item() / #require(golden["loss\(step)"]).item() - 1) < 1e-6)
      #expect(try abs(norm.item() / #require(golden["norm\(step)"]).item() - 1) < 1e-6)
      let expected = try weights(golden, step)
      for parameter in store.parameters {
        let difference = try parameter.tensor.detached() - #require(expected[parameter.name])
        #expect(try difference.maxAbs() < 1e-7, "\(parameter.name) after step \(step)")
      }
    }
    for index in store.parameters.indices {
      let state = try #require(optimizer.states[index])
      for (key, tensor) in [
        ("exp_avg", state.firstMoment), ("exp_avg_sq", state.secondMoment), ("step", state.step),
      ] {
        #expect(try (tensor - #require(golden["state/\(index)/\(key)"])).maxAbs() < 1e-7, "\(key)")
      }
    }
  }

  @Test func `gradients within the limit are left as they are`() throws {
    let store = ParameterStore(seed: 0, device: .cpu)
    let layer = try Linear(store.root, inputs: 3, outputs: 2)
    try store.setTrainable { _ in true }
    try layer(Tensor.ones([1, 3])).sum().backward()
    let before = try #require(layer.weight.gradient).clone()
    let norm = try store.clipGradients(toNorm: 100).item()
    #expect(abs(norm - 8.0.squareRoot()) < 1e-6)
    #expect(try #require(layer.weight.gradient).isIdentical(to: before))
  }

  private func weights(_ golden: StateDictionary, _ step: Int) throws -> StateDictionary {
    var found: StateDictionary = [:]
    for (key, tensor) in golden where key.hasPrefix("w\(step)/") { found[String(key.dropFirst(3))] = tensor }
    return found
  }

  @Test func `learning rates equal LeRobot's cosine_decay_with_warmup, shrunken runs and no warm-up included`() throws {
    let table = try #require(JSON(contentsOf: Self.url("schedules.json")).array)
    #expect(table.count == 6)
    for row in table {
      let schedule = CosineSchedule(
        peak: try #require(row["peak"]?.double), final: try #require(row["final"]?.double),
        warmupSteps: try #require(row["warmup"]?.integer), decaySteps: try #require(row["decay"]?.integer),
        steps: try #require(row["steps"]?.integer))
      for point in try #require(row["rates"]?.array).compactMap(\.array) {
        let (step, expected) = (try #require(point.first?.integer), try #require(point.last?.double))
        #expect(abs(schedule.learningRate(at: step) - expected) <= 1e-12 * max(expected, 1e-9), "\(row) at \(step)")
      }
    }
  }
}
