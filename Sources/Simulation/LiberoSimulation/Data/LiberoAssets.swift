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
  /// - Throws: an error with both ways to get them, if they are missing and cannot be fetched, and a folder that the
  ///   settings name and that holds none: other assets in its place would be another environment.
  public static func resolve(
    _ settings: LiberoSettings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> URL {
    if let folder = try installed(settings, environment: environment) { return folder }
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
  ///
  /// - Throws: a folder that the settings name and that holds none.
  public static func installed(
    _ settings: LiberoSettings, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> URL? {
    // LIBERO's own settings name this one, which hf-libero does not bring.
    let packaged = settings.benchmarkRoot.appendingPathComponent("assets")
    if let folder = settings.assets, folder.standardizedFileURL.path != packaged.standardizedFileURL.path,
      let missing = missingPart(of: folder)
    {
      throw Failure(
        "\(LiberoSettings.location(environment).path) names the assets \(folder.path), which \(missing); correct 'assets:' "
          + "there, or remove it to use \(repository)")
    }
    let named = [settings.assets, packaged].compactMap { $0 }
    let downloaded = LiberoSettings.home(environment).appendingPathComponent(".cache/libero/assets")
    let assets = try? HubRepository(.dataset, repository)
    let snapshot = assets.flatMap { HubCache($0, HubSettings(environment: environment)).snapshot() }
    return (named + [downloaded] + [snapshot].compactMap(\.self)).first(where: holdsAssets)
  }

  private static func holdsAssets(_ folder: URL) -> Bool { missingPart(of: folder) == nil }

  /// What a folder of assets lacks, in words; nil if it is whole.
  private static func missingPart(of folder: URL) -> String? {
    guard FileManager.default.fileExists(atPath: folder.path) else { return "does not exist" }
    return parts.first { !FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path) }
      .map { "has no folder \($0)" }
  }
}
