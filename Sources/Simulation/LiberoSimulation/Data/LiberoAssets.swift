import Failures
import Foundation
import HuggingFaceHub

/// The folder of the scenes' meshes, textures and models.
public enum LiberoAssets {
  /// The Hugging Face dataset repository of hf-libero's assets.
  public static let repository = "lerobot/libero-assets"

  /// Subfolders that a folder of assets must have.
  static let parts = [
    "articulated_objects", "scenes", "stable_hope_objects", "stable_scanned_objects", "turbosquid_objects",
  ]

  /// The folder of assets: the one that LIBERO's settings name, else hf-libero's download, else the Hugging Face cache,
  /// into which they are fetched if they are in none of these.
  ///
  /// - Throws: an error with both ways to get them, if they are missing and cannot be fetched.
  public static func resolve(
    _ settings: LiberoSettings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> URL {
    if let folder = installed(settings, environment: environment) { return folder }
    do {
      let hub = Hub(HubSettings(environment: environment))
      let assets = try HubRepository(.dataset, repository)
      let folder = try hub.fetch(hub.listing(of: assets))
      guard holdsAssets(folder) else {
        throw HubError("\(assets) of \(hub.settings.endpoint) lacks one of \(parts.joined(separator: ", "))")
      }
      return folder
    } catch {
      throw Failure(
        "LIBERO's scene assets are not on this machine (\(error)); either name a folder that holds them as 'assets:' in "
          + "\(LiberoSettings.location(environment).path), or fetch them with "
          + "`hf download \(repository) --repo-type dataset` (they are then found in the Hugging Face cache)")
    }
  }

  /// The folder of assets on this machine; nil if there is none and it would be fetched.
  public static func installed(
    _ settings: LiberoSettings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> URL? {
    let named = [settings.assets, settings.benchmarkRoot.appendingPathComponent("assets")].compactMap { $0 }
    let downloaded = LiberoSettings.home(environment).appendingPathComponent(".cache/libero/assets")
    let assets = try? HubRepository(.dataset, repository)
    let snapshot = assets.flatMap { HubCache($0, HubSettings(environment: environment)).snapshot() }
    return (named + [downloaded] + [snapshot].compactMap(\.self)).first(where: holdsAssets)
  }

  private static func holdsAssets(_ folder: URL) -> Bool {
    parts.allSatisfy { FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path) }
  }
}
