import Failures
import ModelFiles
import OrderedCollections

/// The shape of a V-JEPA 2 encoder, under the names and defaults of transformers' `config.json` (ViT-L, 256 pixels).
public struct VJEPA2Configuration: Sendable, Equatable {
  /// The side of a square patch, in pixels.
  public var patchSize = 16
  /// The side of a frame, in pixels.
  public var cropSize = 256
  /// Frames that the published model was trained with; shorter and longer clips work too.
  public var framesPerClip = 64
  public var tubeletSize = 2
  /// Width of a token, which is the latent's dimension.
  public var hiddenSize = 1024
  public var channels = 3
  /// Attention heads of a layer.
  public var attentionHeads = 16
  public var layers = 24
  /// Width of the feed-forward network, as a multiple of the token's.
  public var feedForwardRatio = 4.0
  /// What keeps layer normalization from dividing by zero.
  public var normEpsilon = 1e-6
  /// Whether queries, keys and values have biases.
  public var hasAttentionBias = true
  /// Standard deviation of an untrained model's weights.
  public var initializerRange = 0.02

  /// ViT-L at 256 pixels.
  public init() {}

  /// Tokens along one side of a frame.
  public var gridSize: Int { cropSize / patchSize }
  public var headSize: Int { hiddenSize / attentionHeads }
  /// Width of the feed-forward network.
  public var feedForward: Int { Int(Double(hiddenSize) * feedForwardRatio) }
  /// Dimensions of a head that turn with one axis (frame, row or column); what three groups leave over stays unturned.
  public var rotaryGroup: Int { 2 * (headSize / 3 / 2) }
}

extension VJEPA2Configuration {
  /// Reads transformers' form; fields left out take the published defaults.
  ///
  /// - Parameter place: the file, for errors.
  /// - Throws: `Failure` for another model, a value that is not a number, and shapes that cannot be built.
  public init(_ json: JSON, in place: String) throws {
    let settings = try JSONFields(encoder: json, type: "vjepa2", in: place)
    patchSize = try settings.integer("patch_size", default: patchSize)
    cropSize = try settings.integer("crop_size", default: cropSize)
    framesPerClip = try settings.integer("frames_per_clip", default: framesPerClip)
    tubeletSize = try settings.integer("tubelet_size", default: tubeletSize)
    hiddenSize = try settings.integer("hidden_size", default: hiddenSize)
    channels = try settings.integer("in_chans", default: channels)
    attentionHeads = try settings.integer("num_attention_heads", default: attentionHeads)
    layers = try settings.integer("num_hidden_layers", default: layers)
    feedForwardRatio = try settings.number("mlp_ratio", default: feedForwardRatio)
    normEpsilon = try settings.number("layer_norm_eps", default: normEpsilon)
    initializerRange = try settings.number("initializer_range", default: initializerRange)
    hasAttentionBias = settings.bool("qkv_bias", default: hasAttentionBias)
    try check(place)
  }

  /// Refuses shapes that no encoder has; errors name `place`.
  public func check(_ place: String) throws {
    let sizes = [patchSize, cropSize, tubeletSize, framesPerClip, hiddenSize, channels, attentionHeads, layers]
    guard sizes.allSatisfy({ (1...1 << 16).contains($0) }), (0.01...64).contains(feedForwardRatio), feedForward > 0,
      normEpsilon > 0
    else { throw Failure("\(place): a size of the encoder is not positive, or is absurdly large") }
    guard hiddenSize % attentionHeads == 0 else {
      throw Failure("\(place): \(attentionHeads) heads do not divide the hidden size \(hiddenSize)")
    }
    guard headSize >= 12 else {
      throw Failure("\(place): heads of \(headSize) dimensions leave nothing to turn; 12 are the fewest")
    }
    guard cropSize >= patchSize else {
      throw Failure("\(place): frames of \(cropSize) pixels hold no patch of \(patchSize)")
    }
  }

  /// transformers' form, which its `VJEPA2Model` loads; the predictor, unused here, is given its smallest size.
  public var json: JSON {
    [
      "architectures": ["VJEPA2Model"], "model_type": "vjepa2", "patch_size": .integer(patchSize),
      "crop_size": .integer(cropSize), "image_size": .integer(cropSize), "frames_per_clip": .integer(framesPerClip),
      "tubelet_size": .integer(tubeletSize), "hidden_size": .integer(hiddenSize), "in_chans": .integer(channels),
      "num_attention_heads": .integer(attentionHeads), "num_hidden_layers": .integer(layers),
      "mlp_ratio": .number(feedForwardRatio), "layer_norm_eps": .number(normEpsilon),
      "qkv_bias": .bool(hasAttentionBias), "hidden_act": "gelu", "initializer_range": .number(initializerRange),
      "drop_path_rate": 0.0, "attention_dropout": 0.0, "attention_probs_dropout_prob": 0.0,
      "pred_hidden_size": 12, "pred_num_attention_heads": 1, "pred_num_hidden_layers": 1, "pred_num_mask_tokens": 1,
    ]
  }
}
