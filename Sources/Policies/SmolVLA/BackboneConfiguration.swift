import Failures
import Foundation
import ModelFiles
import RobotPolicies

/// The language model's sizes, from `text_config` of the backbone's config.json.
public struct TextConfiguration: Sendable, Equatable {
  /// Sizes that no file gave.
  public init(
    hiddenSize: Int, intermediateSize: Int, layers: Int, attentionHeads: Int, keyValueHeads: Int, headDimension: Int,
    vocabularySize: Int, rmsNormEpsilon: Double, initializerRange: Double, paddingIndex: Int?,
    tiesWordEmbeddings: Bool = false, attentionBias: Bool, mlpBias: Bool
  ) {
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.attentionHeads = attentionHeads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.vocabularySize = vocabularySize
    self.rmsNormEpsilon = rmsNormEpsilon
    self.initializerRange = initializerRange
    self.paddingIndex = paddingIndex
    self.tiesWordEmbeddings = tiesWordEmbeddings
    self.attentionBias = attentionBias
    self.mlpBias = mlpBias
  }
  var hiddenSize: Int
  var intermediateSize: Int
  var layers: Int
  var attentionHeads: Int
  var keyValueHeads: Int
  var headDimension: Int
  var vocabularySize: Int
  var rmsNormEpsilon: Double
  var initializerRange: Double
  var paddingIndex: Int?
  var tiesWordEmbeddings: Bool
  var attentionBias: Bool
  var mlpBias: Bool
}

/// The vision tower's sizes, from `vision_config` of the backbone's config.json.
public struct VisionConfiguration: Sendable, Equatable {
  /// Sizes that no file gave.
  public init(
    hiddenSize: Int, intermediateSize: Int, layers: Int, attentionHeads: Int, channels: Int, imageSize: Int,
    patchSize: Int, layerNormEpsilon: Double
  ) {
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.attentionHeads = attentionHeads
    self.channels = channels
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.layerNormEpsilon = layerNormEpsilon
  }
  var hiddenSize: Int
  var intermediateSize: Int
  var layers: Int
  var attentionHeads: Int
  var channels: Int
  var imageSize: Int
  var patchSize: Int
  var layerNormEpsilon: Double
}

/// What SmolVLA needs to know of its vision-language backbone: a SmolVLM2's `config.json`.
public struct BackboneConfiguration: Sendable, Equatable {
  /// Sizes that no file gave.
  public init(text: TextConfiguration, vision: VisionConfiguration, scaleFactor: Int) {
    self.text = text
    self.vision = vision
    self.scaleFactor = scaleFactor
  }
  /// The language model.
  public var text: TextConfiguration
  /// The vision tower.
  public var vision: VisionConfiguration
  var scaleFactor: Int

  /// Reads a config.json; absent fields take transformers' defaults for SmolVLM.
  ///
  /// - Throws: `Failure` naming the field that is missing, of another type, or not supported.
  public init(_ json: JSON, in file: String) throws {
    let textFields = FieldReader(json["text_config"], in: "\(file), text_config")
    let visionFields = FieldReader(json["vision_config"], in: "\(file), vision_config")
    let hiddenSize = try textFields.positive("hidden_size")
    let heads = try textFields.positive("num_attention_heads", default: 32)
    let vocabulary = try textFields.positive("vocab_size", default: 32000)
    text = TextConfiguration(
      hiddenSize: hiddenSize, intermediateSize: try textFields.positive("intermediate_size", default: 11008),
      layers: try textFields.positive("num_hidden_layers", default: 32), attentionHeads: heads,
      keyValueHeads: try textFields.positive("num_key_value_heads", default: heads),
      headDimension: try textFields.positive("head_dim", default: hiddenSize / heads),
      vocabularySize: vocabulary,
      rmsNormEpsilon: try textFields.number("rms_norm_eps", default: 1e-6),
      initializerRange: try textFields.number("initializer_range", default: 0.02),
      // As PyTorch, which counts negative rows from the last.
      paddingIndex: json["text_config"]?["pad_token_id"]?.integer.map { $0 < 0 ? $0 + vocabulary : $0 },
      // transformers asks the language model's configuration, not the whole model's.
      tiesWordEmbeddings: json["text_config"]?["tie_word_embeddings"]?.bool ?? false,
      attentionBias: json["text_config"]?["attention_bias"]?.bool ?? false,
      mlpBias: json["text_config"]?["mlp_bias"]?.bool ?? false)
    vision = VisionConfiguration(
      hiddenSize: try visionFields.positive("hidden_size", default: 1152),
      intermediateSize: try visionFields.positive("intermediate_size", default: 3072),
      layers: try visionFields.positive("num_hidden_layers", default: 12),
      attentionHeads: try visionFields.positive("num_attention_heads", default: 16),
      channels: try visionFields.positive("num_channels", default: 3),
      imageSize: try visionFields.positive("image_size", default: 224),
      patchSize: try visionFields.positive("patch_size", default: 32),
      layerNormEpsilon: try visionFields.number("layer_norm_eps", default: 1e-6))
    scaleFactor = try FieldReader(json, in: file).positive("scale_factor", default: 2)
    try check(file)
  }

  private func check(_ file: String) throws {
    guard text.attentionHeads % text.keyValueHeads == 0 else {
      throw Failure("\(file): \(text.keyValueHeads) key-value heads do not divide \(text.attentionHeads) heads")
    }
    guard text.headDimension % 2 == 0 else {
      throw Failure("\(file): rotary positions need an even head_dim, found \(text.headDimension)")
    }
    guard vision.hiddenSize % vision.attentionHeads == 0, vision.imageSize >= vision.patchSize else {
      throw Failure("\(file): the vision tower's sizes do not fit each other")
    }
  }
}

/// Reads typed fields of a JSON object and names file and field where one does not fit.
struct FieldReader {
  let json: JSON?
  let place: String

  init(_ json: JSON?, in place: String) {
    self.json = json
    self.place = place
  }

  func positive(_ name: String, default fallback: Int? = nil) throws -> Int {
    switch json?[name] ?? .null {
    case .null:
      guard let fallback else { throw Failure("\(place): \(name) is missing") }
      return fallback
    case let value:
      guard let integer = value.integer, integer > 0, integer <= 1 << 24 else {
        throw Failure("\(place): \(name) is not a positive whole number")
      }
      return integer
    }
  }

  func number(_ name: String, default fallback: Double) throws -> Double {
    switch json?[name] ?? .null {
    case .null: return fallback
    case let value:
      guard let number = value.double else { throw Failure("\(place): \(name) is not a number") }
      return number
    }
  }
}
