@testable import WorldLatents
import CounterBasedRandom
import Foundation
import LibTorch
import NeuralNetworks
import Testing
import TestSupport

@testable import WorldModality

/// Prophet and gated injection against torch.nn's modules; see oracle/goldens/world_modality.py.
@Suite struct NetworkTests {
  @Test(arguments: ["delta", "absolute"])
  func `prediction, memory, loss, injection and all gradients`(name: String) throws {
    let golden = try Golden("world_\(name).safetensors")
    var configuration = WorldModalityConfiguration()
    configuration.isDeltaPrediction = name == "delta"
    configuration.worldLatentDimension = try golden["in/history"].size(-1)
    configuration.futureOffset = try golden["in/future"].size(1)
    configuration.prophetLayers = name == "delta" ? 2 : 1
    configuration.prophetHeads = name == "delta" ? 2 : 4
    configuration.injectionHeads = name == "delta" ? 4 : 3
    let store = ParameterStore(loading: golden.below("w/"), seed: 0, device: .cpu)
    let world = try WorldModel(store.root, configuration, expertWidth: golden["in/hidden"].size(-1))
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    try store.setTrainable { _ in true }
    let hidden = try golden["in/hidden"].clone()
    try hidden.setRequiresGrad(true)

    let step = try world.trainingStep(
      LatentBatch(
        history: golden["in/history"], future: golden["in/future"], isValid: golden["in/valid"]), random: [])
    let memory = try #require(step.memory)
    let (injected, metrics) = try world.injectWithDiagnostics(hidden, memory)
    try (injected.square().mean() + step.loss * 0.2).backward()

    #expect(try memory.distance(to: golden["out/memory"]) < 1e-6)
    #expect(try injected.distance(to: golden["out/injected"]) < 1e-6)
    #expect(try step.loss.distance(to: golden["out/world_loss"]) < 1e-6)
    #expect(try #require(step.metrics["world_cos"]).distance(to: golden["out/world_cos"]) < 1e-6)
    for key in ["attn_entropy", "attn_pmax", "ctx_norm", "act_norm"] {
      #expect(try #require(metrics["world_\(key)"]).deviation(from: golden["out/\(key)"]) < 1e-6, "\(key)")
    }
    #expect(try #require(hidden.gradient).deviation(from: golden["g/hidden"]) < 1e-5)
    for parameter in store.parameters {
      let gradient = try #require(parameter.tensor.gradient, "\(parameter.name)")
      #expect(try gradient.deviation(from: golden["g/\(parameter.name)"]) < 1e-5, "\(parameter.name)")
    }
    #expect(try world.inject(hidden, memory).distance(to: injected) < 1e-6)
  }

  /// With the gate closed the action loss does not reach the Prophet, so its gradients are the world loss's alone.
  @Test(.enabled(if: SharedData.directory != nil), arguments: ["smolvla_world_tiny", "smolvla_world_tiny_closed"])
  func `the shared goldens' memory, diagnostics and Prophet`(name: String) throws {
    let folder = try #require(SharedData.directory).appendingPathComponent("golden")
    let golden = try Golden(folder.appendingPathComponent("\(name).safetensors"))
    let weights = try Tensor.load(folder.appendingPathComponent("\(name)/model.safetensors"))
    let ours = weights.filter { $0.key.hasPrefix("prophet.") || $0.key.hasPrefix("model.world_inject.") }
    var configuration = WorldModalityConfiguration()
    configuration.worldLatentDimension = 24
    configuration.futureOffset = 5
    configuration.prophetHeads = 4
    configuration.injectionHeads = 4
    let store = ParameterStore(loading: ours, seed: 0, device: .cpu)
    let world = try WorldModel(store.root, configuration, expertWidth: 36)
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    try store.setTrainable { _ in true }
    let step = try world.trainingStep(
      LatentBatch(
        history: golden["in/world_z_hist"], future: golden["in/world_z_future"],
        isValid: golden["in/world_future_valid"]), random: [])
    let prediction = try world.prediction(ofHistory: golden["in/world_z_hist"])
    #expect(try prediction.distance(to: golden["mid/prophet"]) < 1e-5)
    #expect(try #require(step.memory).distance(to: golden["out/world_memory"]) < 1e-5)
    var metrics = step.metrics
    metrics["world_loss"] = step.loss
    for (key, value) in metrics {
      let tolerance = key == "world_cos" ? 1e-5 : 1e-6
      #expect(try abs(value.item() - golden["out/\(key)"].item()) < tolerance * max(1, value.item()), "\(key)")
    }
    guard name.hasSuffix("closed") else { return }
    try (step.loss * configuration.worldLossWeight).backward()
    let gradients = golden.below("g/").filter { $0.key.hasPrefix("prophet.") }
    #expect(gradients.count == 29)
    for (key, expected) in gradients {
      let parameter = try #require(store.parameters.first { $0.name == key })
      #expect(try #require(parameter.tensor.gradient).deviation(from: expected) < 1e-5, "\(key)")
    }
    let norms = try world.gradientMetrics(of: store)
    #expect(try #require(norms["grad_prophet"]).deviation(from: golden["out/grad_prophet"]) < 1e-6)
  }
}
