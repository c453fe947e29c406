import Failures
import ModelFiles

/// The language model's sizes, from `text_config` of the backbone's config.json.
public struct TextConfiguration: Sendable, Equatable {
  var hiddenSize, intermediateSize, layers, attentionHeads, keyValueHeads, headDimension, vocabularySize: Int
  var rmsNormEpsilon, initializerRange: Double
  var paddingIndex: Int?
  var tiesWordEmbeddings = false
  var attentionBias, mlpBias: Bool
}

extension TextConfiguration {
  init(_ json: JSON?, in place: String) throws {
    let fields = try JSONFields(json, in: place)
    hiddenSize = try fields.positive("hidden_size")
    intermediateSize = try fields.positive("intermediate_size", default: 11008)
    layers = try fields.positive("num_hidden_layers", default: 32)
    attentionHeads = try fields.positive("num_attention_heads", default: 32)
    keyValueHeads = try fields.positive("num_key_value_heads", default: attentionHeads)
    headDimension = try fields.positive("head_dim", default: hiddenSize / attentionHeads)
    let vocabulary = try fields.positive("vocab_size", default: 32000)
    vocabularySize = vocabulary
    rmsNormEpsilon = try fields.number("rms_norm_eps", default: 1e-6)
    initializerRange = try fields.number("initializer_range", default: 0.02)
    // As PyTorch, which counts negative rows from the last.
    paddingIndex = json?["pad_token_id"]?.integer.map { $0 < 0 ? $0 + vocabulary : $0 }
    // transformers reads the language model's configuration, not the whole model's.
    tiesWordEmbeddings = fields.bool("tie_word_embeddings", default: false)
    attentionBias = fields.bool("attention_bias", default: false)
    mlpBias = fields.bool("mlp_bias", default: false)
  }
}

/// The vision tower's sizes, from `vision_config` of the backbone's config.json.
public struct VisionConfiguration: Sendable, Equatable {
  var hiddenSize, intermediateSize, layers, attentionHeads, channels, imageSize, patchSize: Int
  var layerNormEpsilon: Double
}

extension VisionConfiguration {
  init(_ json: JSON?, in place: String) throws {
    let fields = try JSONFields(json, in: place)
    hiddenSize = try fields.positive("hidden_size", default: 1152)
    intermediateSize = try fields.positive("intermediate_size", default: 3072)
    layers = try fields.positive("num_hidden_layers", default: 12)
    attentionHeads = try fields.positive("num_attention_heads", default: 16)
    channels = try fields.positive("num_channels", default: 3)
    imageSize = try fields.positive("image_size", default: 224)
    patchSize = try fields.positive("patch_size", default: 32)
    layerNormEpsilon = try fields.number("layer_norm_eps", default: 1e-6)
  }
}

/// What SmolVLA needs to know of its vision-language backbone: a SmolVLM2's `config.json`.
public struct BackboneConfiguration: Sendable, Equatable {
  public let text: TextConfiguration
  public let vision: VisionConfiguration
  let scaleFactor: Int

  /// Reads a config.json; missing fields take transformers' defaults for SmolVLM.
  ///
  /// - Throws: the field that is missing, of another type, or not supported.
  public init(_ json: JSON, in file: String) throws {
    guard json["text_config"]?.object != nil, json["vision_config"]?.object != nil else {
      throw Failure(
        "\(file) is of the model type \(json["model_type"]?.string ?? "?"), not of a SmolVLM2; name such a model in "
          + "`vlm_model_name`")
    }
    text = try TextConfiguration(json["text_config"], in: "\(file), text_config")
    vision = try VisionConfiguration(json["vision_config"], in: "\(file), vision_config")
    scaleFactor = try JSONFields(json, in: file).positive("scale_factor", default: 2)
    guard text.attentionHeads % text.keyValueHeads == 0 else {
      throw Failure("\(file): \(text.keyValueHeads) key-value heads do not divide \(text.attentionHeads) heads")
    }
    guard text.headDimension > 0, text.headDimension % 2 == 0 else {
      throw Failure("\(file): rotary positions need an even head_dim of 2 or more, found \(text.headDimension)")
    }
    guard vision.hiddenSize % vision.attentionHeads == 0, vision.imageSize >= vision.patchSize else {
      throw Failure("\(file): the vision tower's sizes do not fit each other")
    }
  }
}
