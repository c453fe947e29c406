import LibTorch
import Testing

@testable import NeuralNetworks

struct KeptLinearTests {
  @Test func `a layer that is only kept can have an adapter, and leaves its bfloat16 weight where it is`() throws {
    let weight = try Tensor.full([6, 4], 0.5).to(.bfloat16)
    let store = ParameterStore(
      loading: [
        "lm_head.weight": weight, "lm_head.lora_A.weight": try .ones([2, 4]),
        "lm_head.lora_B.weight": try .ones([6, 2]),
      ], seed: 0, device: .cpu
    ) { _, _ in .bfloat16 }
    try store.adapt(LowRankAdaptation(rank: 8, alpha: 8, targets: .everyLinear))
    _ = try Linear(kept: store.root["lm_head"], inputs: 4, outputs: 6, weights: .zeros)
    #expect(store.parameters.map(\.name) == ["lm_head.weight", "lm_head.lora_A.weight", "lm_head.lora_B.weight"])
    #expect(store.unexpected.isEmpty && store.missing.isEmpty && store.misshapen.isEmpty)
    #expect(try #require(store.parameters.first).tensor.lies(in: weight))
  }
}
