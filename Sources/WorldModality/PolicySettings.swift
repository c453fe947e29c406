import Configuration
import Foundation
import ModelFiles
import OrderedCollections
import Policies
import SmolVLA

/// The settings of one kind of policy, chosen by `--policy.type`.
public enum PolicySettings: Sendable, Equatable {
  case smolvla(SmolVLAConfiguration)
  case smolvlaWorld(SmolVLAWorldConfiguration)

  /// The kinds, for a configuration's `policy` section.
  public static var choices: [Choice<PolicySettings>] {
    [
      Choice("smolvla", SmolVLAConfiguration.self, wrap: PolicySettings.smolvla) {
        if case .smolvla(let settings) = $0 { settings } else { nil }
      },
      Choice("smolvla_world", SmolVLAWorldConfiguration.self, wrap: PolicySettings.smolvlaWorld) {
        if case .smolvlaWorld(let settings) = $0 { settings } else { nil }
      },
    ]
  }

  /// The name in `type`.
  public var type: String {
    switch self {
    case .smolvla: "smolvla"
    case .smolvlaWorld: "smolvla_world"
    }
  }

  /// SmolVLA's part.
  public var smolvla: SmolVLAConfiguration {
    get {
      switch self {
      case .smolvla(let settings): settings
      case .smolvlaWorld(let settings): settings.smolvla
      }
    }
    set {
      switch self {
      case .smolvla: self = .smolvla(newValue)
      case .smolvlaWorld(var settings):
        settings.smolvla = newValue
        self = .smolvlaWorld(settings)
      }
    }
  }

  /// The world modality's part, if there is one.
  public var world: WorldModalityConfiguration? {
    if case .smolvlaWorld(let settings) = self { settings.world } else { nil }
  }

  /// `config.json`: the type and all settings that LeRobot knows, and the world modality's.
  public var json: JSON {
    var members = smolvla.checkpointJSON.object ?? [:]
    members["type"] = .string(type)
    if let world { members.merge(world.json.object ?? [:]) { $1 } }
    return .object(members)
  }
}

/// Where a model that is named in a configuration lies on this machine.
public enum ModelLocation {
  /// The folder of a name: beside `folder`, a path, or a snapshot in the Hugging Face cache.
  ///
  /// - Throws: where it was looked for, and what would help.
  public static func directory(of name: String, besides folder: URL? = nil) throws(PolicyError) -> URL {
    var places: [URL] = []
    if let folder {
      // A checkpoint carries its backbone under its last name.
      let last = URL(fileURLWithPath: name).lastPathComponent
      places += [name, last].compactMap { try? contained($0, in: folder) }
    }
    places.append(URL(fileURLWithPath: name, isDirectory: true))
    places += cacheSnapshots(of: name)
    for place in places where isDirectory(place) { return place }
    throw PolicyError(
      "\(name) is neither a folder nor in the Hugging Face cache (\(cache().path)); give a folder, or bring it there first"
    )
  }

  private static func isDirectory(_ url: URL) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private static func cache() -> URL {
    let environment = ProcessInfo.processInfo.environment
    for name in ["HF_HUB_CACHE", "TRANSFORMERS_CACHE"] {
      if let path = environment[name], !path.isEmpty { return URL(fileURLWithPath: path, isDirectory: true) }
    }
    let home = environment["HF_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
    let fallback = FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache/huggingface")
    return (home ?? fallback).appendingPathComponent("hub")
  }

  private static func cacheSnapshots(of name: String) -> [URL] {
    guard name.split(separator: "/").count == 2, !name.contains("..") else { return [] }
    let repository = cache().appendingPathComponent("models--" + name.replacingOccurrences(of: "/", with: "--"))
    let reference = repository.appendingPathComponent("refs/main")
    guard let text = try? String(contentsOf: reference, encoding: .utf8) else { return [] }
    let commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !commit.isEmpty, commit.allSatisfy(\.isHexDigit) else { return [] }
    return [repository.appendingPathComponent("snapshots/\(commit)")]
  }
}
