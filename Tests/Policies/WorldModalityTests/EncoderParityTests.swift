@testable import WorldEncoders
import Foundation
import LibTorch
import Testing

@testable import WorldModality

/// Encoders in their published sizes, left by `oracle/parity/encoders.py`.
private let drawn: [URL] = {
  guard let path = ProcessInfo.processInfo.environment["WM_PARITY_ENCODERS"] else { return [] }
  let folder = URL(fileURLWithPath: path)
  let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  return names.sorted().map { folder.appendingPathComponent($0) }
}()

@Suite(.serialized, .enabled(if: !drawn.isEmpty)) struct EncoderParityTests {
  @Test(arguments: drawn) func `an encoder of the published size gives what transformers gives`(folder: URL) throws {
    try TorchEngine.shared().setThreadCount(2)
    let name = folder.lastPathComponent
    let source = name.hasPrefix("vjepa2") ? LatentsSource.vjepa : .dino
    let encoder = try source.encoder(in: EncoderFolder(folder))
    let images = try #require(try Tensor.load(folder.appendingPathComponent("pictures.safetensors"))["pictures"])
    let expected = try Golden(folder.appendingPathComponent("expected.safetensors"))
    let frames = try encoder.preprocessing.frames(images)
    var (latent, seconds) = (try Tensor.zeros([1]), Double.infinity)
    for _ in 0..<4 {
      let clock = ContinuousClock()
      let taken = try clock.measure { latent = try encoder.latents(of: frames, clips: [[0, 1, 2, 3]]) }
      seconds = min(seconds, taken / .seconds(1))
    }
    let hidden =
      if let vjepa = encoder as? VJEPA2Encoder {
        try vjepa.hiddenStates(of: frames.unsqueezed(0))
      } else {
        try #require(encoder as? DINOv2Encoder).hiddenStates(of: frames)
      }
    let deviation = try max(hidden.distance(to: expected["hidden"]), latent.distance(to: expected["latent"]))
    #expect(deviation < 1e-4)
    print(
      "encoder \(name): deviation \(deviation) (tolerance 1e-4), a clip of 4 frames in \(String(format: "%.2f", seconds)) s"
    )
  }
}
