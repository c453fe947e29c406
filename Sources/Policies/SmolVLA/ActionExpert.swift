import LibTorch
import NeuralNetworks

/// The action expert: a narrower Llama whose layers take turns at attending to prefix and actions together and at
/// reading the prefix alone through projections of their own.
struct ActionExpert {
  let layers: [DecoderLayer]
  let norm: RMSNorm
  let width: Int
  private let usesReferenceOrder: Bool
  let headDimension: Int

  init(_ scope: ParameterScope, _ configuration: SmolVLAConfiguration, _ text: TextConfiguration) throws {
    width = Int(Double(text.hiddenSize) * configuration.expertWidthMultiplier)
    headDimension = text.headDimension
    usesReferenceOrder = configuration.usesReferenceOrder
    var layers: [DecoderLayer] = []
    for index in 0..<configuration.languageLayers(text) {
      let period = configuration.selfAttentionEveryLayers
      let crosses = configuration.attentionMode == .cross && !(period > 0 && index % period == 0)
      layers.append(
        try DecoderLayer(
          scope["layers"][index], text, width: width, intermediate: Self.intermediateSize(width),
          crossWidth: crosses ? text.keyValueHeads * text.headDimension : nil))
    }
    self.layers = layers
    norm = try RMSNorm(scope["norm"], width: width, epsilon: text.rmsNormEpsilon)
  }

  /// LeRobot's rule: two thirds of four times the width, rounded up to a multiple of 256.
  static func intermediateSize(_ width: Int) -> Int {
    let size = 4 * (2 * width / 3)
    return 256 * ((size + 255) / 256)
  }

  /// The masked keys of `length` actions that LeRobot's prefix attends over, layer by layer.
  func maskedSuffixLengths(_ length: Int) -> [Int] { layers.map { $0.readsPrefixOnly ? 0 : length } }

  /// What each layer reads of the prefix. The same for all denoising steps, so it is made once.
  ///
  /// - Parameter context: where it is read with the masks of one, as ``DecoderLayer/repeated(_:for:)`` says.
  func cache(of prefix: [KeyValueCache], repeatedFor context: SuffixContext? = nil) throws -> [KeyValueCache] {
    try zip(layers, prefix).map { layer, prefix in
      let cache = try layer.project(prefix)
      guard let context, layer.readsPrefixOnly else { return cache }
      return try layer.repeated(cache, for: context.prefixMask)
    }
  }

  /// Hidden states of the actions after the last norm, [B, S, width].
  ///
  /// - Parameter suffix: [B, S, width]
  func callAsFunction(_ suffix: Tensor, cache: PrefixCache) throws -> Tensor {
    let context = cache.context
    var hidden = try suffix.to(norm.weight.dtype)
    for (index, layer) in layers.enumerated() {
      let (queries, keysValues, mask) = try attentionInputs(of: hidden, layer, cache.layers[index], context)
      let attended =
        if usesReferenceOrder {
          try layer.attendInReferenceOrder(queries, keysValues, mask: mask, beside: cache.gated?[index])
        } else {
          try layer.attend(queries, keysValues, mask: mask, beside: cache.gated?[index])
        }
      hidden = try layer.residualAndMLP(hidden, attended)
    }
    return try norm(hidden)
  }

  /// What a layer attends with and to: the prefix alone, or the actions behind it too.
  private func attentionInputs(
    of hidden: Tensor, _ layer: DecoderLayer, _ prefix: KeyValueCache, _ context: SuffixContext
  ) throws -> (queries: Tensor, KeyValueCache, AttentionMask) {
    guard !layer.readsPrefixOnly else {
      return (try layer.queries(hidden, context.alone), prefix, context.prefixMask)
    }
    let (queries, own) = try layer.queriesKeysValues(hidden, context.joint)
    return (queries, try prefix.appending(own), context.jointMask)
  }
}

/// Positions and masks of the actions after a prefix; the same in every denoising step.
struct SuffixContext {
  /// Positions that follow the prefix's visible tokens, and positions that begin at 0.
  let joint, alone: RotaryPositions
  /// Of [B, 1, 1, P].
  let prefixMask: AttentionMask
  /// Of [B, 1, S, P + S]: all of the prefix that is visible, and the actions up to each one.
  let jointMask: AttentionMask

  /// - Parameters:
  ///   - visible: which of the prefix's tokens count, bool [B, P].
  ///   - length: the number of actions, S.
  init(visible: Tensor, length: Int, _ headDimension: Int) throws {
    let (batch, prefixLength) = (visible.size(0), visible.size(1))
    let positions = try Tensor.arange(length, device: visible.device).unsqueezed(0)
    let offset = try visible.to(.int64).sum(dimensions: [1], keepDimensions: true)
    joint = try RotaryPositions(offset + positions, headDimension: headDimension)
    alone = try RotaryPositions(positions, headDimension: headDimension)
    let prefixVisible = try visible.reshaped([batch, 1, 1, prefixLength])
    prefixMask = try AttentionMask(prefixVisible)
    jointMask = try AttentionMask(
      Tensor.concatenation(
        [
          prefixVisible.expanded([batch, 1, length, prefixLength]),
          AttentionMask.causal(length, device: visible.device).expanded([batch, 1, length, length]),
        ], dimension: -1))
  }
}
