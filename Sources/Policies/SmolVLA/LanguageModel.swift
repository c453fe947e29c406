import LibTorch
import NeuralNetworks

/// The backbone's language model, as far as SmolVLA uses it: it turns the prefix into keys and values, layer by layer.
struct LanguageModel {
  let embedding: Embedding
  let layers: [DecoderLayer]
  /// In the checkpoint and never used.
  let norm: RMSNorm
  let headDimension: Int

  init(_ scope: ParameterScope, _ text: TextConfiguration, layers count: Int) throws {
    headDimension = text.headDimension
    embedding = try Embedding(
      scope["embed_tokens"], rows: text.vocabularySize, width: text.hiddenSize, paddingIndex: text.paddingIndex,
      weights: .normal(standardDeviation: text.initializerRange))
    var layers: [DecoderLayer] = []
    for index in 0..<count {
      layers.append(
        try DecoderLayer(
          scope["layers"][index], text, width: text.hiddenSize, intermediate: text.intermediateSize))
    }
    self.layers = layers
    norm = try RMSNorm(scope["norm"], width: text.hiddenSize, epsilon: text.rmsNormEpsilon)
  }

  /// The keys and values of tokens that come after `past`.
  ///
  /// The last layer's attention and feed-forward are left out: nothing reads what they would give.
  /// - Parameters:
  ///   - tokens: [B, L, width]
  ///   - positions: [B, L]
  ///   - mask: of [B, 1, 1 or L, past + L].
  ///   - past: the keys and values of earlier tokens, layer by layer.
  ///   - maskedSuffixLength: to follow LeRobot's order of operations: the masked keys at each layer's end.
  ///   - gated: what the tokens read besides in a layer, given their keys and values there.
  func keysValues(
    of tokens: Tensor, positions: Tensor, mask: AttentionMask, after past: [KeyValueCache]? = nil,
    maskedSuffixLength: [Int]? = nil,
    beside gated: (_ layer: Int, _ own: KeyValueCache) throws -> GatedKeyValues? = { _, _ in nil }
  ) throws -> [KeyValueCache] {
    let rotary = try RotaryPositions(positions, headDimension: headDimension)
    var hidden = try tokens.to(norm.weight.dtype)
    var result: [KeyValueCache] = []
    for (index, layer) in layers.enumerated() {
      let (queries, own) = try layer.queriesKeysValues(hidden, rotary)
      result.append(own)
      let gated = try gated(index, own)
      guard index < layers.count - 1 else { break }
      let cache = if let past { try past[index].appending(own) } else { own }
      let attended =
        if let maskedSuffixLength {
          try layer.attendInReferenceOrder(
            queries, cache, mask: mask, maskedSuffixLength: maskedSuffixLength[index], beside: gated)
        } else {
          try layer.attend(queries, cache, mask: mask, beside: gated)
        }
      hidden = try layer.residualAndMLP(hidden, attended)
    }
    return result
  }
}
