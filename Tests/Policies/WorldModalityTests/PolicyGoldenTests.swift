import CounterBasedRandom
import LibTorch
import NeuralNetworks
import RobotPolicies
import SmolVLA
import Testing

@testable import WorldModality

/// `smolvla_world` in one piece against LeRobot's SmolVLA with torch.nn's modules.
struct PolicyGoldenTests {
  @Test func `there are goldens`() {
    #expect(PolicyCase.committed.count >= 31)
    if let drawn = PolicyCase.drawnFolder { #expect(!PolicyCase.all(in: drawn).isEmpty) }
  }

  @Test(arguments: PolicyCase.committed + PolicyCase.drawn)
  func `losses, diagnostics and gradients in many configurations`(_ golden: PolicyCase) throws {
    let loaded = try LoadedPolicyCase(golden)
    // The usual order of sums must serve as well as the published one.
    let usual = try loaded.policy { $0.smolvla.usesReferenceOrder = false }
    try golden.compareLossAndGradients(usual, loaded, random: loaded.random())
    let policy = try loaded.policy()
    try golden.compareLossAndGradients(policy, loaded, random: loaded.random())
    #expect(policy.parameters.trainable.count == loaded.metadata["trainable"].flatMap { Int($0) })
    // None where PyTorch has none, none or zeros where PyTorch has zeros.
    for name in try (loaded.list("without_gradient") + loaded.list("zero_gradient")).compactMap(\.string) {
      let parameter = try #require(policy.parameters.parameters.first { $0.name == name }, "\(name)")
      #expect(try parameter.tensor.gradient?.norm().item() ?? 0 == 0, "\(name)")
    }
    let norm = try policy.parameters.gradientNorm()
    golden.compare("gradient norm", try loaded.deviation(norm, "out/gradnorm"), below: 1e-5)
  }

  @Test(arguments: PolicyCase.committed + PolicyCase.drawn)
  func `memory and actions in many configurations`(_ golden: PolicyCase) throws {
    let loaded = try LoadedPolicyCase(golden)
    try golden.comparePlan(loaded.policy(), loaded)
  }

  @Test func `weights after one AdamW step`() throws {
    let golden = try PolicyCase.committed("two_prophet_layers/step")
    let loaded = try LoadedPolicyCase(golden)
    let policy = try loaded.policy()
    try policy.loss(of: loaded.batch, random: loaded.random()).total.backward()
    _ = try policy.parameters.clipGradients(toNorm: 10)
    try AdamW(policy.parameters, settings: SmolVLAConfiguration().optimizer).step(learningRate: 1e-3)
    var worst = 0.0
    for (_, parameter) in policy.parameters.trainable {
      let name = "w1/" + parameter.name
      let deviation =
        if name.hasSuffix("in_proj_bias") {
          try deviationBesideKeys(parameter.tensor, #require(loaded.expected[name]))
        } else { try loaded.deviation(parameter.tensor, name) }
      #expect(deviation < 1e-6, "\(name)")
      worst = max(worst, deviation)
    }
    golden.compare("worst weight", worst, below: 1e-6)
  }

  /// The keys' bias has the gradient 0 but for rounding, which AdamW turns into steps of either sign.
  private func deviationBesideKeys(_ found: Tensor, _ wanted: Tensor) throws -> Double {
    let width = wanted.size(0) / 3
    let (queries, values) = (0..<width, 2 * width..<3 * width)
    func kept(_ bias: Tensor) throws -> Tensor {
      try Tensor.concatenation(
        [bias.detached().slice(dimension: 0, queries), bias.detached().slice(dimension: 0, values)], dimension: 0)
    }
    return try kept(found).deviation(from: kept(wanted))
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
    for (key, value) in scalars where key != "world_cos" {
      // Through a place of the prefix gradients pass the whole backbone; their norms are as exact as they are.
      let world = policy.configuration.world
      let isDeep = key.hasPrefix("grad_") && (world.prefixTokens > 0 || world.isPrefixInjectionEnabled)
      compare(key, try loaded.deviation(value, "out/\(key)"), below: isDeep ? 1e-5 : 1e-6)
    }
    let (cosine, wanted) = try (scalars["world_cos"]?.item() ?? .nan, #require(loaded.expected["out/world_cos"]).item())
    // A mean of cosines of either sign may come close to 0, where it has no precision of its own.
    compare("world_cos", abs(cosine - wanted) / max(abs(wanted), 1e-2), below: 1e-5)
    let notScalars = ["out/actions", "out/world_memory", "out/gradnorm", "out/loss_all_dimensions_unmasked"]
    let names = loaded.expected.keys.filter { $0.hasPrefix("out/") && !notScalars.contains($0) }
    #expect(Set(names) == Set(scalars.keys.map { "out/\($0)" }))

    var worst = 0.0
    for (name, wanted) in loaded.expected where name.hasPrefix("g/") {
      let parameter = try #require(policy.parameters.parameters.first { "g/\($0.name)" == name }, "\(name)")
      guard let gradient = parameter.tensor.gradient else {
        #expect(try wanted.norm().item() == 0, "\(name) has no gradient")
        continue
      }
      let deviation = try loaded.gradientDeviation(gradient, name)
      #expect(deviation < 1e-5, "\(name)")
      worst = max(worst, deviation)
    }
    compare("worst gradient", worst, below: 1e-5)
  }

  /// The Prophet's memory and the sampled actions.
  func comparePlan(_ policy: SmolVLAWorldPolicy, _ loaded: LoadedPolicyCase) throws {
    if loaded.expected["out/world_memory"] != nil {
      let memory = try #require(
        policy.intermediates(of: loaded.batch, random: CountedRandom(seed: 0, "unused"))["out/world_memory"])
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
    guard PolicyCase.drawnFolder != nil else { return }
    let sign = deviation < tolerance ? "equal" : "DIFFERENT"
    print("parity \(testDescription): \(what) \(sign), deviation \(deviation) (tolerance \(tolerance))")
  }
}
