import Failures
import Foundation
import ModelFiles
import ParquetFiles

/// One episode's place in the dataset.
public struct Episode: Sendable, Equatable {
  /// A camera's video: its file and the seconds of it that belong to the episode.
  public struct Video: Sendable, Equatable {
    let chunk: Int, file: Int
    /// Where the episode starts and ends in the file, in seconds.
    public let start: Double, end: Double
  }

  public let index: Int
  public let tasks: [String]
  /// Its frames' numbers in the whole dataset.
  public let frames: Range<Int>
  public let videos: [String: Video]
  let chunk: Int, file: Int
}

extension Episode {
  /// Reads what `meta` says of the episodes, all of them, in order.
  ///
  /// - Throws: if a file is missing or damaged, or the episodes do not follow one another without a gap.
  static func load(root: URL, metadata: DatasetMetadata) throws -> [Episode] {
    let (episodes, place) =
      switch metadata.layout {
      case .sharedFiles: (try loadShared(root: root, metadata: metadata), "meta/episodes")
      case .filePerEpisode: (try loadLines(root: root, metadata: metadata), "meta/episodes.jsonl")
      }
    let path = root.appendingPathComponent(place).path
    guard episodes.count == metadata.episodeCount else {
      throw Failure(
        "expected \(metadata.episodeCount) episodes (total_episodes) in \(path), found \(episodes.count)")
    }
    var next = 0
    for (number, episode) in episodes.enumerated() {
      guard episode.index == number, episode.frames.lowerBound == next else {
        throw Failure(
          "expected episode \(number) from frame \(next) in \(path), "
            + "found episode \(episode.index) from frame \(episode.frames.lowerBound)")
      }
      next = episode.frames.upperBound
    }
    guard next == metadata.frameCount else {
      throw Failure("expected \(metadata.frameCount) frames (total_frames) in \(path), found \(next)")
    }
    return episodes
  }

  /// Reads `meta/episodes/*/*.parquet`.
  private static func loadShared(root: URL, metadata: DatasetMetadata) throws -> [Episode] {
    let folder = root.appendingPathComponent("meta/episodes")
    let files = parquetFiles(in: folder)
    guard !files.isEmpty else { throw Failure("expected Parquet files in \(folder.path), found none") }
    let videoKeys = metadata.features.filter { $0.value.dataType == .video }.map(\.key)
    var episodes: [Episode] = []
    for url in files {
      let file = try ParquetFile(url)
      for group in file.rowGroups.indices { episodes += try read(file, group, videoKeys) }
    }
    return episodes
  }

  private static func read(_ file: ParquetFile, _ group: Int, _ videoKeys: [String]) throws -> [Episode] {
    let videoColumns = videoKeys.flatMap { key in
      ["chunk_index", "file_index", "from_timestamp", "to_timestamp"].map { "videos/\(key)/\($0)" }
    }
    let table = try file.read(
      rowGroup: group,
      columns: [
        "episode_index", "tasks", "length", "data/chunk_index", "data/file_index", "dataset_from_index",
        "dataset_to_index",
      ] + videoColumns)
    func whole(_ name: String) throws -> [Int] { try table.column(name).integers() }
    let index = try whole("episode_index"), length = try whole("length")
    let from = try whole("dataset_from_index"), to = try whole("dataset_to_index")
    let chunk = try whole("data/chunk_index"), number = try whole("data/file_index")
    let tasks = try table.column("tasks")
    var videos = [[String: Video]](repeating: [:], count: table.rowCount)
    for key in videoKeys {
      // Pandas makes these float64 where it once held gaps.
      let chunks = try table.column("videos/\(key)/chunk_index").doubles()
      let files = try table.column("videos/\(key)/file_index").doubles()
      let starts = try table.column("videos/\(key)/from_timestamp").doubles()
      let ends = try table.column("videos/\(key)/to_timestamp").doubles()
      for row in videos.indices {
        guard let chunk = Int(exactly: chunks[row]), let number = Int(exactly: files[row]), chunk >= 0, number >= 0
        else {
          throw Failure("expected integers from 0 for the video files of \(key) in \(file.url.path)")
        }
        videos[row][key] = Video(chunk: chunk, file: number, start: starts[row], end: ends[row])
      }
    }
    return try index.indices.map { row in
      guard (0...1 << 40).contains(from[row]), length[row] > 0, length[row] < 1 << 40,
        to[row] &- from[row] == length[row], chunk[row] >= 0, number[row] >= 0
      else {
        throw Failure(
          "episode \(index[row]) in \(file.url.path) has length \(length[row]) "
            + "but goes from frame \(from[row]) to \(to[row])")
      }
      return Episode(
        index: index[row], tasks: try tasks.list(row).strings(), frames: from[row]..<to[row], videos: videos[row],
        chunk: chunk[row], file: number[row])
    }
  }

  /// `folder/*/*.parquet` in the order of their names.
  static func parquetFiles(in folder: URL) -> [URL] {
    let manager = FileManager.default
    let chunks = (try? manager.contentsOfDirectory(atPath: folder.path)) ?? []
    return chunks.sorted().flatMap { chunk -> [URL] in
      let inside = folder.appendingPathComponent(chunk)
      let names = (try? manager.contentsOfDirectory(atPath: inside.path)) ?? []
      return names.sorted().filter { $0.hasSuffix(".parquet") && !$0.hasPrefix(".") }
        .map { inside.appendingPathComponent($0) }
    }
  }
}

/// Reads `meta/tasks.parquet`, or version 2's lines: the task's words, by `task_index`.
func loadTasks(root: URL, layout: DatasetMetadata.Layout) throws -> [Int: String] {
  if layout == .filePerEpisode { return try loadTaskLines(root: root) }
  let url = root.appendingPathComponent("meta/tasks.parquet")
  let file = try ParquetFile(url)
  let names = file.fields.map(\.name)
  guard let text = ["__index_level_0__", "task"].first(where: names.contains) else {
    throw Failure("expected the tasks' text (__index_level_0__) in \(url.path), found \(names)")
  }
  var tasks: [Int: String] = [:]
  for group in file.rowGroups.indices {
    let table = try file.read(rowGroup: group, columns: ["task_index", text])
    for (index, task) in zip(try table.column("task_index").integers(), try table.column(text).strings()) {
      tasks[index] = task
    }
  }
  return tasks
}
