import LibTorch
import NeuralNetworks

/// The Prophet: predicts the latents of the next K frames from those of the last T.
///
/// A projection of the history, K learned query slots behind it, a pre-norm transformer encoder over both, and a
/// projection of the last K positions. There is no positional embedding beyond the slots. float32.
public struct Prophet {
  /// K, the frames predicted.
  public let horizon: Int
  public let latentDimension: Int
  private let inputProjection: Linear
  /// `[1, K, D]`
  private let querySlots: Tensor
  private let layers: [TransformerEncoderLayer]
  private let outputProjection: Linear

  /// Builds it from a scope (`prophet`): `input_proj`, `query_slots`, `encoder.layers.N`, `output_proj`.
  public init(_ scope: ParameterScope, _ configuration: WorldModalityConfiguration) throws {
    let width = configuration.worldLatentDimension
    horizon = configuration.futureOffset
    latentDimension = width
    inputProjection = try Linear(scope["input_proj"], inputs: width, outputs: width)
    querySlots = try scope.parameter("query_slots", [1, horizon, width], .normal(standardDeviation: 0.02))
    var layers: [TransformerEncoderLayer] = []
    for index in 0..<configuration.prophetLayers {
      layers.append(
        try TransformerEncoderLayer(
          scope["encoder"]["layers"][index], width: width, heads: configuration.prophetHeads, feedForward: 4 * width))
    }
    self.layers = layers
    outputProjection = try Linear(scope["output_proj"], inputs: width, outputs: width)
  }

  /// History [B, T, D] float32 → prediction [B, K, D]: latents, or their change since now under delta prediction.
  public func callAsFunction(_ history: Tensor) throws -> Tensor {
    let queries = try querySlots.expanded([history.size(0), -1, -1])
    var tokens = try Tensor.concatenation([inputProjection(history), queries], dimension: 1)
    for layer in layers { tokens = try layer(tokens) }
    let length = tokens.size(1)
    return try outputProjection(tokens.slice(dimension: 1, length - horizon..<length))
  }
}
