import Failures
import LibTorch
import NeuralNetworks

/// DINOv2 (transformers' `Dinov2Model`): an image becomes one vector, a clip the mean of its frames'.
///
/// Oquab et al., "DINOv2: learning robust visual features without supervision", 2023. An image's vector is the CLS token
/// after the final normalization (transformers' `pooler_output`); it knows no time, so the vectors of a clip's frames are
/// averaged, and each frame is encoded once however many clips it is in. The encoder is frozen: it runs without
/// gradients.
public struct DINOv2Encoder: WorldEncoder {
  public let configuration: DINOv2Configuration
  /// What images go through first.
  public let preprocessing: FramePreprocessing
  /// The weights, under the published names.
  public let parameters: ParameterStore
  private let classToken: Tensor
  private let positions: Tensor
  private let patches: PatchEmbedding2D
  private let layers: [VisionTransformerBlock]
  private let norm: LayerNorm

  /// Builds the encoder from a store; what the store did not load is random.
  ///
  /// - Throws: `Failure` for a shape that cannot be built, and frames that hold no patch.
  public init(
    _ configuration: DINOv2Configuration, preprocessing: FramePreprocessing, parameters: ParameterStore
  ) throws {
    try configuration.check("the DINOv2 configuration")
    guard preprocessing.size >= configuration.patchSize else {
      throw Failure("frames of \(preprocessing.size) pixels hold no patch of \(configuration.patchSize)")
    }
    self.configuration = configuration
    self.preprocessing = preprocessing
    self.parameters = parameters
    let (root, width) = (parameters.root, configuration.hiddenSize)
    let (embeddings, weights) = (
      root["embeddings"], Initializer.normal(standardDeviation: configuration.initializerRange)
    )
    classToken = try embeddings.parameter("cls_token", [1, 1, width], weights)
    let grid = configuration.gridSize
    let trained = try embeddings.parameter("position_embeddings", [1, grid * grid + 1, width], weights)
    positions = try withoutGradients {
      try Self.interpolated(trained, from: grid, to: preprocessing.size / configuration.patchSize)
    }
    patches = try PatchEmbedding2D(
      embeddings["patch_embeddings"]["projection"], channels: 3, width: width, patchSize: configuration.patchSize,
      weights: weights, biases: .zeros)
    layers = try (0..<configuration.layers).map {
      try VisionTransformerBlock(root["encoder"]["layer"][$0], configuration)
    }
    norm = try LayerNorm(root["layernorm"], width: width, epsilon: configuration.normEpsilon)
  }

  /// An untrained encoder whose weights are a function of `seed`.
  public init(untrained configuration: DINOv2Configuration, preprocessing: FramePreprocessing, seed: Int) throws {
    try self.init(configuration, preprocessing: preprocessing, parameters: ParameterStore(seed: seed, device: .cpu))
  }

  /// Position embeddings [1, 1 + from², width] for a grid of `to` × `to` patches: bicubic in float32, the CLS token's kept.
  private static func interpolated(_ trained: Tensor, from: Int, to: Int) throws -> Tensor {
    guard from != to else { return trained }
    let width = trained.size(2)
    let grid = try trained.slice(dimension: 1, 1..<1 + from * from).reshaped([1, from, from, width]).permuted([
      0, 3, 1, 2,
    ])
    let resized = try grid.to(.float32).resizedBicubic(height: to, width: to, antialias: false).to(trained.dtype)
    return try Tensor.concatenation(
      [trained.slice(dimension: 1, 0..<1), resized.permuted([0, 2, 3, 1]).reshaped([1, to * to, width])], dimension: 1)
  }

  /// DINOv2.
  public var source: LatentsSource { .dino }

  /// The width of a token.
  public var latentDimension: Int { configuration.hiddenSize }

  /// Frames → last hidden states after the final normalization, the CLS token first.
  ///
  /// - Parameter frames: [F, 3, size, size], preprocessed, of any type and device.
  /// - Returns: [F, 1 + patches, hidden], of the type of the encoder's products.
  public func hiddenStates(of frames: Tensor) throws -> Tensor {
    try withoutGradients {
      let tokens = try patches(frames.to(device).to(parameters.productType))
      let first = try classToken.expanded([tokens.size(0), 1, tokens.size(2)])
      var hidden = try Tensor.concatenation([first, tokens], dimension: 1) + positions
      for layer in layers { hidden = try layer(hidden) }
      return try norm(hidden)
    }
  }

  /// Clips that share frames → latents: each frame is encoded once, and the CLS tokens of a clip are averaged in float32.
  public func latents(of frames: Tensor, clips: [[Int]]) throws -> Tensor {
    let length = try checked(clips, of: frames)
    let vectors = try hiddenStates(of: frames)
    return try withoutGradients {
      let places = try Tensor(Array(clips.joined()), shape: [clips.count * length]).to(device)
      let chosen = try vectors.select(dimension: 1, index: 0).to(.float32).indexSelect(dimension: 0, indices: places)
      return try chosen.reshaped([clips.count, length, latentDimension]).mean(dimensions: [1])
    }
  }
}

extension VisionTransformerBlock {
  fileprivate init(_ scope: ParameterScope, _ configuration: DINOv2Configuration) throws {
    let width = configuration.hiddenSize
    let weights = Initializer.normal(standardDeviation: configuration.initializerRange)
    func linear(_ scope: ParameterScope, _ inputs: Int, _ outputs: Int, bias: Bool = true) throws -> Linear {
      try Linear(scope, inputs: inputs, outputs: outputs, bias: bias, weights: weights, biases: .zeros)
    }
    let (attention, hasBias) = (scope["attention"]["attention"], configuration.hasAttentionBias)
    let norm1 = try LayerNorm(scope["norm1"], width: width, epsilon: configuration.normEpsilon)
    let queries = try linear(attention["query"], width, width, bias: hasBias)
    let keys = try linear(attention["key"], width, width, bias: hasBias)
    let values = try linear(attention["value"], width, width, bias: hasBias)
    let output = try linear(scope["attention"]["output"]["dense"], width, width)
    let scale1 = try scope["layer_scale1"].parameter("lambda1", [width], .constant(configuration.layerScale))
    let norm2 = try LayerNorm(scope["norm2"], width: width, epsilon: configuration.normEpsilon)
    let up = try linear(scope["mlp"]["fc1"], width, configuration.feedForward)
    let down = try linear(scope["mlp"]["fc2"], configuration.feedForward, width)
    let scale2 = try scope["layer_scale2"].parameter("lambda1", [width], .constant(configuration.layerScale))
    self.init(
      norms: (norm1, norm2), queries: queries, keys: keys, values: values, output: output, up: up, down: down,
      scales: (scale1, scale2), heads: configuration.attentionHeads, activation: .exact)
  }
}
