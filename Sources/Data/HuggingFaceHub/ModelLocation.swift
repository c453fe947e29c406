import Foundation
import ModelFiles

/// Where a model that is named in a configuration lies on this machine.
public enum ModelLocation {
  /// What a model's folder holds that is loaded whole; the weights may be in shards with an index.
  public static let weights = ["config.json", "model.safetensors"]

  /// The folder of a name: beside `folder`, a path, a snapshot in the Hugging Face cache, or one fetched into it.
  ///
  /// Fetched are texts (JSON, merges, templates), and the weights (`.safetensors`) only if `files` name some.
  ///
  /// - Parameters:
  ///   - folder: where a checkpoint carries what it needs, under its last name.
  ///   - files: what the caller will read. A snapshot that lacks one of them is completed.
  /// - Throws: where it was looked for, what went wrong, and what would help.
  public static func directory(
    of name: String, besides folder: URL? = nil, holding files: [String] = ["config.json"],
    settings: HubSettings = HubSettings()
  ) throws(HubError) -> URL {
    if let folder {
      let last = URL(fileURLWithPath: name).lastPathComponent
      for place in [name, last].compactMap({ try? contained($0, in: folder) }) where isDirectory(place) { return place }
    }
    try translated { try refuseLinkLoop(of: name, holding: files) }
    if let place = cached(name, holding: files, settings: settings) { return place }
    guard HubRepository.isName(name), name.contains("/") else {
      throw HubError("there is no folder \(name), and it is no repository's name such as owner/name; check the path")
    }
    let repository = try HubRepository(.model, name)
    let hub = Hub(settings)
    let listing = try listing(of: repository, hub)
    let needsWeights = files.contains { $0.hasSuffix(".safetensors") }
    let texts: Set = ["json", "txt", "jinja", "model", "md"]
    let snapshot = try hub.fetch(listing) { path in
      let ending = URL(fileURLWithPath: path).pathExtension
      return texts.contains(ending) || (needsWeights && ending == "safetensors")
    }
    if let missing = files.first(where: { !holds(snapshot, [$0]) }) {
      let pickles = listing.files.first { $0.path.hasSuffix(".bin") && missing.hasSuffix(".safetensors") }?.path
      throw HubError(
        "\(repository) (\(settings.endpoint)) has no \(missing), which is needed here"
          + (pickles.map { "; its \($0) is not read because pickles may run code" } ?? ""), .missing)
    }
    return snapshot
  }

  private static func refuseLinkLoop(of name: String, holding files: [String]) throws {
    let path = NSString(string: name).expandingTildeInPath
    for place in [path] + files.map({ path + "/" + $0 }) where !name.isEmpty {
      try ModelFiles.refuseLinkLoop(at: place)
    }
  }

  /// The repository's files; the name may be a mistyped path.
  private static func listing(of repository: HubRepository, _ hub: Hub) throws(HubError) -> HubListing {
    do { return try hub.listing(of: repository) } catch {
      guard !HubRepository.mayBePath(repository.name) else {
        throw error.after("there is no folder \(repository.name)", where: true)
      }
      switch error.kind {
      case .absent, .unreachable: break
      default: guard hub.settings.isOffline else { throw error }
      }
      throw HubError("\(error); there is no folder \(repository.name) here either", error.kind)
    }
  }

  /// The folder of a name, if it is a path or a snapshot in the Hugging Face cache that holds these files.
  public static func cached(
    _ name: String, holding files: [String] = ["config.json"], settings: HubSettings = HubSettings()
  ) -> URL? {
    let path = URL(fileURLWithPath: NSString(string: name).expandingTildeInPath, isDirectory: true)
    if !name.isEmpty, isDirectory(path) { return path }
    if let below = belowLastCheckpoint(path), isDirectory(below) { return below }
    guard let repository = try? HubRepository(.model, name), let snapshot = HubCache(repository, settings).snapshot(),
      holds(snapshot, files)
    else { return nil }
    return snapshot
  }

  /// What a path below `checkpoints/last` means where no link can be: there `last` is a file, or missing.
  private static func belowLastCheckpoint(_ path: URL) -> URL? {
    let parts = path.standardizedFileURL.pathComponents
    guard let place = parts.lastIndex(of: LastCheckpoint.name), parts[..<place].last == "checkpoints" else {
      return nil
    }
    let checkpoints = URL(fileURLWithPath: parts[..<place].joined(separator: "/"), isDirectory: true)
    return LastCheckpoint.folder(in: checkpoints).map { folder in
      parts[(place + 1)...].reduce(folder) { $0.appendingPathComponent($1, isDirectory: true) }
    }
  }

  private static func holds(_ folder: URL, _ files: [String]) -> Bool {
    files.allSatisfy { file in
      let whole = folder.appendingPathComponent(file)
      return FileManager.default.fileExists(atPath: whole.path) || holdsShards(folder, of: file)
    }
  }

  /// Weights may also lie in shards, which an index names.
  private static func holdsShards(_ folder: URL, of file: String) -> Bool {
    guard file.hasSuffix(".safetensors"),
      let index = try? JSON(contentsOf: folder.appendingPathComponent(file + ".index.json")),
      let shards = index["weight_map"]?.object?.values, !shards.isEmpty
    else { return false }
    return shards.allSatisfy { shard in
      guard let place = try? contained(shard.string ?? "", in: folder) else { return false }
      return FileManager.default.fileExists(atPath: place.path)
    }
  }

  static func isDirectory(_ url: URL) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
