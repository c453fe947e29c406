import Foundation
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Torch

extension VJEPA2Encoder {
  /// What an encoder's folder must hold.
  public static let files = ["config.json", "model.safetensors"]

  /// Loads an encoder from a folder that holds `config.json` and `model.safetensors`, as transformers saves it.
  ///
  /// The predictor's weights are ignored.
  /// - Throws: a missing or damaged file, another model, and encoder weights that are missing or of another shape.
  public init(directory: URL, dtype: DType = .float32, device: Device = .cpu) throws {
    let settings = directory.appendingPathComponent("config.json")
    let weights = directory.appendingPathComponent("model.safetensors")
    let configuration = try VJEPA2Configuration(JSON(contentsOf: settings), in: settings.path)
    let loaded = try Tensor.load(weights).filter { !$0.key.hasPrefix("predictor.") }
    let store = ParameterStore(loading: loaded, seed: 0, device: device, dtype: dtype)
    try self.init(configuration, parameters: store)
    if let name = store.misshapen.first {
      throw WorldModalityError("\(weights.path) does not fit its config.json: \(name)")
    }
    guard store.missing.isEmpty else {
      throw WorldModalityError(
        "\(weights.path): expected all weights of a V-JEPA 2 encoder, but \(store.missing.count) are missing, "
          + "\(store.missing[0]) the first")
    }
  }

  /// Saves the encoder as a folder that transformers' `VJEPA2Model.from_pretrained` loads (its predictor, absent here,
  /// is then new; pass `skip_predictor=True`).
  public func save(to directory: URL, overwrite: Bool = false) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    var tensors: StateDictionary = [:]
    for parameter in parameters.parameters { tensors[parameter.name] = parameter.tensor }
    try Tensor.save(
      tensors, to: directory.appendingPathComponent("model.safetensors"), metadata: ["format": "pt"],
      overwrite: overwrite)
    try configuration.json.write(
      to: directory.appendingPathComponent("config.json"), layout: .indented(2), overwrite: overwrite)
  }

  /// What tells this encoder's weights from all others: the SHA-256 of a folder's `model.safetensors`.
  public static func fingerprint(of directory: URL) throws(FileError) -> String {
    try MappedFile(directory.appendingPathComponent("model.safetensors")).sha256
  }
}
