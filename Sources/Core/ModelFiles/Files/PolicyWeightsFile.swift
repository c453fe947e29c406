import Foundation

/// The file of a checkpoint's weights: those of a whole policy, or of an adapter, which changes another checkpoint.
public enum PolicyWeightsFile {
  /// All weights of a policy.
  public static let whole = "model.safetensors"
  /// The weights of an adapter, as peft names them.
  public static let adapter = "adapter_model.safetensors"
  /// What an adapter's weights are and which checkpoint they change, as peft names it.
  public static let adapterConfiguration = "adapter_config.json"

  /// Whether a folder holds an adapter and not a whole policy.
  public static func isAdapter(_ folder: URL) -> Bool {
    func holds(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }
    return holds(adapterConfiguration) && !holds(whole)
  }

  /// The name of the weights' file in a `pretrained_model` folder.
  public static func name(in folder: URL) -> String { isAdapter(folder) ? adapter : whole }

  /// The weights' file in a `pretrained_model` folder.
  public static func url(in folder: URL) -> URL { folder.appendingPathComponent(name(in: folder)) }
}
