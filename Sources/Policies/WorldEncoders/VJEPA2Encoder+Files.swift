import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks

extension VJEPA2Encoder {
  /// Loads an encoder as transformers saves `VJEPA2Model`, or a model that contains one; other parts are ignored.
  ///
  /// - Throws: a missing or damaged file, another model, and encoder weights that are missing or of another shape.
  public init(_ folder: EncoderFolder, dtype: DType = .float32, device: Device = .cpu) throws {
    let configuration = try VJEPA2Configuration(folder.settings(), in: folder.settingsURL.path)
    let store = try folder.parameters(
      prefix: "vjepa2.", ignoring: ["predictor.", "pooler.", "classifier."], dtype: dtype, device: device)
    try self.init(configuration, parameters: store)
    try folder.check(store)
  }

  /// Saves the encoder as a folder that transformers' `VJEPA2Model.from_pretrained` loads (its predictor, absent here,
  /// is then new; pass `skip_predictor=True`).
  public func save(to directory: URL, overwrite: Bool = false) throws {
    try EncoderFolder.save(parameters, ["config.json": configuration.json], to: directory, overwrite: overwrite)
  }
}
