import Failures
import LibTorch
import NeuralNetworks

/// The encoder of V-JEPA 2 (transformers' `VJEPA2Model`, without its predictor): a clip of frames becomes one latent.
///
/// Assran et al., "V-JEPA 2: self-supervised video models enable understanding, prediction and planning", 2025. The
/// encoder is frozen: it runs without gradients.
public struct VJEPA2Encoder: WorldEncoder {
  public let configuration: VJEPA2Configuration
  /// The weights, under the published names.
  public let parameters: ParameterStore
  private let patches: PatchEmbedding3D
  private let layers: [VisionTransformerBlock]
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
    layers = try (0..<configuration.layers).map { try VisionTransformerBlock(scope["layer"][$0], configuration) }
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

  /// The whole image, stretched to the encoder's square.
  public var preprocessing: FramePreprocessing { FramePreprocessing(size: configuration.cropSize) }

  /// The width of a token.
  public var latentDimension: Int { configuration.hiddenSize }

  /// Clips → last hidden states after the final normalization.
  ///
  /// - Parameter clips: [B, frames, C, crop, crop], preprocessed, of any type and device. Fewer frames than a tubelet
  ///   are repeated; frames that fill no tubelet at the end are not seen, as published.
  /// - Returns: [B, tubelets · grid², hidden], of the type of the encoder's products.
  public func hiddenStates(of clips: Tensor) throws -> Tensor {
    let shape = clips.shape
    let side = configuration.cropSize
    guard shape.count == 5, shape[1] > 0, shape[2...] == [configuration.channels, side, side] else {
      throw Failure(
        "the encoder takes clips [batch, frames, \(configuration.channels), \(side), \(side)], found \(shape)")
    }
    return try withoutGradients {
      var input = try clips.to(device).to(parameters.productType).permuted([0, 2, 1, 3, 4])
      if shape[1] < configuration.tubeletSize { input = try input.repeat([1, 1, configuration.tubeletSize, 1, 1]) }
      let tubelets = input.size(2) / configuration.tubeletSize
      var hidden = try patches(input)
      let rotary = try VJEPA2Rotary(
        frames: tubelets, grid: configuration.gridSize, group: configuration.rotaryGroup, dtype: dtype,
        device: device)
      for layer in layers { hidden = try layer(hidden, rotate: rotary.callAsFunction) }
      return try norm(hidden)
    }
  }

  /// Clips that share frames → latents; each clip is encoded as a whole.
  ///
  /// The oldest frame of a clip that does not fill its tubelets is repeated: the published model would leave out the
  /// newest, whose latent this is.
  public func latents(of frames: Tensor, clips: [[Int]]) throws -> Tensor {
    let given = try checked(clips, of: frames)
    let tubelet = configuration.tubeletSize
    let length = (given + tubelet - 1) / tubelet * tubelet
    let full = clips.map { clip in Array(repeating: clip[0], count: length - given) + clip }
    let places = try Tensor(Array(full.joined()), shape: [clips.count * length]).to(frames.device)
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

extension VisionTransformerBlock {
  fileprivate init(_ scope: ParameterScope, _ configuration: VJEPA2Configuration) throws {
    let width = configuration.hiddenSize
    let weights = Initializer.normal(standardDeviation: configuration.initializerRange)
    func linear(_ scope: ParameterScope, _ inputs: Int, _ outputs: Int, bias: Bool = true) throws -> Linear {
      try Linear(scope, inputs: inputs, outputs: outputs, bias: bias, weights: weights, biases: .zeros)
    }
    let (attention, hasBias) = (scope["attention"], configuration.hasAttentionBias)
    let norm1 = try LayerNorm(scope["norm1"], width: width, epsilon: configuration.normEpsilon)
    let queries = try linear(attention["query"], width, width, bias: hasBias)
    let keys = try linear(attention["key"], width, width, bias: hasBias)
    let values = try linear(attention["value"], width, width, bias: hasBias)
    let output = try linear(attention["proj"], width, width)
    let norm2 = try LayerNorm(scope["norm2"], width: width, epsilon: configuration.normEpsilon)
    let up = try linear(scope["mlp"]["fc1"], width, configuration.feedForward)
    let down = try linear(scope["mlp"]["fc2"], configuration.feedForward, width)
    self.init(
      norms: (norm1, norm2), queries: queries, keys: keys, values: values, output: output, up: up, down: down,
      heads: configuration.attentionHeads, activation: .exact)
  }
}
