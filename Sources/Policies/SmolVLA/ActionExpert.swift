import Failures
import NeuralNetworks
import LibTorch

/// The action expert: a narrower Llama whose layers take turns at attending to prefix and actions together and at
/// reading the prefix alone through projections of their own.
struct ActionExpert {
  let layers: [DecoderLayer]
  let norm: RMSNorm
  let width: Int
  private let readsPrefixOnly: [Bool]
  private let followsPublishedOrder: Bool
  private let headDimension: Int

  init(_ scope: ParameterScope, _ configuration: SmolVLAConfiguration, _ text: TextConfiguration) throws {
    width = Int(Double(text.hiddenSize) * configuration.expertWidthMultiplier)
    headDimension = text.headDimension
    followsPublishedOrder = configuration.followsPublishedOrder
    var layers: [DecoderLayer] = []
    var readsPrefixOnly: [Bool] = []
    for index in 0..<configuration.languageLayers(text) {
      let period = configuration.selfAttentionEveryLayers
      let crosses = configuration.attentionMode.contains("cross") && !(period > 0 && index % period == 0)
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
  func unseenKeys(_ length: Int) -> [Int] { readsPrefixOnly.map { $0 ? 0 : length } }

  /// What each layer reads of the prefix. The same for all denoising steps, so it is made once.
  func memory(of prefix: [KeysValues]) throws -> [KeysValues] {
    var memory: [KeysValues] = []
    for (index, layer) in layers.enumerated() {
      memory.append(readsPrefixOnly[index] ? try layer.project(prefix[index]) : prefix[index])
    }
    return memory
  }

  /// Hidden states of the actions after the last norm, [B, S, width].
  ///
  /// - Parameters:
  ///   - suffix: [B, S, width]
  ///   - memory: from `memory(of:)`, P tokens.
  ///   - visible: which of the prefix's tokens count, bool [B, P].
  func callAsFunction(_ suffix: Tensor, memory: [KeysValues], visible: Tensor) throws -> Tensor {
    let (batch, length, prefixLength) = (suffix.size(0), suffix.size(1), visible.size(1))
    let places = try Tensor.arange(length, device: suffix.device).unsqueezed(0)
    let offset = try visible.to(.int64).sum(dimensions: [1], keepDimensions: true)
    let joint = try RotaryPositions(offset + places, headDimension: headDimension)
    let alone = try RotaryPositions(places, headDimension: headDimension)
    let prefixVisible = try visible.reshaped([batch, 1, 1, prefixLength])
    let prefixMask = try AttentionMask.additive(prefixVisible)
    let jointMask = try AttentionMask.additive(
      Tensor.concatenation(
        [
          prefixVisible.expanded([batch, 1, length, prefixLength]),
          AttentionMask.causal(length, device: suffix.device).expanded([batch, 1, length, length]),
        ], dimension: -1))
    var hidden = suffix
    for (index, layer) in layers.enumerated() {
      let normed = try layer.inputNorm(hidden)
      let queries = try layer.queries(normed, readsPrefixOnly[index] ? alone : joint)
      let all =
        if readsPrefixOnly[index] { memory[index] } else {
          try memory[index].followed(by: layer.keysValues(normed, joint))
        }
      let mask = readsPrefixOnly[index] ? prefixMask : jointMask
      let attended =
        if followsPublishedOrder { try layer.attendAsPublished(queries, all, mask: mask) } else {
          try layer.attend(queries, all, mask: mask)
        }
      hidden = try layer.finish(hidden, attended)
    }
    return try norm(hidden)
  }
}
