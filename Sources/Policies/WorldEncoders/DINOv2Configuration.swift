import Failures
import ModelFiles

/// The shape of a DINOv2 encoder, under the names and defaults of transformers' `config.json` (base).
public struct DINOv2Configuration: Sendable, Equatable {
  /// The side of a square patch, in pixels.
  public var patchSize = 14
  /// The side of the images that the position embeddings were trained for, in pixels; others are interpolated.
  public var imageSize = 224
  /// Width of a token, which is the latent's dimension.
  public var hiddenSize = 768
  /// Attention heads of a layer.
  public var attentionHeads = 12
  public var layers = 12
  /// Width of the feed-forward network, as a multiple of the token's.
  public var feedForwardRatio = 4.0
  /// What keeps layer normalization from dividing by zero.
  public var normEpsilon = 1e-6
  /// Whether queries, keys and values have biases.
  public var hasAttentionBias = true
  /// Standard deviation of an untrained model's weights.
  public var initializerRange = 0.02
  /// The first value of an untrained model's layer scales.
  public var layerScale = 1.0

  /// The base model, but for the 518 pixels that its published position embeddings were trained for.
  public init() {}

  /// Position embeddings along one side of an image.
  public var gridSize: Int { imageSize / patchSize }
  /// Width of the feed-forward network.
  public var feedForward: Int { Int(Double(hiddenSize) * feedForwardRatio) }
}

extension DINOv2Configuration {
  /// Reads transformers' form; fields left out take the published defaults.
  ///
  /// - Parameter place: the file, for errors.
  /// - Throws: `Failure` for another model, a value that is not a number, and shapes that cannot be built.
  public init(_ json: JSON, in place: String) throws {
    let settings = try JSONFields(encoder: json, type: "dinov2", in: place)
    patchSize = try settings.integer("patch_size", default: patchSize)
    imageSize = try settings.integer("image_size", default: imageSize)
    hiddenSize = try settings.integer("hidden_size", default: hiddenSize)
    attentionHeads = try settings.integer("num_attention_heads", default: attentionHeads)
    layers = try settings.integer("num_hidden_layers", default: layers)
    feedForwardRatio = try settings.number("mlp_ratio", default: feedForwardRatio)
    normEpsilon = try settings.number("layer_norm_eps", default: normEpsilon)
    initializerRange = try settings.number("initializer_range", default: initializerRange)
    layerScale = try settings.number("layerscale_value", default: layerScale)
    hasAttentionBias = settings.bool("qkv_bias", default: hasAttentionBias)
    guard !settings.bool("use_swiglu_ffn", default: false) else {
      throw Failure("\(place): use_swiglu_ffn is not supported; take facebook/dinov2-base or -large")
    }
    guard try settings.integer("num_channels", default: 3) == 3 else {
      throw Failure("\(place): expected num_channels 3, images in color")
    }
    try check(place)
  }

  /// Refuses shapes that no encoder has; errors name `place`.
  public func check(_ place: String) throws {
    let sizes = [patchSize, imageSize, hiddenSize, attentionHeads, layers]
    guard sizes.allSatisfy({ (1...1 << 16).contains($0) }), (0.01...64).contains(feedForwardRatio), feedForward > 0,
      normEpsilon > 0
    else { throw Failure("\(place): a size of the encoder is not positive, or is absurdly large") }
    guard hiddenSize % attentionHeads == 0 else {
      throw Failure("\(place): \(attentionHeads) heads do not divide the hidden size \(hiddenSize)")
    }
    guard imageSize >= patchSize else {
      throw Failure("\(place): images of \(imageSize) pixels hold no patch of \(patchSize)")
    }
  }

  /// transformers' form, which its `Dinov2Model` loads.
  public var json: JSON {
    [
      "architectures": ["Dinov2Model"], "model_type": "dinov2", "patch_size": .integer(patchSize),
      "image_size": .integer(imageSize), "hidden_size": .integer(hiddenSize), "num_channels": 3,
      "num_attention_heads": .integer(attentionHeads), "num_hidden_layers": .integer(layers),
      "mlp_ratio": .number(feedForwardRatio), "layer_norm_eps": .number(normEpsilon),
      "qkv_bias": .bool(hasAttentionBias), "hidden_act": "gelu", "initializer_range": .number(initializerRange),
      "layerscale_value": .number(layerScale), "use_swiglu_ffn": false, "use_mask_token": false,
      "drop_path_rate": 0.0, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    ]
  }
}
