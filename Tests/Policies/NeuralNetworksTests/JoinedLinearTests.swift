import CounterBasedRandom
import Testing

@testable import LibTorch
@testable import NeuralNetworks

/// Layers that are computed as one product, beside the same layers one by one.
struct JoinedLinearTests {
  private static var outputs: KeyValuePairs<String, Int> { ["q_proj": 12, "k_proj": 5, "v_proj": 20] }

  private func joined(_ store: ParameterStore, bias: Bool = false) throws -> JoinedLinear {
    try JoinedLinear(
      store.root["attention"], inputs: 16, outputs: Self.outputs, bias: bias, weights: .normal(standardDeviation: 0.5),
      biases: .constant(0.25))
  }

  private func single(_ store: ParameterStore, bias: Bool = false) throws -> [Linear] {
    try Self.outputs.map { name, width in
      try Linear(
        store.root["attention"][name], inputs: 16, outputs: width, bias: bias,
        weights: .normal(standardDeviation: 0.5), biases: .constant(0.25))
    }
  }

  private func input() throws -> Tensor {
    let input = try Tensor.normal([3, 7, 16], CountedRandom(seed: 2, "input"))
    try input.setRequiresGrad(true)
    return input
  }

  /// The output, its gradient by the input, and those by the parameters.
  private func results(
    _ store: ParameterStore, autocast: DType? = nil, _ layer: (Tensor) throws -> Tensor
  ) throws -> [Tensor] {
    let input = try input()
    let output = try withAutocast(autocast, on: .cpu) { try layer(input) }
    try (output * output).sum().backward()
    return try [output, #require(input.gradient)] + store.trainable.map { try #require($0.parameter.tensor.gradient) }
  }

  private func expectClose(_ found: [Tensor], _ expected: [Tensor], within tolerance: Double) throws {
    #expect(found.count == expected.count)
    for (one, other) in zip(found, expected) {
      #expect(one.shape == other.shape && one.dtype == other.dtype)
      #expect(try (one - other).norm().item() <= tolerance * other.norm().item())
    }
  }

  @Test(arguments: [false, true], [Precision.fp32, .bf16])
  func `outputs, gradients and parameters are the single layers'`(bias: Bool, precision: Precision) throws {
    let store = ParameterStore(seed: 4, device: .cpu, precision: precision)
    let other = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    let (layer, parts) = (try joined(store, bias: bias), try single(other, bias: bias))
    try store.setTrainable { _ in true }
    try other.setTrainable { _ in true }
    #expect(store.parameters.map(\.name) == other.parameters.map(\.name))
    for (one, other) in zip(store.parameters, other.parameters) {
      #expect(try one.tensor.isIdentical(to: other.tensor))
    }
    let found = try results(store) { try layer($0) }
    let expected = try results(other) { input in try .concatenation(parts.map { try $0(input) }, dimension: -1) }
    try expectClose(found, expected, within: 1e-6)
    for (one, part) in try zip(layer.outputs(input()), parts) {
      try expectClose([one], [part(input())], within: precision == .fp32 ? 0 : 1e-6)
    }
  }

  @Test func `what an optimizer does to a parameter is seen`() throws {
    let store = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    let layer = try joined(store)
    try store.setTrainable { _ in true }
    let optimizer = AdamW(store, settings: AdamWSettings(learningRate: 0.1))
    _ = try results(store) { try layer($0) }
    try optimizer.step(learningRate: 0.1)
    let other = ParameterStore(
      loading: .init(uniqueKeysWithValues: try store.parameters.map { ($0.name, try $0.tensor.detached()) }), seed: 9,
      device: .cpu)
    let parts = try single(other)
    let expected = try Tensor.concatenation(parts.map { try $0(input()) }, dimension: -1)
    try expectClose([layer(input())], [expected], within: 1e-6)
    #expect(other.missing.isEmpty)
  }

  @Test func `some layers may be frozen`() throws {
    let store = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    let layer = try joined(store)
    try store.setTrainable { $0.contains("k_proj") }
    let found = try results(store) { try layer($0) }
    let whole = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    let all = try joined(whole)
    try whole.setTrainable { _ in true }
    let expected = try results(whole) { try all($0) }
    try expectClose(found, [expected[0], expected[1], expected[3]], within: 1e-6)
    #expect(store.parameters.count { $0.tensor.gradient != nil } == 1)
  }

  @Test func `products in bfloat16 give parameters in float32 gradients in float32`() throws {
    let store = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    let layer = try joined(store)
    try store.setTrainable { _ in true }
    let found = try results(store, autocast: .bfloat16) { try layer($0) }
    #expect(found[0].dtype == .bfloat16 && found.dropFirst().allSatisfy { $0.dtype == .float32 })
    for parameter in store.parameters { try parameter.tensor.clearGradient() }
    let expected = try results(store) { try layer($0) }
    try expectClose(Array(found.dropFirst()), Array(expected.dropFirst()), within: 0.02)
  }

  @Test func `an adapter of one of them changes its outputs alone`() throws {
    let store = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    try store.adapt(LowRankAdaptation(rank: 2, alpha: 2, targets: .names(["k_proj"])))
    let layer = try joined(store)
    let up = try #require(store.parameters.first { $0.name.contains("lora_B") })
    let before = try layer(input())
    try withoutGradients { try up.tensor.copy(from: Tensor.ones(up.tensor.shape)) }
    let change = try (layer(input()) - before).split(dimension: -1, sizes: Self.outputs.map(\.value))
    #expect(try change.map { try $0.norm().item() > 0 } == [false, true, false])
  }

  @Test func `a parameter that was given other memory is read there`() throws {
    let store = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    let layer = try joined(store)
    let before = try layer(input())
    // What `parameter.data = …` does in Python.
    for parameter in store.parameters {
      try call("aten::set_.source_Tensor", .tensor(parameter.tensor), .tensor(parameter.tensor * 2))
    }
    try expectClose([layer(input())], [before * 2], within: 1e-6)
  }

  @Test func `parameters of an owner are used where they lie`() throws {
    let own = ParameterStore(seed: 4, device: .cpu, precision: .bf16)
    _ = try joined(own)
    let given = StateDictionary(uniqueKeysWithValues: try own.parameters.map { ($0.name, try $0.tensor.clone()) })
    let store = ParameterStore(loading: given, isShared: true, seed: 0, device: .cpu, precision: .bf16)
    let layer = try joined(store)
    let before = try layer(input())
    try withoutGradients { for tensor in given.values { try tensor.copy(from: tensor * 2) } }
    try expectClose([layer(input())], [before * 2], within: 1e-6)
  }
}
