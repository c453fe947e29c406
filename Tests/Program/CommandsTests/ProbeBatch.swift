import Foundation
import LibTorch
import NeuralNetworks
import Testing

/// Writes a preprocessed batch of two with noise and latents, in the fixture's sizes; returns the file's name.
func writeProbeBatch(to folder: URL) throws -> String {
  func numbers(_ shape: [Int], _ scale: Float) throws -> Tensor {
    let count = shape.reduce(1, *)
    return try Tensor((0..<count).map { sin(Float($0) * 0.37) * scale }, shape: shape)
  }
  var batch: StateDictionary = [:]
  for camera in ["image", "image2"] {
    batch["in/observation.images.\(camera)"] = try (numbers([2, 3, 16, 16], 0.5) + 0.5)
  }
  batch["in/observation.state"] = try numbers([2, 2], 1)
  batch["in/observation.language.tokens"] = try Tensor([5, 6, 7, 8, 9, 0], shape: [2, 3])
  batch["in/observation.language.attention_mask"] = try Tensor([true, true, true, true, true, false], shape: [2, 3])
  batch["in/noise"] = try numbers([2, 4, 4], 1)
  batch["in/world_z_hist"] = try numbers([2, 2, 16], 1)
  batch["in/world_z_future"] = try numbers([2, 2, 16], 1)
  batch["in/world_future_valid"] = try Tensor([true, true, true, true], shape: [2, 2])
  try Tensor.save(batch, to: folder.appendingPathComponent("batch.safetensors"))
  return "batch.safetensors"
}

/// The actions that `probe` wrote.
func plannedActions(_ file: URL) throws -> [Float] {
  try #require(try Tensor.load(file)["out/actions"]).scalars(Float.self)
}
