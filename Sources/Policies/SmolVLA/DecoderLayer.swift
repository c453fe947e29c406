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
  func rotate(_ input: Tensor) throws -> Tensor { try input.rotated(cosines: cosines, sines: sines) }
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
  private let inputNorm, postAttentionNorm: RMSNorm
  /// Queries, and after them keys and values where they are made of the same tokens.
  private let attentionInput: JoinedLinear
  /// Keys and values of the prefix's; nil where they are taken as they are.
  private let prefixProjections: (keys: Linear, values: Linear)?
  private let outputProjection, downProjection: Linear
  private let gateAndUp: JoinedLinear
  private let heads, keyValueHeads, headDimension: Int

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
    let (attention, feedForward) = (scope["self_attn"], scope["mlp"])
    // In the checkpoint's order, which numbers the optimizer's states.
    attentionInput = try JoinedLinear(
      attention, inputs: width,
      outputs: crossWidth == nil ? ["q_proj": inner, "k_proj": innerKV, "v_proj": innerKV] : ["q_proj": inner],
      bias: text.attentionBias, weights: normal, biases: .zeros)
    // LeRobot replaces these two by plain linear layers, so they start as PyTorch's do.
    prefixProjections = try crossWidth.map { crossWidth in
      func plain(_ name: String) throws -> Linear {
        try Linear(attention[name], inputs: crossWidth, outputs: innerKV, bias: text.attentionBias)
      }
      return (keys: try plain("k_proj"), values: try plain("v_proj"))
    }
    outputProjection = try Linear(
      attention["o_proj"], inputs: inner, outputs: width, bias: text.attentionBias, weights: normal, biases: .zeros)
    gateAndUp = try JoinedLinear(
      feedForward, inputs: width, outputs: ["gate_proj": intermediate, "up_proj": intermediate], bias: text.mlpBias,
      weights: normal, biases: .zeros)
    downProjection = try Linear(
      feedForward["down_proj"], inputs: intermediate, outputs: width, bias: text.mlpBias, weights: normal,
      biases: .zeros)
    inputNorm = try RMSNorm(scope["input_layernorm"], width: width, epsilon: text.rmsNormEpsilon)
    postAttentionNorm = try RMSNorm(scope["post_attention_layernorm"], width: width, epsilon: text.rmsNormEpsilon)
  }

  /// Whether it reads the prefix alone, through projections of its own, and no keys of the tokens that it is applied to.
  var readsPrefixOnly: Bool { prefixProjections != nil }

  /// Hidden states [B, L, width] → queries [B, L, heads, D], of a layer that reads the prefix only.
  func queries(_ hidden: Tensor, _ positions: RotaryPositions) throws -> Tensor {
    try positions.rotate(split(attentionInput(inputNorm(hidden)), heads))
  }

  /// Hidden states [B, L, width] → queries [B, L, heads, D], keys and values of the same tokens.
  func queriesKeysValues(
    _ hidden: Tensor, _ positions: RotaryPositions
  ) throws -> (queries: Tensor, own: KeyValueCache) {
    let parts = try split(attentionInput(inputNorm(hidden)), heads + 2 * keyValueHeads)
      .split(dimension: 2, sizes: [heads + keyValueHeads, keyValueHeads])
    let turned = try positions.rotate(parts[0]).split(dimension: 2, sizes: [heads, keyValueHeads])
    return (turned[0], KeyValueCache(keys: turned[1], values: parts[1]))
  }

  /// The prefix's keys and values as this layer reads them; they are not turned again.
  func project(_ prefix: KeyValueCache) throws -> KeyValueCache {
    guard let prefixProjections else { return prefix }
    return KeyValueCache(
      keys: try split(prefixProjections.keys(prefix.keys.flattened(from: 2)), keyValueHeads),
      values: try split(prefixProjections.values(prefix.values.flattened(from: 2)), keyValueHeads))
  }

  /// Attention of queries [B, Q, heads, D] → [B, Q, heads · D].
  ///
  /// Query heads that share a head of keys are rows of one product, so that no key or value is repeated.
  func attend(
    _ queries: Tensor, _ cache: KeyValueCache, mask: AttentionMask, beside gated: GatedKeyValues? = nil
  ) throws -> Tensor {
    // Spelled out rather than fused: the fused kernel's quicker exponential moves gradients by 1e-6, which AdamW's first
    // step turns into weights that differ from LeRobot's, and it saves nothing: 50 ms an update, not 48 (4 heads of 16, batch 32).
    let groups = try inGroups(queries.transposed(1, 2))
    func scores() throws -> Tensor { try product(groups * scale, transposedKeys(cache)) + mask.added.unsqueezed(2) }
    // On a GPU in bfloat16 the fused kernel: a fifth of the kernels, which are most of a small batch's time.
    if let fused = mask.fused, queries.dtype == fused.dtype {
      let attended = try Tensor.attention(
        queries: queries.transposed(1, 2), keys: perHead(cache.keys).to(fused.dtype),
        values: perHead(cache.values).to(fused.dtype), mask: fused)
      guard let gated else { return try attended.transposed(1, 2).flattened(from: 2) }
      return try perToken(reading(gated, inGroups(attended), groups, scores))
    }
    let scored = try scores()
    let weights = try scored.softmax(dimension: -1).to(cache.values.dtype)
    return try perToken(reading(gated, product(weights, cache.values.transposed(1, 2)), groups) { scored })
  }

  /// The keys and values once for each query head if the fused kernel is going to read them, for several calls with this mask.
  func repeated(_ cache: KeyValueCache, for mask: AttentionMask) throws -> KeyValueCache {
    guard mask.fused?.dtype == cache.keys.dtype else { return cache }
    return KeyValueCache(
      keys: try perHead(cache.keys).transposed(1, 2), values: try perHead(cache.values).transposed(1, 2))
  }

  /// The same attention in LeRobot's order of operations, with `maskedSuffixLength` masked keys at the end.
  ///
  /// LeRobot's prefix attends over the actions' keys too, masked: they change nothing but the order of sums.
  func attendInReferenceOrder(
    _ queries: Tensor, _ cache: KeyValueCache, mask: AttentionMask, maskedSuffixLength: Int = 0,
    beside gated: GatedKeyValues? = nil
  ) throws -> Tensor {
    let padding = [0, 0, 0, 0, 0, maskedSuffixLength]
    let queries = try queries.transposed(1, 2)
    let scores = try queries.matmul(perHead(cache.keys.padded(padding)).transposed(2, 3)) * scale
    let masked = try scores + mask.added.padded([0, maskedSuffixLength], value: -Double(Float.greatestFiniteMagnitude))
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
    let parts = try gateAndUp.outputs(normed)
    return try downProjection(parts[0].silu() * parts[1]) + hidden
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

  /// [B, L, keyValueHeads or heads, D] → [B, heads, L, D], each key-value head repeated for its group of query heads.
  private func perHead(_ input: Tensor) throws -> Tensor {
    let (batch, length, groups) = (input.size(0), input.size(1), heads / keyValueHeads)
    guard groups > 1, input.size(2) < heads else { return try input.transposed(1, 2) }
    return try input.transposed(1, 2).unsqueezed(2)
      .expanded([batch, keyValueHeads, groups, length, headDimension])
      .reshaped([batch, heads, length, headDimension])
  }
}

/// Which keys each query may look at.
struct AttentionMask {
  /// Added to the scores: 0 where a token may look, float32's lowest number elsewhere, [B, 1, 1 or Q, K].
  ///
  /// The lowest number rather than -∞: a row that may look nowhere then attends uniformly, as in LeRobot, and not to NaN.
  let added: Tensor
  /// The same as the fused kernel reads it; nil where it is not used.
  let fused: Tensor?

  /// - Parameters:
  ///   - visible: bool, [B, 1, 1 or Q, K].
  ///   - fusedType: the type of queries for which the fused kernel is used.
  init(_ visible: Tensor, fusedType: DType?) throws {
    added = try Tensor.zeros(visible.shape, device: visible.device)
      .maskedFill(visible.not(), value: -Double(Float.greatestFiniteMagnitude))
    guard let fusedType else {
      fused = nil
      return
    }
    // Rows that begin at multiples of 16 numbers: the kernel would copy others at each call.
    let (count, rowLength) = (visible.size(-1), (visible.size(-1) + 15) / 16 * 16)
    fused = try added.clamp(min: -1e38).to(fusedType).padded([0, rowLength - count])
      .slice(dimension: visible.rank - 1, 0..<count)
  }

  init(_ visible: Tensor) throws { try self.init(visible, fusedType: visible.device == .cpu ? nil : .bfloat16) }

  /// [1, 1, length, length]: every token sees itself and those before it.
  static func causal(_ length: Int, device: Device) throws -> Tensor {
    let positions = try Tensor.arange(length, device: device)
    return try positions.unsqueezed(0).lessThanOrEqual(positions.unsqueezed(1)).reshaped([1, 1, length, length])
  }
}
