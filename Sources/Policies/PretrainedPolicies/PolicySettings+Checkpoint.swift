import Failures
import Foundation
import HuggingFaceHub
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
    try self.init(checkpoint: Self.members(ofCheckpoint: file), from: file.path)
  }

  /// Reads the settings out of a checkpoint's members.
  ///
  /// - Parameter place: where they come from, for errors.
  public init(checkpoint members: OrderedDictionary<String, JSON>, from place: String) throws {
    var configured = Configured<CheckpointSettings>()
    try configured.apply(.object(members), from: place, at: "policy", unknown: .keep)
    self = try configured.validated().policy
  }

  /// The members of a checkpoint's `config.json` without its upload settings, which must be given again, and without a
  /// device that this machine lacks.
  ///
  /// - Throws: the folder of a run, and where its checkpoint lies.
  public static func members(ofCheckpoint file: URL) throws -> OrderedDictionary<String, JSON> {
    try refuseRun(file.deletingLastPathComponent())
    guard var members = try JSON(contentsOf: file).object else {
      throw FileError.malformed(file.path, "expected an object")
    }
    for name in ["push_to_hub", "repo_id", "private"] { members[name] = nil }
    if let device = members["device"]?.string, (try? Device.chosen(device)) == nil { members["device"] = .null }
    return members
  }
}

extension PolicySettings {
  /// Refuses the folder of a run or of a step, with the checkpoint in it.
  private static func refuseRun(_ folder: URL) throws {
    func checkpoint(_ path: String) -> URL? {
      ModelLocation.cached(folder.appendingPathComponent(path).path).flatMap { place in
        FileManager.default.fileExists(atPath: place.appendingPathComponent("config.json").path) ? place : nil
      }
    }
    guard checkpoint("") == nil else { return }
    let places = ["checkpoints/last/pretrained_model", "last/pretrained_model", "pretrained_model"]
    guard let found = places.first(where: { checkpoint($0) != nil }) else { return }
    throw Failure(
      "\(folder.path) is not a checkpoint itself and holds one; name \(folder.appendingPathComponent(found).path)")
  }
}

/// A section that holds nothing but a policy's settings.
private struct CheckpointSettings: ConfigurationSection {
  @SettingsGroup("policy", help: "kind of policy", of: PolicySettings.kinds) var policy = PolicySettings.smolvla(
    .init())
}
