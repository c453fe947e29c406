import LibTorch
import NeuralNetworks

/// SigLIP's vision transformer as SmolVLM2 uses it: [B, 3, H, W] in [-1, 1] → [B, patches, width].
struct VisionTower {
  let patchEmbedding: PatchEmbedding2D
  let positionEmbedding: Embedding
  let layers: [VisionTransformerBlock]
  let postLayerNorm: LayerNorm
  let patchesPerSide: Int
  private let patches: PatchPositions
  private let positions = TensorCache<Grid>()

  private struct Grid: Hashable {
    let rows: Int, columns: Int
    let device: Device
  }

  init(
    _ scope: ParameterScope, _ configuration: VisionConfiguration, deviation: Double, patches: PatchPositions
  ) throws {
    self.patches = patches
    let normal = Initializer.normal(standardDeviation: deviation)
    patchesPerSide = configuration.imageSize / configuration.patchSize
    patchEmbedding = try PatchEmbedding2D(
      scope["embeddings"]["patch_embedding"], channels: configuration.channels, width: configuration.hiddenSize,
      patchSize: configuration.patchSize, weights: normal, biases: .zeros)
    positionEmbedding = try Embedding(
      scope["embeddings"]["position_embedding"], rows: patchesPerSide * patchesPerSide,
      width: configuration.hiddenSize, weights: normal)
    var layers: [VisionTransformerBlock] = []
    for index in 0..<configuration.layers {
      layers.append(try VisionTransformerBlock(scope["encoder"]["layers"][index], configuration, normal))
    }
    self.layers = layers
    postLayerNorm = try LayerNorm(
      scope["post_layernorm"], width: configuration.hiddenSize, epsilon: configuration.layerNormEpsilon)
  }

  /// Each group apart, layer by layer, so that a layer's weights are widened once.
  func callAsFunction(_ groups: [Tensor]) throws -> [Tensor] {
    var hidden = try groups.map(embedded)
    for layer in layers {
      // Gradients would keep the wide copies.
      let layer = try hidden.first.map { $0.requiresGrad ? layer : try layer.widened(to: $0.dtype) } ?? layer
      hidden = try hidden.map { try layer($0) }
    }
    return try hidden.map(postLayerNorm.callAsFunction)
  }

  /// Patches with their positions.
  private func embedded(_ images: Tensor) throws -> Tensor {
    let rows = images.size(2) / patchEmbedding.patchSize
    let columns = images.size(3) / patchEmbedding.patchSize
    let positions = try positions(Grid(rows: rows, columns: columns, device: images.device)) {
      try patches.places(rows: rows, columns: columns, side: patchesPerSide).to(images.device)
    }
    return try patchEmbedding(images.to(postLayerNorm.weight.dtype)) + positionEmbedding(positions)
  }
}

extension VisionTransformerBlock {
  fileprivate init(_ scope: ParameterScope, _ configuration: VisionConfiguration, _ normal: Initializer) throws {
    let (width, epsilon) = (configuration.hiddenSize, configuration.layerNormEpsilon)
    func linear(_ scope: ParameterScope, _ inputs: Int, _ outputs: Int) throws -> Linear {
      try Linear(scope, inputs: inputs, outputs: outputs, weights: normal, biases: .zeros)
    }
    let attention = scope["self_attn"]
    // In transformers' order, which numbers the optimizer's states.
    let keys = try linear(attention["k_proj"], width, width)
    let values = try linear(attention["v_proj"], width, width)
    let queries = try linear(attention["q_proj"], width, width)
    let output = try linear(attention["out_proj"], width, width)
    let norm1 = try LayerNorm(scope["layer_norm1"], width: width, epsilon: epsilon)
    let up = try linear(scope["mlp"]["fc1"], width, configuration.intermediateSize)
    let down = try linear(scope["mlp"]["fc2"], configuration.intermediateSize, width)
    let norm2 = try LayerNorm(scope["layer_norm2"], width: width, epsilon: epsilon)
    self.init(
      norms: (norm1, norm2), queries: queries, keys: keys, values: values, output: output, up: up, down: down,
      heads: configuration.attentionHeads, activation: .tanh, fusesActivation: true)
  }
}

/// SmolVLM2's connector: squares of neighboring patches become one token of the language model's width.
struct Connector {
  let projection: Linear
  let scaleFactor: Int

  init(_ scope: ParameterScope, _ backbone: BackboneConfiguration) throws {
    scaleFactor = backbone.scaleFactor
    projection = try Linear(
      scope["modality_projection"]["proj"], inputs: backbone.vision.hiddenSize * scaleFactor * scaleFactor,
      outputs: backbone.text.hiddenSize, bias: false,
      weights: .normal(standardDeviation: backbone.text.initializerRange))
  }

  /// [B, side², W] → [B, (side / scale)², W'], each group apart.
  func callAsFunction(_ groups: [Tensor]) throws -> [Tensor] {
    guard let first = groups.first else { return [] }
    let projection = try projection.widened(to: first.dtype)
    return try groups.map { try projection(shuffled($0)) }
  }

  /// [B, side², W] → [B, (side / scale)², scale² · W]
  private func shuffled(_ patches: Tensor) throws -> Tensor {
    let (batch, width) = (patches.size(0), patches.size(2))
    let side = Int(Double(patches.size(1)).squareRoot())
    let square = scaleFactor * scaleFactor
    return try patches.reshaped([batch, side / scaleFactor, scaleFactor, side / scaleFactor, scaleFactor, width])
      .permuted([0, 1, 3, 2, 4, 5]).reshaped([batch, side * side / square, square * width])
  }
}
