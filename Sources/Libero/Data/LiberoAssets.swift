import Foundation

/// Where the scenes' meshes, textures and models are found.
public enum LiberoAssets {
  /// The Hugging Face dataset repository that hf-libero takes its assets from.
  public static let repository = "lerobot/libero-assets"

  /// Subfolders that a folder of assets must have to be one.
  static let parts = [
    "articulated_objects", "scenes", "stable_hope_objects", "stable_scanned_objects", "turbosquid_objects",
  ]

  /// The folder of assets: the one that LIBERO's settings name, else hf-libero's download, else the Hugging Face cache.
  ///
  /// - Throws: a sentence with both ways to have them, where there are none.
  public static func resolve(
    _ settings: LiberoSettings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(LiberoError) -> URL {
    for candidate in candidates(settings, environment) where holdsAssets(candidate) { return candidate }
    throw LiberoError(
      "LIBERO's scene assets are not on this machine; either name a folder that holds them as 'assets:' in "
        + "\(LiberoSettings.location(environment).path), or fetch them with "
        + "`hf download \(repository) --repo-type dataset` (they are then found in the Hugging Face cache)")
  }

  private static func candidates(_ settings: LiberoSettings, _ environment: [String: String]) -> [URL] {
    let named = [settings.assets, settings.benchmarkRoot.appendingPathComponent("assets")].compactMap { $0 }
    let home = LiberoSettings.home(environment)
    let downloaded = home.appendingPathComponent(".cache/libero/assets")
    return named + [downloaded] + snapshots(in: hubCache(environment, home: home))
  }

  private static func hubCache(_ environment: [String: String], home: URL) -> URL {
    func folder(_ name: String) -> URL? {
      environment[name].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
    }
    if let cache = folder("HF_HUB_CACHE") { return cache }
    return (folder("HF_HOME") ?? home.appendingPathComponent(".cache/huggingface")).appendingPathComponent("hub")
  }

  /// Snapshots of the repository in a Hugging Face cache, the one that `main` points to first.
  private static func snapshots(in cache: URL) -> [URL] {
    let name = repository.replacingOccurrences(of: "/", with: "--")
    let folder = cache.appendingPathComponent("datasets--\(name)")
    let snapshots = folder.appendingPathComponent("snapshots")
    let revisions = ((try? FileManager.default.contentsOfDirectory(atPath: snapshots.path)) ?? []).sorted()
    let main = try? String(contentsOf: folder.appendingPathComponent("refs/main"), encoding: .utf8)
    let first = [main?.trimmingCharacters(in: .whitespacesAndNewlines)].compactMap { $0 }
    return (first + revisions).map { snapshots.appendingPathComponent($0) }
  }

  private static func holdsAssets(_ folder: URL) -> Bool {
    parts.allSatisfy { FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path) }
  }
}
