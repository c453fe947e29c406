import Failures
import Foundation
import HuggingFaceHub
import ModelFiles

public enum DatasetLocation {
  /// LeRobot's folder of datasets: `$HF_LEROBOT_HOME`, else `$HF_HOME/lerobot`, else `~/.cache/huggingface/lerobot`.
  public static func home(environment: [String: String] = ProcessInfo.processInfo.environment) -> URL {
    HubSettings(environment: environment).lerobotHome
  }

  /// A dataset's folder: `root` where one is given, else the folder or repository that `repositoryID` names.
  ///
  /// A repository is looked for under ``home(environment:)``, unless a revision is asked for, in the Hugging Face cache
  /// and in LeRobot's own below `hub` in its folder, and is then fetched into the cache: `meta` first, then the files of the episodes. Without a revision it is
  /// the one tagged with the newest version of the format that is read here, as LeRobot chooses, else `main`.
  ///
  /// - Parameters:
  ///   - revision: a branch, tag or commit.
  ///   - episodes: the episodes whose files are needed; nil for all.
  ///   - excluded: those of them that are not.
  /// - Throws: if there is no such dataset or it cannot be fetched, and what would help.
  public static func root(
    repositoryID: String, root: URL? = nil, revision: String? = nil, episodes: [Int]? = nil,
    excluding excluded: [Int] = [], environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> URL {
    if let root {
      try refuseLinkLoop(at: root.appendingPathComponent("meta/info.json").path)
      guard isDataset(root) else {
        throw Failure(
          "no LeRobotDataset in \(root.path) (meta/info.json is missing); point `dataset.root` at its folder, or leave "
            + "it out to have \(repositoryID.isEmpty ? "`dataset.repo_id`" : repositoryID) looked for and fetched")
      }
      return root
    }
    let path = folder(named: repositoryID)
    if !repositoryID.isEmpty {
      try refuseLinkLoop(at: path.appendingPathComponent("meta/info.json").path)
      if isDataset(path) { return path }
    }
    let noFolder =
      "there is no "
      + (path.isThere ? "LeRobotDataset in \(repositoryID) (meta/info.json is missing)" : "folder \(repositoryID)")
    guard HubRepository.isName(repositoryID) else {
      throw Failure(
        repositoryID.contains("/")
          ? "\(noFolder), and it is no dataset's name such as user/name; check `dataset.repo_id`"
          : "expected a dataset's name such as user/name, or its folder, for `dataset.repo_id`, found \"\(repositoryID)\""
      )
    }
    let settings = HubSettings(environment: environment)
    let wanted = { (episode: Int) in episodes?.contains(episode) ?? true && !excluded.contains(episode) }
    let copy = settings.lerobotHome.appendingPathComponent(repositoryID)
    if revision == nil, isDataset(copy), settings.isOffline || isComplete(copy, wanted) { return copy }
    let repository = try HubRepository(.dataset, repositoryID)
    // LeRobot fetches datasets into a cache of its own since 0.5.
    let own = HubCache(repository, in: settings.lerobotHome.appendingPathComponent("hub", isDirectory: true))
    let revisions = revision.map { [$0] } ?? ["v3.0", "v2.1", "v2.0", "main"]
    for cache in [HubCache(repository, settings), own] {
      for snapshot in revisions.compactMap({ cache.snapshot(revision: $0) }) where isComplete(snapshot, wanted) {
        return snapshot
      }
    }
    do { return try fetched(repository, revision, wanted, Hub(settings)) } catch let error as HubError {
      // What LeRobot left under its own folder has no recorded revision.
      guard revision != nil, isDataset(copy) else {
        throw error.after(noFolder, where: path.isThere || HubRepository.mayBePath(repositoryID))
      }
      throw Failure("\(error) (`dataset.revision` is set; without it, \(copy.path) is used)")
    }
  }

  /// Whether a dataset's name or root is a local folder, to which a revision does not apply.
  public static func isFolder(repositoryID: String, root: URL?) -> Bool {
    root != nil || !repositoryID.isEmpty && isDataset(folder(named: repositoryID))
  }

  private static func folder(named name: String) -> URL {
    URL(fileURLWithPath: NSString(string: name).expandingTildeInPath, isDirectory: true)
  }

  private static func fetched(
    _ repository: HubRepository, _ revision: String?, _ isWanted: (Int) -> Bool, _ hub: Hub
  ) throws -> URL {
    let chosen = if let revision { revision } else { version(among: try hub.revisions(of: repository)) ?? "main" }
    let listing = try hub.listing(of: repository, revision: chosen)
    let folder = try hub.fetch(listing) { $0.hasPrefix("meta/") }
    guard isDataset(folder) else {
      throw Failure("\(repository) (revision \(chosen)) is no LeRobotDataset: it has no meta/info.json")
    }
    var needed = try files(in: folder, where: isWanted)
    let listed = Set(listing.files.map(\.path))
    // Where `meta/episodes` names data files that are not there, the rows themselves say where an episode lies.
    let lacks = needed.subtracting(listed)
    let data = listed.filter { $0.hasPrefix("data/") && $0.hasSuffix(".parquet") }
    if let missing = lacks.first(where: { !$0.hasPrefix("data/") || data.isEmpty }) {
      throw Failure("\(repository) (revision \(chosen)) has no \(missing), which its episodes name")
    }
    if !lacks.isEmpty { needed = needed.subtracting(lacks).union(data) }
    return try hub.fetch(listing, where: needed.contains)
  }

  /// The branch or tag of the newest version of the format that is read here: v3.0 itself, else the highest of v3, else
  /// of v2.
  static func version(among names: [String]) -> String? {
    func numbers(_ name: String) -> [Int]? {
      let parts = (name.hasPrefix("v") ? name.dropFirst() : name[...]).split(separator: ".").map { Int($0) }
      return parts.count >= 2 && parts.allSatisfy { $0 != nil } ? parts.compactMap { $0 } : nil
    }
    if names.contains("v3.0") { return "v3.0" }
    let known = names.compactMap { name in numbers(name).map { (name: name, numbers: $0) } }
    return known.filter { [2, 3].contains($0.numbers[0]) }
      .max { $0.numbers.lexicographicallyPrecedes($1.numbers) }?.name
  }

  private static func isDataset(_ folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent("meta/info.json").path)
  }

  private static func isComplete(_ folder: URL, _ isWanted: (Int) -> Bool) -> Bool {
    guard isDataset(folder), let needed = try? files(in: folder, where: isWanted) else { return false }
    let absent = needed.filter { !FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path) }
    return absent.isEmpty
      || absent.allSatisfy { $0.hasPrefix("data/") } && FrameTable.isWhole(in: folder, where: isWanted)
  }

  /// The files of some episodes below the dataset's folder.
  private static func files(in folder: URL, where isWanted: (Int) -> Bool) throws -> Set<String> {
    let metadata = try DatasetMetadata(contentsOf: folder.appendingPathComponent("meta/info.json"))
    let all = try Episode.load(root: folder, metadata: metadata)
    let prefix = folder.appendingPathComponent("x").path.dropLast()
    var files: Set<String> = []
    for episode in all where isWanted(episode.index) {
      var urls = [try metadata.dataPath.url(in: folder, chunk: episode.chunk, file: episode.file)]
      for (camera, video) in episode.videos {
        guard let template = metadata.videoPath else { continue }
        urls.append(try template.url(in: folder, chunk: video.chunk, file: video.file, video: camera))
      }
      for url in urls where url.path.hasPrefix(prefix) { files.insert(String(url.path.dropFirst(prefix.count))) }
    }
    return files
  }
}
