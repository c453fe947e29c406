import CounterBasedRandom
import LibTorch
import NeuralNetworks
import Testing

@testable import SmolVLA

/// The attention of a GPU, which is the fused kernel's, beside the spelled-out one; both run on any device.
struct DecoderLayerTests {
  private static let text = TextConfiguration(
    hiddenSize: 24, intermediateSize: 32, layers: 1, attentionHeads: 6, keyValueHeads: 2, headDimension: 4,
    vocabularySize: 8, rmsNormEpsilon: 1e-5, initializerRange: 0.3, paddingIndex: nil, attentionBias: false,
    mlpBias: false)

  private func layer(crossWidth: Int? = nil) throws -> DecoderLayer {
    try DecoderLayer(
      ParameterStore(seed: 3, device: .cpu).root, Self.text, width: 24, intermediate: 32, crossWidth: crossWidth)
  }

  private func numbers(_ shape: [Int], _ name: String) throws -> Tensor {
    try Tensor.normal(shape, CountedRandom(seed: 1, name))
  }

  /// bool [2, 1, 5, 9]: causal at the end, with a first token that nothing may see in the second row.
  private func visible() throws -> Tensor {
    let prefix = try Tensor([1, 1, 1, 1, 0, 1, 1, 1], shape: [2, 1, 1, 4]).to(.bool).expanded([2, 1, 5, 4])
    return try .concatenation([prefix, AttentionMask.causal(5, device: .cpu).expanded([2, 1, 5, 5])], dimension: -1)
  }

  @Test func `fused attention is the spelled-out one, of repeated keys too`() throws {
    let layer = try layer()
    let (queries, own) = try layer.queriesKeysValues(
      numbers([2, 5, 24], "hidden"), RotaryPositions(Tensor.arange(5).unsqueezed(0), headDimension: 4))
    let cache = try KeyValueCache(keys: numbers([2, 4, 2, 4], "keys"), values: numbers([2, 4, 2, 4], "values"))
      .appending(own)
    let (spelled, fused) = try (
      AttentionMask(visible()), AttentionMask(visible(), fusedType: .float32)
    )
    #expect(spelled.fused == nil)
    let expected = try layer.attend(queries, cache, mask: spelled)
    let repeated = try layer.repeated(cache, for: fused)
    #expect(repeated.keys.shape == [2, 9, 6, 4])
    #expect(try layer.repeated(cache, for: spelled).keys.shape == [2, 9, 2, 4])
    for found in try [layer.attend(queries, cache, mask: fused), layer.attend(queries, repeated, mask: fused)] {
      #expect(found.shape == [2, 5, 24])
      #expect(try (found - expected).norm().item() < 1e-6 * expected.norm().item())
    }
  }

  @Test func `fused attention reads gated tokens as the spelled-out one does`() throws {
    let layer = try layer(crossWidth: 8)
    let queries = try layer.queries(
      numbers([2, 5, 24], "hidden"), RotaryPositions(Tensor.arange(5).unsqueezed(0), headDimension: 4))
    func cache(_ length: Int, _ name: String) throws -> KeyValueCache {
      try layer.project(
        KeyValueCache(
          keys: numbers([2, length, 2, 4], name), values: numbers([2, length, 2, 4], name + " values")))
    }
    let prefix = try cache(9, "prefix")
    let gated = GatedKeyValues(cache: try cache(3, "gated"), opening: try Tensor.full([], 0.4))
    func attended(_ fusedType: DType?, _ gated: GatedKeyValues?) throws -> Tensor {
      try layer.attend(queries, prefix, mask: AttentionMask(visible(), fusedType: fusedType), beside: gated)
    }
    let expected = try attended(nil, gated)
    #expect(try (attended(.float32, gated) - expected).norm().item() < 1e-6 * expected.norm().item())
    #expect(try (attended(nil, nil) - expected).norm().item() > 1e-3)
  }
}
