import LibTorch
import NeuralNetworks

/// The action expert: a narrower Llama whose layers take turns at attending to prefix and actions together and at
/// reading the prefix alone through projections of their own.
struct ActionExpert {
  let layers: [DecoderLayer]
  let norm: RMSNorm
  let width: Int
  private let readsPrefixOnly: [Bool]
  private let usesReferenceOrder: Bool
  let headDimension: Int

  init(_ scope: ParameterScope, _ configuration: SmolVLAConfiguration, _ text: TextConfiguration) throws {
    width = Int(Double(text.hiddenSize) * configuration.expertWidthMultiplier)
    headDimension = text.headDimension
    usesReferenceOrder = configuration.usesReferenceOrder
    var layers: [DecoderLayer] = []
    var readsPrefixOnly: [Bool] = []
    for index in 0..<configuration.languageLayers(text) {
      let period = configuration.selfAttentionEveryLayers
      let crosses = configuration.attentionMode == .cross && !(period > 0 && index % period == 0)
      layers.append(
        try DecoderLayer(
          scope["layers"][index], text, width: width, intermediate: Self.intermediateSize(width),
          crossWidth: crosses ? text.keyValueHeads * text.headDimension : nil))
      readsPrefixOnly.append(crosses)
    }
    self.layers = layers
    self.readsPrefixOnly = readsPrefixOnly
    norm = try RMSNorm(scope["norm"], width: width, epsilon: text.rmsNormEpsilon)
  }

  /// LeRobot's rule: two thirds of four times the width, rounded up to a multiple of 256.
  static func intermediateSize(_ width: Int) -> Int {
    let size = 4 * (2 * width / 3)
    return 256 * ((size + 255) / 256)
  }

  /// The masked keys of `length` actions that LeRobot's prefix attends over, layer by layer.
  func maskedSuffixLengths(_ length: Int) -> [Int] { readsPrefixOnly.map { $0 ? 0 : length } }

  /// What each layer reads of the prefix. The same for all denoising steps, so it is made once.
  func cache(of prefix: [KeyValueCache]) throws -> [KeyValueCache] {
    var cache: [KeyValueCache] = []
    for (index, layer) in layers.enumerated() {
      cache.append(readsPrefixOnly[index] ? try layer.project(prefix[index]) : prefix[index])
    }
    return cache
  }

  /// Hidden states of the actions after the last norm, [B, S, width].
  ///
  /// - Parameter suffix: [B, S, width]
  func callAsFunction(_ suffix: Tensor, cache: PrefixCache) throws -> Tensor {
    let context = cache.context
    var hidden = try suffix.to(norm.weight.dtype)
    for (index, layer) in layers.enumerated() {
      let normed = try layer.inputNorm(hidden)
      let queries = try layer.queries(normed, readsPrefixOnly[index] ? context.alone : context.joint)
      let all =
        if readsPrefixOnly[index] { cache.layers[index] } else {
          try cache.layers[index].appending(layer.keysValues(normed, context.joint))
        }
      let mask = readsPrefixOnly[index] ? context.prefixMask : context.jointMask
      let attended =
        if usesReferenceOrder {
          try layer.attendInReferenceOrder(queries, all, mask: mask, beside: cache.gated?[index])
        } else {
          try layer.attend(queries, all, mask: mask, beside: cache.gated?[index])
        }
      hidden = try layer.residualAndMLP(hidden, attended)
    }
    return try norm(hidden)
  }
}

/// Positions and masks of the actions after a prefix; the same in every denoising step.
struct SuffixContext {
  /// Positions that follow the prefix's visible tokens, and positions that begin at 0.
  let joint, alone: RotaryPositions
  /// Additive, [B, 1, 1, P].
  let prefixMask: Tensor
  /// Additive, [B, 1, S, P + S]: all of the prefix that is visible, and the actions up to each one.
  let jointMask: Tensor

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
    prefixMask = try AttentionMask.additive(prefixVisible)
    jointMask = try AttentionMask.additive(
      Tensor.concatenation(
        [
          prefixVisible.expanded([batch, 1, length, prefixLength]),
          AttentionMask.causal(length, device: visible.device).expanded([batch, 1, length, length]),
        ], dimension: -1))
  }
}
