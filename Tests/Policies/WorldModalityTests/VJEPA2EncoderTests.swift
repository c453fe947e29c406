@testable import WorldEncoders
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

@testable import WorldModality

struct VJEPA2EncoderTests {
  @Test(arguments: ["remainder", "single", "tubelet", "huge", "giant"])
  func `hidden states and latents equal transformers'`(name: String) throws {
    let encoder = try VJEPA2Encoder(EncoderFolder(Golden.url("vjepa2_\(name)")))
    let golden = try Golden("vjepa2_\(name)/golden.safetensors")
    let clips = try golden["in/clips"].to(.float32)
    let hidden = try encoder.hiddenStates(of: clips)
    #expect(try hidden.shape == golden["out/hidden"].shape)
    #expect(try hidden.distance(to: golden["out/hidden"]) < 1e-5)
    #expect(try encoder.latents(of: clips).distance(to: golden["out/latent"]) < 1e-5)
    #expect(!hidden.requiresGrad)
  }

  @Test func `in bfloat16 the frequencies are as coarse as transformers'`() throws {
    let encoder = try VJEPA2Encoder(EncoderFolder(Golden.url("vjepa2_bfloat16")), dtype: .bfloat16)
    let golden = try Golden("vjepa2_bfloat16/golden.safetensors")
    let clips = try golden["in/clips"]
    let deviation = try encoder.hiddenStates(of: clips).deviation(from: golden["out/hidden"])
    // A CPU that multiplies float32 faster rounds less often than transformers does.
    #expect(deviation < (Device.cpu.multipliesBFloat16 ? 1e-3 : 6e-3), "\(deviation)")
    #expect(try encoder.latents(of: clips).deviation(from: golden["out/latent"]) < 1e-3)
  }

  @Test func `images are resized and normalized as torch does`() throws {
    let golden = try Golden("preprocessing.safetensors")
    let preprocessing = FramePreprocessing(size: 16)
    let frames = try preprocessing.frames(golden["in/image"].unsqueezed(0))
    #expect(try frames.squeezed(0).distance(to: golden["out/pixels"]) < 1e-6)
    #expect(throws: Failure.self) { try preprocessing.frames(Tensor.zeros([1, 4, 4, 3])) }
    #expect(throws: Failure.self) { try preprocessing.frames(Tensor.zeros([4, 4, 3], dtype: .uint8)) }
  }

  @Test func `a saved encoder loads again with the same latents`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let encoder = try VJEPA2Encoder(untrained: .tiny, seed: 3)
    try encoder.save(to: folder)
    let again = try VJEPA2Encoder(EncoderFolder(folder))
    let clips = try Tensor.normal([2, 4, 3, 16, 16], .init(seed: 0, "clips"))
    #expect(again.configuration == encoder.configuration)
    #expect(try again.latents(of: clips).isIdentical(to: encoder.latents(of: clips)))
    #expect(throws: FileError.self) { try encoder.save(to: folder) }
    #expect(try EncoderFolder(folder).sha256().count == 64)
  }

  @Test func `clips of a wrong shape are refused`() throws {
    let encoder = try VJEPA2Encoder(untrained: .tiny, seed: 0)
    for shape in [[2, 4, 3, 16, 15], [2, 4, 1, 16, 16], [4, 3, 16, 16], [2, 0, 3, 16, 16]] {
      #expect(throws: Failure.self) { try encoder.latents(of: Tensor.zeros(shape)) }
    }
  }

  @Test(arguments: [
    "{\"model_type\": \"vit\"}", "{\"hidden_size\": 33}", "{\"hidden_size\": 12.5}", "{\"num_attention_heads\": 0}",
    "{\"hidden_act\": \"relu\"}", "{\"hidden_size\": 16, \"num_attention_heads\": 2}", "{\"crop_size\": 8}",
    "{\"patch_size\": -1}", "{\"num_hidden_layers\": 9999999999}", "{\"mlp_ratio\": 1e300}", "[]",
  ]) func `settings that no encoder has are refused`(text: String) throws {
    let json = try JSON(parsing: text)
    let error = #expect(throws: Failure.self) { try VJEPA2Configuration(json, in: "here.json") }
    #expect(error?.description.contains("here.json") == true)
  }

  @Test func `weights of another shape and missing weights are refused by name`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let encoder = try VJEPA2Encoder(untrained: .tiny, seed: 3)
    try encoder.save(to: folder)
    var other = encoder.configuration
    other.feedForwardRatio = 3
    try other.json.write(to: folder.appendingPathComponent("config.json"), overwrite: true)
    var error = #expect(throws: Failure.self) { try VJEPA2Encoder(EncoderFolder(folder)) }
    #expect(error?.description.contains("mlp.fc1.weight") == true)
    other = encoder.configuration
    other.layers = 2
    try other.json.write(to: folder.appendingPathComponent("config.json"), overwrite: true)
    error = #expect(throws: Failure.self) { try VJEPA2Encoder(EncoderFolder(folder)) }
    #expect(error?.description.contains("encoder.layer.1.norm1.weight") == true)
  }
}

extension VJEPA2Configuration {
  /// 16 pixels, one layer, latents of 12 numbers.
  static var tiny: VJEPA2Configuration {
    var configuration = VJEPA2Configuration()
    configuration.cropSize = 16
    configuration.patchSize = 8
    configuration.hiddenSize = 12
    configuration.attentionHeads = 1
    configuration.layers = 1
    configuration.feedForwardRatio = 2
    configuration.framesPerClip = 4
    return configuration
  }
}
