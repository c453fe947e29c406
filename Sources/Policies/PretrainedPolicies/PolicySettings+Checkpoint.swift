import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import OrderedCollections

extension PolicySettings {
  /// Reads the settings of a checkpoint; fields that this program does not know are ignored.
  ///
  /// - Parameter folder: a `pretrained_model` folder.
  public init(checkpoint folder: URL) throws {
    let file = folder.appendingPathComponent("config.json")
    var configured = Configured<CheckpointSettings>()
    try configured.apply(.object(Self.members(ofCheckpoint: file)), from: file.path, at: "policy", unknown: .keep)
    self = try configured.validated().policy
  }

  /// The members of a checkpoint's `config.json` without its upload settings, which must be given again, and without a
  /// device that this machine lacks.
  public static func members(ofCheckpoint file: URL) throws -> OrderedDictionary<String, JSON> {
    guard var members = try JSON(contentsOf: file).object else {
      throw FileError.malformed(file.path, "expected an object")
    }
    for name in ["push_to_hub", "repo_id", "private"] { members[name] = nil }
    if let device = members["device"]?.string, (try? Device.chosen(device)) == nil { members["device"] = .null }
    return members
  }
}

/// A section that holds nothing but a policy's settings.
private struct CheckpointSettings: ConfigurationSection {
  @SettingsGroup("policy", help: "kind of policy", of: PolicySettings.kinds) var policy = PolicySettings.smolvla(
    .init())
}
