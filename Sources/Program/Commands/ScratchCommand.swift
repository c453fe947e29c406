import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import OrderedCollections
import RobotPolicies
import WorldEncoders
import WorldModality

/// `lerobot-wm scratch`: a tiny backbone and a tiny untrained world encoder, so that the whole job can be run without a
/// download.
enum ScratchCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("output_dir", help: "where backbone/ and encoder/ go") var outputDirectory = ""
    @Setting("image_size", in: 1...4096, help: "the vision tower's image side, pixels") var imageSize = 64
    @Setting("patch_size", in: 1...4096, help: "the side of its patches") var patchSize = 8
    @Setting("scale_factor", in: 1...4096, help: "patches joined into one token, per side") var scaleFactor = 2
    @Setting("hidden_size", in: 1...16_384, help: "width of tower and language model") var hiddenSize = 64
    @Setting("num_layers", in: 1...1024, help: "layers of the language model") var layers = 2
    @Setting("num_vision_layers", in: 1...1024, help: "layers of the vision tower") var visionLayers = 2
    @Setting("num_heads", in: 1...1024, help: "attention heads of both") var heads = 4
    @Setting("world_latents_source", help: "kind of the encoder: vjepa or dino") var source = LatentsSource.vjepa
    @Setting("encoder_hidden_size", in: 1...4096, help: "width of the encoder, the latents' dimension")
    var encoderSize = 32
    @Setting("encoder_image_size", in: 1...4096, help: "the encoder's image side, pixels") var encoderImageSize = 32
    @Setting("words", help: "words that are one token each") var words: [String] = []
    @Setting("seed", in: 0...1 << 53, help: "the encoder's weights follow from it") var seed = 0
    @Setting("overwrite", help: "overwrite existing output") var overwrites = false

    func validate() throws(ConfigurationError) {
      guard !outputDirectory.isEmpty else {
        throw ConfigurationError("output_dir", "is needed: the folder to write the models into")
      }
      guard imageSize % (patchSize * scaleFactor) == 0 else {
        throw ConfigurationError(
          "image_size",
          "expected a multiple of patch_size times scale_factor (\(patchSize * scaleFactor)), found \(imageSize)")
      }
      guard encoderImageSize % 8 == 0, encoderSize % 16 == 0 else {
        throw ConfigurationError(
          "encoder_image_size",
          "expected a multiple of 8, and encoder_hidden_size one of 16; found \(encoderImageSize) and \(encoderSize)")
      }
      guard hiddenSize % heads == 0, (hiddenSize / heads) % 2 == 0 else {
        throw ConfigurationError("num_heads", "must divide hidden_size into even parts")
      }
    }
  }

  static let name = "scratch"
  static let summary =
    "make a tiny backbone and world encoder with random weights, to try everything without a download"
  static let examples = ["lerobot-wm scratch --output_dir=models"]

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let output = try prepareOutput(settings.outputDirectory, of: .models, overwrite: settings.overwrites)
    let backbone = output.appendingPathComponent("backbone")
    try FileManager.default.createDirectory(at: backbone, withIntermediateDirectories: true)
    // Python's processor of this kind of model asks the tokenizer for the last three by name.
    let imageTokens: OrderedDictionary = [
      "image_token": "<image>", "fake_image_token": "<fake_token_around_image>", "global_image_token": "<global-img>",
    ]
    try Tokenizer.writeByteLevel(
      specialTokens: ["<|endoftext|>"] + imageTokens.values, words: settings.words,
      roles: ["pad_token": "<|endoftext|>"], modelRoles: imageTokens, to: backbone)
    let tokenizer = try Tokenizer(directory: backbone)
    try backboneJSON(settings, tokenizer).write(to: backbone.appendingPathComponent("config.json"))
    try imageProcessorJSON(settings).write(to: backbone.appendingPathComponent("preprocessor_config.json"))

    try saveEncoder(settings, to: output.appendingPathComponent("encoder"))
    print("\(backbone.path)\n\(output.path)/encoder")
    return 0
  }

  private static func saveEncoder(_ settings: Settings, to folder: URL) throws {
    let (size, side, heads) = (settings.encoderSize, settings.encoderImageSize, max(1, settings.encoderSize / 16))
    switch settings.source {
    case .vjepa:
      var encoder = VJEPA2Configuration()
      (encoder.hiddenSize, encoder.attentionHeads, encoder.layers) = (size, heads, 2)
      (encoder.cropSize, encoder.patchSize, encoder.framesPerClip) = (side, 8, 4)
      try VJEPA2Encoder(untrained: encoder, seed: settings.seed).save(to: folder)
    case .dino:
      var encoder = DINOv2Configuration()
      (encoder.hiddenSize, encoder.attentionHeads, encoder.layers) = (size, heads, 2)
      (encoder.imageSize, encoder.patchSize) = (side, 8)
      let preprocessing = FramePreprocessing(size: side, fit: .cropped(shortestEdge: side))
      try DINOv2Encoder(untrained: encoder, preprocessing: preprocessing, seed: settings.seed).save(to: folder)
    }
  }

  /// What LeRobot loads beside the model and does not use: policies resize their own images.
  private static func imageProcessorJSON(_ settings: Settings) -> JSON {
    let size: JSON = ["longest_edge": .integer(settings.imageSize)]
    return [
      "image_processor_type": "SmolVLMImageProcessor", "processor_class": "SmolVLMProcessor", "size": size,
      "max_image_size": size, "do_resize": true, "do_image_splitting": false, "do_normalize": true,
      "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    ]
  }

  private static func backboneJSON(_ settings: Settings, _ tokenizer: Tokenizer) -> JSON {
    let vocabulary = (tokenizer.vocabularySize + 7) / 8 * 8
    let padding = JSON.integer(tokenizer.paddingID ?? 0)
    return [
      "architectures": ["SmolVLMForConditionalGeneration"], "model_type": "smolvlm",
      "image_token_id": .integer(tokenizer.id(ofToken: "<image>") ?? 1), "pad_token_id": padding,
      "scale_factor": .integer(settings.scaleFactor), "tie_word_embeddings": false, "torch_dtype": "float32",
      "text_config": [
        "model_type": "llama", "hidden_size": .integer(settings.hiddenSize),
        "intermediate_size": .integer(2 * settings.hiddenSize), "num_hidden_layers": .integer(settings.layers),
        "num_attention_heads": .integer(settings.heads), "num_key_value_heads": .integer(settings.heads),
        "head_dim": .integer(settings.hiddenSize / settings.heads), "rms_norm_eps": 1e-5, "initializer_range": 0.02,
        "pad_token_id": padding, "vocab_size": .integer(vocabulary), "attention_bias": false, "mlp_bias": false,
        "max_position_embeddings": 2048, "rope_theta": 100000,
      ],
      "vision_config": [
        "model_type": "smolvlm_vision", "hidden_size": .integer(settings.hiddenSize),
        "intermediate_size": .integer(2 * settings.hiddenSize), "num_hidden_layers": .integer(settings.visionLayers),
        "num_attention_heads": .integer(settings.heads), "image_size": .integer(settings.imageSize),
        "patch_size": .integer(settings.patchSize),
      ],
    ]
  }
}
