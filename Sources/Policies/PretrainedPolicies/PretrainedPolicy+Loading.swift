import Foundation
import HuggingFaceHub
import LibTorch
import ModelFiles
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
    let folder = try ModelLocation.checkpoint(name)
    let settings = try PolicySettings(checkpoint: folder)
    var builder = PolicyBuilder(settings, device: try device ?? .chosen(settings.smolvla.device))
    return try builder.pretrained(folder)
  }
}

extension ModelLocation {
  /// The `pretrained_model` folder of a policy, or of an adapter, with its weights.
  ///
  /// - Parameter name: a folder, or a repository on the hub, which is fetched into the cache.
  public static func checkpoint(_ name: String) throws -> URL {
    let folder = try directory(of: name)
    guard PolicyWeightsFile.isAdapter(folder) else { return try directory(of: name, holding: weights) }
    return try directory(of: name, holding: [weights[0], PolicyWeightsFile.adapter])
  }
}
