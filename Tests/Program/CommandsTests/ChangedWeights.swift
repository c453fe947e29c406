import Foundation
import LibTorch
import NeuralNetworks

/// Changes the weights of a run's last checkpoint, as one who means it: without the checksums that would notice.
///
/// - Parameter value: the new value of all numbers of a parameter, by its name; nil where it stays.
func changeWeights(of run: URL, to value: (_ name: String) -> Double?) throws {
  let last = run.appendingPathComponent("checkpoints/last").resolvingSymlinksInPath()
  let file = last.appendingPathComponent("pretrained_model/model.safetensors")
  var weights = try Tensor.load(file)
  for (name, tensor) in weights {
    if let value = value(name) { weights[name] = try Tensor.full(tensor.shape, value) }
  }
  try Tensor.save(weights, to: file, overwrite: true)
  // Gone already after a first change.
  try? FileManager.default.removeItem(at: last.appendingPathComponent("checkpoint_sha256.json"))
}
