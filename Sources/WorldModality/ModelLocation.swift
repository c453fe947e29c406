import Foundation
import ModelFiles
import Policies

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
