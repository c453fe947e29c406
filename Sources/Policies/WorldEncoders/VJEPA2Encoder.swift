import Failures
import NeuralNetworks
import LibTorch

/// The encoder of V-JEPA 2 (transformers' `VJEPA2Model`, without its predictor): a clip of frames becomes one latent.
///
/// Assran et al., "V-JEPA 2: self-supervised video models enable understanding, prediction and planning", 2025. The
/// encoder is frozen: it runs without gradients.
public struct VJEPA2Encoder: WorldEncoder {
  /// The encoder's shape.
  public let configuration: VJEPA2Configuration
  /// The weights, under the published names.
  public let parameters: ParameterStore
  private let patches: PatchEmbedding3D
  private let layers: [VJEPA2Layer]
  private let norm: LayerNorm

  /// Builds the encoder from a store's `encoder.…`; what the store did not load is random.
  ///
  /// - Throws: `Failure` for a shape that cannot be built.
  public init(_ configuration: VJEPA2Configuration, parameters: ParameterStore) throws {
    try configuration.check("the V-JEPA 2 configuration")
    self.configuration = configuration
    self.parameters = parameters
    let scope = parameters.root["encoder"]
    patches = try PatchEmbedding3D(
      scope["embeddings"]["patch_embeddings"]["proj"], channels: configuration.channels,
      width: configuration.hiddenSize, tubeletSize: configuration.tubeletSize, patchSize: configuration.patchSize)
    layers = try (0..<configuration.layers).map { try VJEPA2Layer(scope["layer"][$0], configuration) }
    norm = try LayerNorm(scope["layernorm"], width: configuration.hiddenSize, epsilon: configuration.normEpsilon)
  }

  /// An untrained encoder whose weights are a function of `seed`.
  public init(
    untrained configuration: VJEPA2Configuration, seed: Int, dtype: DType = .float32, device: Device = .cpu
  ) throws {
    try self.init(configuration, parameters: ParameterStore(seed: seed, device: device, dtype: dtype))
  }

  /// V-JEPA 2.
  public var source: LatentsSource { .vjepa }

  /// The whole picture, stretched to the encoder's square.
  public var preprocessing: FramePreprocessing { FramePreprocessing(size: configuration.cropSize) }

  /// The width of a token.
  public var latentDimension: Int { configuration.hiddenSize }

  /// Clips → last hidden states after the final normalization.
  ///
  /// - Parameter clips: [B, frames, C, crop, crop], preprocessed, of any type and device. Fewer frames than a tubelet
  ///   are repeated; frames that fill no tubelet at the end are not seen, as published.
  /// - Returns: [B, tubelets · grid², hidden], of the encoder's type.
  public func hiddenStates(of clips: Tensor) throws -> Tensor {
    let shape = clips.shape
    let side = configuration.cropSize
    guard shape.count == 5, shape[1] > 0, shape[2...] == [configuration.channels, side, side] else {
      throw Failure(
        "the encoder takes clips [batch, frames, \(configuration.channels), \(side), \(side)], found \(shape)")
    }
    return try withoutGradients {
      var input = try clips.to(device).to(dtype).permuted([0, 2, 1, 3, 4])
      if shape[1] < configuration.tubeletSize { input = try input.repeat([1, 1, configuration.tubeletSize, 1, 1]) }
      let tubelets = input.size(2) / configuration.tubeletSize
      var hidden = try patches(input)
      let rotary = try VJEPA2Rotary(
        frames: tubelets, grid: configuration.gridSize, group: configuration.rotaryGroup, dtype: dtype,
        device: device)
      for layer in layers { hidden = try layer(hidden, rotary) }
      return try norm(hidden)
    }
  }

  /// Clips that share frames → latents; each clip is encoded as a whole.
  public func latents(of frames: Tensor, clips: [[Int]]) throws -> Tensor {
    let length = try checked(clips, of: frames)
    let places = try Tensor(Array(clips.joined()), shape: [clips.count * length]).to(frames.device)
    return try latents(
      of: frames.indexSelect(dimension: 0, indices: places).reshaped([clips.count, length] + frames.shape[1...]))
  }

  /// Clips → latents: the mean of all tokens.
  ///
  /// - Parameter clips: as for `hiddenStates(of:)`.
  /// - Returns: [B, hidden] float32, on the encoder's device.
  public func latents(of clips: Tensor) throws -> Tensor {
    let hidden = try hiddenStates(of: clips)
    return try withoutGradients { try hidden.to(.float32).mean(dimensions: [1]) }
  }
}

/// One layer: attention and feed-forward network, each normalized first and added.
struct VJEPA2Layer {
  let norm1: LayerNorm
  let norm2: LayerNorm
  let query: Linear
  let key: Linear
  let value: Linear
  let projection: Linear
  let up: Linear
  let down: Linear
  let heads: Int

  init(_ scope: ParameterScope, _ configuration: VJEPA2Configuration) throws {
    let width = configuration.hiddenSize
    let weights = Initializer.normal(standardDeviation: configuration.initializerRange)
    let attention = scope["attention"]
    let hasBias = configuration.hasAttentionBias
    norm1 = try LayerNorm(scope["norm1"], width: width, epsilon: configuration.normEpsilon)
    query = try Linear(
      attention["query"], inputs: width, outputs: width, bias: hasBias, weights: weights, biases: .zeros)
    key = try Linear(attention["key"], inputs: width, outputs: width, bias: hasBias, weights: weights, biases: .zeros)
    value = try Linear(
      attention["value"], inputs: width, outputs: width, bias: hasBias, weights: weights, biases: .zeros)
    projection = try Linear(attention["proj"], inputs: width, outputs: width, weights: weights, biases: .zeros)
    norm2 = try LayerNorm(scope["norm2"], width: width, epsilon: configuration.normEpsilon)
    up = try Linear(
      scope["mlp"]["fc1"], inputs: width, outputs: configuration.feedForward, weights: weights, biases: .zeros)
    down = try Linear(
      scope["mlp"]["fc2"], inputs: configuration.feedForward, outputs: width, weights: weights, biases: .zeros)
    heads = configuration.attentionHeads
  }

  /// [B, tokens, width] → the same shape.
  func callAsFunction(_ input: Tensor, _ rotary: VJEPA2Rotary) throws -> Tensor {
    let normed = try norm1(input)
    let attended = try Tensor.attention(
      queries: rotary(split(query(normed))), keys: rotary(split(key(normed))), values: split(value(normed)))
    let hidden = try input + projection(attended.transposed(1, 2).flattened(from: 2))
    return try hidden + down(up(norm2(hidden)).gelu(.exact))
  }

  /// [B, tokens, width] → [B, heads, tokens, head size]
  private func split(_ input: Tensor) throws -> Tensor {
    let shape = input.shape
    return try input.reshaped([shape[0], shape[1], heads, shape[2] / heads]).transposed(1, 2)
  }
}
