import Foundation
import ModelFiles

/// Where data sets lie.
public enum DatasetLocation {
  /// LeRobot's folder of data sets: `$HF_LEROBOT_HOME`, else `$HF_HOME/lerobot`, else `~/.cache/huggingface/lerobot`.
  public static func home(environment: [String: String] = ProcessInfo.processInfo.environment) -> URL {
    func folder(_ name: String) -> URL? {
      guard let path = environment[name], !path.isEmpty else { return nil }
      return URL(fileURLWithPath: NSString(string: path).expandingTildeInPath, isDirectory: true)
    }
    if let home = folder("HF_LEROBOT_HOME") { return home }
    let cache =
      folder("XDG_CACHE_HOME") ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
    return (folder("HF_HOME") ?? cache.appendingPathComponent("huggingface")).appendingPathComponent("lerobot")
  }

  /// A data set's folder: `root` where one is given, else its place under ``home(environment:)``.
  ///
  /// - Throws: if there is no data set, naming both ways to say where it is.
  public static func root(
    repositoryID: String, root: URL? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(DatasetError) -> URL {
    let folder = if let root { root } else { try place(repositoryID, environment) }
    guard FileManager.default.fileExists(atPath: folder.appendingPathComponent("meta/info.json").path) else {
      throw DatasetError(
        "no LeRobotDataset in \(folder.path) (meta/info.json is missing); "
          + "point --dataset.root at its folder, or put \(repositoryID) under HF_LEROBOT_HOME")
    }
    return folder
  }

  private static func place(_ repositoryID: String, _ environment: [String: String]) throws(DatasetError) -> URL {
    do { return try contained(repositoryID, in: home(environment: environment)) } catch {
      throw DatasetError(
        "expected a data set's name such as user/name for --dataset.repo_id, found \"\(repositoryID)\"")
    }
  }
}
