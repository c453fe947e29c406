import CountedRandom
import Foundation
import NeuralNetworks
import Policies
import TestSupport
import Testing
import Torch

@testable import WorldModality

/// `smolvla_world` in one piece against LeRobot's SmolVLA with torch.nn's modules.
struct PolicyGoldenTests {
  @Test(
    .enabled(if: SharedData.directory != nil, "needs ../shared/golden"), arguments: PolicyCase.shared)
  func `the shared goldens' losses, diagnostics, gradients, memory and actions`(_ golden: PolicyCase) throws {
    let loaded = try LoadedPolicyCase(golden)
    let policy = try loaded.policy()
    try golden.compareLossAndGradients(policy, loaded, random: CountedRandom(seed: 0, "unused"))
    try golden.comparePlan(policy, loaded)
  }
}

extension PolicyCase {
  /// Loss, diagnostics and every gradient; nothing more and nothing less than the golden has.
  func compareLossAndGradients(
    _ policy: SmolVLAWorldPolicy, _ loaded: LoadedPolicyCase, random: CountedRandom
  ) throws {
    let loss = try policy.loss(of: loaded.batch, random: random)
    try loss.total.backward()
    var scalars = loss.metrics
    scalars.merge(try policy.gradientMetrics()) { $1 }
    for (key, value) in scalars {
      compare(key, try loaded.deviation(value, "out/\(key)"), below: key == "world_cos" ? 1e-5 : 1e-6)
    }
    let notScalars = ["out/actions", "out/world_memory", "out/loss_all_dimensions_unmasked"]
    let wanted = loaded.expected.keys.filter { $0.hasPrefix("out/") && !notScalars.contains($0) }
    #expect(Set(wanted) == Set(scalars.keys.map { "out/\($0)" }))

    var (worst, place) = (0.0, "none")
    for (name, wanted) in loaded.expected where name.hasPrefix("g/") {
      let parameter = try #require(policy.parameters.parameters.first { "g/\($0.name)" == name }, "\(name)")
      guard let gradient = parameter.tensor.gradient else {
        #expect(try wanted.norm().item() == 0, "\(name) has no gradient")
        continue
      }
      let deviation = try loaded.deviation(gradient, name)
      #expect(deviation < 1e-5, "\(name)")
      if deviation > worst { (worst, place) = (deviation, name) }
    }
    compare("worst gradient (\(place))", worst, below: 1e-5)
  }

  /// The Prophet's memory and the sampled actions.
  func comparePlan(_ policy: SmolVLAWorldPolicy, _ loaded: LoadedPolicyCase) throws {
    if loaded.expected["out/world_memory"] != nil {
      let memory = try #require(policy.intermediates(of: loaded.batch)["out/world_memory"])
      compare("world_memory", try loaded.deviation(memory, "out/world_memory"), below: 1e-5)
    }
    let random = (0..<(try loaded.rows)).map { CountedRandom(seed: 0, "unused").at($0) }
    let actions = try policy.actionChunk(for: loaded.batch, random: random)
    compare("actions", try loaded.deviation(actions, "out/actions"), below: 1e-5)
    #expect(policy.droppedMemories == 0)
  }

  /// Records a deviation, and prints it where `make parity` listens.
  func compare(_ what: String, _ deviation: Double, below tolerance: Double) {
    #expect(deviation < tolerance, "\(what)")
    guard ProcessInfo.processInfo.environment["WM_PARITY_GOLDENS"] != nil else { return }
    let sign = deviation < tolerance ? "equal" : "DIFFERENT"
    print("parity \(testDescription): \(what) \(sign), deviation \(deviation) (tolerance \(tolerance))")
  }
}
