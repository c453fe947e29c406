@testable import WorldLatents
import CounterBasedRandom
import Foundation
import LibTorch
import NeuralNetworks
import Testing

@testable import WorldModality

/// Prophet and gated injection against torch.nn's modules; see oracle/goldens/world_modality.py.
struct NetworkTests {
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
    let world = try WorldModel(
      store.root, configuration, expertWidth: golden["in/hidden"].size(-1), languageWidth: 8)
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    try store.setTrainable { _ in true }
    let hidden = try golden["in/hidden"].clone()
    try hidden.setRequiresGrad(true)

    let step = try world.trainingStep(
      LatentBatch(
        history: golden["in/history"], future: golden["in/future"], isValid: golden["in/valid"]), random: [])
    let memory = try #require(step.memory)
    let (injected, diagnostics) = try world.fusion.injection.withDiagnostics(hidden, memory)
    let metrics = diagnostics.metrics("")
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
    #expect(try world.fusion.injection(hidden, memory).distance(to: injected) < 1e-6)
  }
}
