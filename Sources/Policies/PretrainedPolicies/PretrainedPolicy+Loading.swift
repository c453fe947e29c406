import HuggingFaceHub
import LibTorch
import RobotPolicies

extension PretrainedPolicy {
  /// Loads a policy of any kind, with its processors.
  ///
  /// ```swift
  /// let policy = try PretrainedPolicy.load("lerobot/smolvla_base", device: .cpu)
  /// ```
  ///
  /// - Parameters:
  ///   - name: a `pretrained_model` folder, or a repository on the Hugging Face hub, which is fetched into the cache.
  ///   - device: where the parameters live; the checkpoint's own choice if nil.
  /// - Throws: what is missing, unexpected, or of another shape.
  public static func load(_ name: String, device: Device? = nil) throws -> PretrainedPolicy {
    let folder = try ModelLocation.directory(of: name, holding: ModelLocation.weights)
    let settings = try PolicySettings(checkpoint: folder)
    var builder = PolicyBuilder(settings, device: try device ?? .chosen(settings.smolvla.device))
    return try builder.pretrained(folder)
  }
}
