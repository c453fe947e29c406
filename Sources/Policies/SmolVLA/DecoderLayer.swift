import Foundation
import LibTorch
import NeuralNetworks

/// Rotary positions as LeRobot applies them: base 10,000 whatever the backbone says, halves split, in float32.
struct RotaryPositions {
  /// [B or 1, L, 1, headDimension]; the first half of the sines is negative.
  private let cosines, sines: Tensor

  /// - Parameter positions: [B or 1, L], integers.
  init(_ positions: Tensor, headDimension: Int) throws {
    let half = headDimension / 2
    let exponents = try Tensor.arange(half, dtype: .float32, device: positions.device) * (2 / Double(headDimension))
    let timescale = try exponents.pow(base: 10_000)
    let radians = try (positions.to(.float32).unsqueezed(-1) / timescale).unsqueezed(2)
    let (cosine, sine) = try (radians.cos(), radians.sin())
    cosines = try Tensor.concatenation([cosine, cosine], dimension: -1)
    sines = try Tensor.concatenation([-sine, sine], dimension: -1)
  }

  /// [B, L, H, D] turned by each token's position, in float32 and rounded to the input's type.
  func rotate(_ input: Tensor) throws -> Tensor {
    try (input * cosines + input.rolled(by: input.size(-1) / 2, dimension: -1) * sines).to(input.dtype)
  }
}

/// Keys (turned by their positions) and values that later tokens may attend to, each [B, L, keyValueHeads, D].
struct KeyValueCache {
  let keys, values: Tensor

  func appending(_ other: KeyValueCache) throws -> KeyValueCache {
    KeyValueCache(
      keys: try Tensor.concatenation([keys, other.keys], dimension: 1),
      values: try Tensor.concatenation([values, other.values], dimension: 1))
  }

  /// Those of the first `count` tokens.
  func first(_ count: Int) throws -> KeyValueCache {
    KeyValueCache(
      keys: try keys.slice(dimension: 1, 0..<count), values: try values.slice(dimension: 1, 0..<count))
  }
}

/// A Llama layer taken apart, so that vision-language model and action expert can share their attention.
struct DecoderLayer {
  let inputNorm, postAttentionNorm: RMSNorm
  let queryProjection, keyProjection, valueProjection, outputProjection: Linear
  let gateProjection, upProjection, downProjection: Linear
  let heads, keyValueHeads, headDimension: Int

  /// - Parameters:
  ///   - width: the hidden states' width; the attention's own widths are the language model's.
  ///   - crossWidth: where keys and values are made from the prefix's instead of the hidden states: their width.
  init(
    _ scope: ParameterScope, _ text: TextConfiguration, width: Int, intermediate: Int, crossWidth: Int? = nil
  ) throws {
    heads = text.attentionHeads
    keyValueHeads = text.keyValueHeads
    headDimension = text.headDimension
    let normal = Initializer.normal(standardDeviation: text.initializerRange)
    let (inner, innerKV) = (heads * headDimension, keyValueHeads * headDimension)
    func attention(_ name: String, _ inputs: Int, _ outputs: Int) throws -> Linear {
      try Linear(
        scope["self_attn"][name], inputs: inputs, outputs: outputs, bias: text.attentionBias, weights: normal,
        biases: .zeros)
    }
    func feedForward(_ name: String, _ inputs: Int, _ outputs: Int) throws -> Linear {
      try Linear(
        scope["mlp"][name], inputs: inputs, outputs: outputs, bias: text.mlpBias, weights: normal, biases: .zeros)
    }
    // LeRobot replaces these two by plain linear layers, so they start as PyTorch's do.
    func keysOrValues(_ name: String) throws -> Linear {
      guard let crossWidth else { return try attention(name, width, innerKV) }
      return try Linear(scope["self_attn"][name], inputs: crossWidth, outputs: innerKV, bias: text.attentionBias)
    }
    queryProjection = try attention("q_proj", width, inner)
    keyProjection = try keysOrValues("k_proj")
    valueProjection = try keysOrValues("v_proj")
    outputProjection = try attention("o_proj", inner, width)
    gateProjection = try feedForward("gate_proj", width, intermediate)
    upProjection = try feedForward("up_proj", width, intermediate)
    downProjection = try feedForward("down_proj", intermediate, width)
    inputNorm = try RMSNorm(scope["input_layernorm"], width: width, epsilon: text.rmsNormEpsilon)
    postAttentionNorm = try RMSNorm(scope["post_attention_layernorm"], width: width, epsilon: text.rmsNormEpsilon)
  }

  /// [B, L, width] (normed) → [B, L, heads, D]
  func queries(_ normed: Tensor, _ positions: RotaryPositions) throws -> Tensor {
    try positions.rotate(split(queryProjection(normed), heads))
  }

  /// [B, L, width] (normed) → keys and values of the same tokens.
  func keysValues(_ normed: Tensor, _ positions: RotaryPositions) throws -> KeyValueCache {
    KeyValueCache(
      keys: try positions.rotate(split(keyProjection(normed), keyValueHeads)),
      values: try split(valueProjection(normed), keyValueHeads))
  }

  /// The prefix's keys and values seen through this layer's own projections; they are not turned again.
  func project(_ prefix: KeyValueCache) throws -> KeyValueCache {
    KeyValueCache(
      keys: try split(keyProjection(prefix.keys.flattened(from: 2)), keyValueHeads),
      values: try split(valueProjection(prefix.values.flattened(from: 2)), keyValueHeads))
  }

  /// Attention of queries [B, Q, heads, D] → [B, Q, heads · D]; `mask` is added to the scores.
  ///
  /// Query heads that share a head of keys are rows of one product, so that no key or value is repeated.
  func attend(
    _ queries: Tensor, _ cache: KeyValueCache, mask: Tensor, beside gated: GatedKeyValues? = nil
  ) throws -> Tensor {
    // Spelled out rather than fused: the fused kernel's quicker exponential moves gradients by 1e-6, which AdamW's first
    // step turns into weights that differ from LeRobot's, and it saves nothing: 50 ms an update, not 48 (4 heads of 16, batch 32).
    let groups = try inGroups(queries.transposed(1, 2))
    func scores() throws -> Tensor { try product(groups * scale, transposedKeys(cache)) + mask.unsqueezed(2) }
    // On a GPU in bfloat16 the fused kernel: a fifth of the kernels, which are most of a small batch's time.
    if queries.device != .cpu, queries.dtype == .bfloat16 {
      let attended = try Tensor.attention(
        queries: queries.transposed(1, 2), keys: perHead(cache.keys).to(.bfloat16),
        values: perHead(cache.values).to(.bfloat16), mask: mask.clamp(min: -1e38).to(.bfloat16))
      return try perToken(reading(gated, inGroups(attended), groups, scores))
    }
    let scored = try scores()
    let weights = try scored.softmax(dimension: -1).to(cache.values.dtype)
    return try perToken(reading(gated, product(weights, cache.values.transposed(1, 2)), groups) { scored })
  }

  /// The same attention in LeRobot's order of operations, with `maskedSuffixLength` masked keys at the end.
  ///
  /// LeRobot's prefix attends over the actions' keys too, masked: they change nothing but the order of sums.
  func attendInReferenceOrder(
    _ queries: Tensor, _ cache: KeyValueCache, mask: Tensor, maskedSuffixLength: Int = 0,
    beside gated: GatedKeyValues? = nil
  ) throws -> Tensor {
    let padding = [0, 0, 0, 0, 0, maskedSuffixLength]
    let queries = try queries.transposed(1, 2)
    let scores = try queries.matmul(perHead(cache.keys.padded(padding)).transposed(2, 3)) * scale
    let masked = try scores + mask.padded([0, maskedSuffixLength], value: -Double(Float.greatestFiniteMagnitude))
    let weights = try masked.softmax(dimension: -1).to(cache.values.dtype)
    let attended = try weights.matmul(perHead(cache.values.padded(padding)))
    return try perToken(reading(gated, inGroups(attended), inGroups(queries)) { try inGroups(masked) })
  }

  /// What is attended to, [B, keyValueHeads, groups, Q, D], with as much of the gated tokens as their gate lets in; see
  /// ``GatedTokens``.
  ///
  /// - Parameter scores: those of the other keys, masked.
  private func reading(
    _ gated: GatedKeyValues?, _ attended: Tensor, _ queries: Tensor, _ scores: () throws -> Tensor
  ) throws -> Tensor {
    guard let gated else { return attended }
    let scores = try scores()
    let gatedScores = try (product(queries, transposedKeys(gated.cache)) * scale).to(scores.dtype)
    let share = try (gatedScores.logSumExp(dimension: -1) - scores.logSumExp(dimension: -1)).sigmoid()
    let weights = try gatedScores.softmax(dimension: -1).to(gated.cache.values.dtype)
    let difference = try product(weights, gated.cache.values.transposed(1, 2)) - attended
    let opening = gated.opening.rank == 0 ? gated.opening : try gated.opening.unsqueezed(2)
    return try (attended + opening * share * difference).to(attended.dtype)
  }

  /// Output projection, residuals and feed-forward after the attention.
  func residualAndMLP(_ input: Tensor, _ attended: Tensor) throws -> Tensor {
    let hidden = try outputProjection(attended) + input
    let normed = try postAttentionNorm(hidden)
    return try downProjection(gateProjection(normed).silu() * upProjection(normed)) + hidden
  }

  private var scale: Double { 1 / Double(headDimension).squareRoot() }

  private func split(_ input: Tensor, _ heads: Int) throws -> Tensor {
    try input.reshaped([input.size(0), input.size(1), heads, headDimension])
  }

  /// [B, keyValueHeads, D, L]
  private func transposedKeys(_ cache: KeyValueCache) throws -> Tensor { try cache.keys.permuted([0, 2, 3, 1]) }

  /// [B, heads, Q, X] → [B, keyValueHeads, groups, Q, X], the query heads of each head of keys together.
  private func inGroups(_ input: Tensor) throws -> Tensor {
    let shape = input.shape
    return try input.reshaped([shape[0], keyValueHeads, heads / keyValueHeads, shape[2], shape[3]])
  }

  /// [B, keyValueHeads, groups, Q, X] times [B, keyValueHeads, X, Y] → [B, keyValueHeads, groups, Q, Y]
  private func product(_ groups: Tensor, _ matrix: Tensor) throws -> Tensor {
    let shape = groups.shape
    return try groups.reshaped([shape[0], shape[1], shape[2] * shape[3], shape[4]]).matmul(matrix)
      .reshaped(shape.dropLast() + [matrix.size(-1)])
  }

  /// [B, keyValueHeads, groups, Q, D] → [B, Q, heads · D]
  private func perToken(_ attended: Tensor) throws -> Tensor {
    try attended.permuted([0, 3, 1, 2, 4]).flattened(from: 2)
  }

  /// [B, L, keyValueHeads, D] → [B, heads, L, D], each key-value head repeated for its group of query heads.
  private func perHead(_ input: Tensor) throws -> Tensor {
    let (batch, length, groups) = (input.size(0), input.size(1), heads / keyValueHeads)
    guard groups > 1 else { return try input.transposed(1, 2) }
    return try input.transposed(1, 2).unsqueezed(2)
      .expanded([batch, keyValueHeads, groups, length, headDimension])
      .reshaped([batch, heads, length, headDimension])
  }
}

/// Additive attention masks: 0 where a token may look, float32's lowest number elsewhere.
///
/// The lowest number rather than -∞: a row that may look nowhere then attends uniformly, as in LeRobot, and not to NaN.
enum AttentionMask {
  /// - Parameter visible: bool of any shape.
  static func additive(_ visible: Tensor) throws -> Tensor {
    try Tensor.zeros(visible.shape, device: visible.device)
      .maskedFill(visible.not(), value: -Double(Float.greatestFiniteMagnitude))
  }

  /// [1, 1, length, length]: every token sees itself and those before it.
  static func causal(_ length: Int, device: Device) throws -> Tensor {
    let positions = try Tensor.arange(length, device: device)
    return try positions.unsqueezed(0).lessThanOrEqual(positions.unsqueezed(1)).reshaped([1, 1, length, length])
  }
}
