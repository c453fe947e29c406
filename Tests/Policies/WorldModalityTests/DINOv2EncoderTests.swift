@testable import WorldEncoders
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

@testable import WorldModality

struct DINOv2EncoderTests {
  @Test(arguments: ["stretched", "shrunk", "same"])
  func `images, hidden states and latents are transformers'`(name: String) throws {
    let encoder = try DINOv2Encoder(EncoderFolder(Golden.url("dinov2_\(name)")))
    let golden = try Golden("dinov2_\(name)/golden.safetensors")
    let pixels = try golden["mid/pixels"]
    #expect(try encoder.hiddenStates(of: pixels).distance(to: golden["out/hidden"]) < 1e-5)
    #expect(try encoder.latents(of: pixels, clips: [[0], [1]]).distance(to: golden["out/pooled"]) < 1e-5)
    #expect(!(try encoder.hiddenStates(of: pixels).requiresGrad))
    let frames = try encoder.preprocessing.frames(golden["in/pictures"])
    #expect(try frames.shape == pixels.shape && frames.distance(to: pixels) < 1e-6)
  }

  @Test func `a clip's latent is the mean of its frames', repeated ones counted`() throws {
    let encoder = try DINOv2Encoder(untrained: .tiny, preprocessing: .tinyCut, seed: 1)
    let frames = try Tensor.normal([3, 3, 14, 14], .init(seed: 0, "frames"))
    let single = try encoder.latents(of: frames, clips: [[0], [1], [2]])
    let clip = try encoder.latents(of: frames, clips: [[0, 0, 2]])
    let expected = try (single.select(dimension: 0, index: 0) * 2 + single.select(dimension: 0, index: 2)) / 3
    #expect(try clip.squeezed(0).distance(to: expected) < 1e-6)
    for clips in [[[0], [1, 2]], [[]], [], [[3]], [[-1]]] {
      #expect(throws: Failure.self) { try encoder.latents(of: frames, clips: clips) }
    }
    #expect(throws: Failure.self) { try encoder.latents(of: Tensor.zeros([1, 3, 16, 16]), clips: [[0]]) }
  }

  @Test func `a saved encoder loads again with the same latents`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let encoder = try DINOv2Encoder(untrained: .tiny, preprocessing: .tinyCut, seed: 3)
    try encoder.save(to: folder)
    let again = try LatentsSource.dino.encoder(in: EncoderFolder(folder))
    let frames = try Tensor.normal([2, 3, 14, 14], .init(seed: 0, "frames"))
    #expect(again.preprocessing == encoder.preprocessing && again.latentDimension == 12)
    #expect(
      try again.latents(of: frames, clips: [[0, 1]]).isIdentical(to: encoder.latents(of: frames, clips: [[0, 1]])))
    let error = #expect(throws: Failure.self) { try LatentsSource.vjepa.encoder(in: EncoderFolder(folder)) }
    #expect(error?.description.contains("`world_latents_source") == true)
  }

  @Test(arguments: [
    "{\"model_type\": \"dinov2_with_registers\"}", "{\"use_swiglu_ffn\": true}", "{\"num_channels\": 1}",
    "{\"hidden_size\": 13}", "{\"hidden_act\": \"relu\"}", "{\"image_size\": 7}", "{\"mlp_ratio\": \"4\"}", "[]",
  ]) func `settings that are not supported are refused`(text: String) throws {
    let json = try JSON(parsing: text)
    let error = #expect(throws: Failure.self) { try DINOv2Configuration(json, in: "here.json") }
    #expect(error?.description.contains("here.json") == true)
  }

  @Test(
    arguments: [
      ("resample", 2), ("do_center_crop", false), ("image_mean", [0.5, 0.5, 0.5]),
      ("crop_size", ["height": 14, "width": 15]),
      ("size", ["shortest_edge": 13]), ("crop_size", ["height": 0, "width": 0]),
    ] as [(String, JSON)]) func `another preparation of images is refused`(key: String, value: JSON) throws
  {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    try DINOv2Encoder(untrained: .tiny, preprocessing: .tinyCut, seed: 3).save(to: folder)
    let url = folder.appendingPathComponent("preprocessor_config.json")
    var members = try #require(try JSON(contentsOf: url).object)
    members[key] = value
    try JSON.object(members).write(to: url, overwrite: true)
    let error = #expect(throws: Failure.self) { try DINOv2Encoder(EncoderFolder(folder)) }
    #expect(error?.description.contains("preprocessor_config.json") == true)
  }
}

struct EncoderFolderTests {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  @Test func `pickles, missing shards and indices that lead elsewhere are refused`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var error = #expect(throws: Failure.self) { try EncoderFolder(folder) }
    #expect(error?.description.contains("no model.safetensors") == true)
    try Data().write(to: folder.appendingPathComponent("pytorch_model.bin"))
    error = #expect(throws: Failure.self) { try EncoderFolder(folder) }
    #expect(error?.description.contains("pickles") == true)
    let index = folder.appendingPathComponent("model.safetensors.index.json")
    for text in ["{}", "{\"weight_map\": {}}", "{\"weight_map\": {\"a\": \"../b\"}}", "{\"weight_map\": {\"a\": 1}}"] {
      try Data(text.utf8).write(to: index)
      #expect(throws: (any Error).self, "\(text)") { try EncoderFolder(folder) }
    }
    try Data("{\"weight_map\": {\"a\": \"absent.safetensors\"}}".utf8).write(to: index)
    let absent = try EncoderFolder(folder)
    #expect(throws: FileError.self) { try absent.sha256() }
    #expect(throws: FileError.self) {
      try absent.parameters(prefix: "", ignoring: [], dtype: .float32, device: .cpu)
    }
  }

  @Test func `shards have a fingerprint of their own`() throws {
    let shards = try EncoderFolder(Golden.url("dinov2_shrunk"))
    let sums = try shards.weights.map { try MappedFile($0).sha256 + "\n" }
    #expect(sums.count == 2)
    #expect(try shards.sha256() == sha256(of: sums.joined()))
  }
}

extension DINOv2Configuration {
  /// Two by two patches, trained for three by three; one layer, latents of 12 numbers.
  static var tiny: DINOv2Configuration {
    var configuration = DINOv2Configuration()
    configuration.patchSize = 7
    configuration.imageSize = 21
    configuration.hiddenSize = 12
    configuration.attentionHeads = 2
    configuration.layers = 1
    configuration.feedForwardRatio = 2
    return configuration
  }
}

extension FramePreprocessing {
  static let tinyCut = FramePreprocessing(size: 14, fit: .cropped(shortestEdge: 16))
}
