import Failures
import Foundation
import MediaCoding
import ModelFiles
import OrderedCollections
import RGBImages

/// A LeRobotDataset v3.0, v2.1 or v2.0 on disk, or some episodes of it, open for reading.
///
/// Numbers are read on their first use and held in memory; images and videos are decoded when asked for. Positions count the selected frames from
/// 0; a frame's `index` counts those of the whole dataset. Any thread may read.
public final class LeRobotDataset: Sendable {
  public let root: URL
  /// What `meta/info.json` says.
  public let metadata: DatasetMetadata
  /// The selected episodes, in ascending order.
  public let episodes: [Episode]
  /// Tasks in words, by `task_index`.
  public let tasks: [Int: String]
  /// Statistics of the whole dataset by feature: `meta/stats.json`, or v2.1's episodes joined; empty where both are
  /// missing.
  public let statistics: OrderedDictionary<String, FeatureStatistics>
  public let count: Int
  /// What a user should know, in whole lines: features that are left out, cameras of another size than promised.
  public let notices: [String]

  let table: FrameTable
  let numbers: FrameNumbers
  let tolerance: Double
  let starts: [Int]
  let images: FrameImages
  let videos: VideoReaders

  /// Opens a dataset.
  ///
  /// - Parameters:
  ///   - episodes: the episodes to read; nil for all. Only their data files need to be there.
  ///   - tolerance: seconds that a frame may lie off its place in time, in the columns and in videos; LeRobot's default.
  ///   - imageCacheBytes: memory for images in Parquet files, as they are encoded; where the files are larger, images are
  ///     read one by one, which takes about 16 bytes of it for each.
  ///   - openVideos: idle video readers kept at most, beside one for each thread that decodes. LIBERO in LeRobot's files of
  ///     200 MB has about a dozen for each camera.
  /// - Throws: one sentence, if anything is missing, damaged or contradicts itself.
  public init(
    root: URL, episodes selection: [Int]? = nil, tolerance: Double = 1e-4, imageCacheBytes: Int = 1 << 30,
    openVideos: Int = 32
  ) throws {
    self.root = root
    var metadata = try DatasetMetadata(contentsOf: root.appendingPathComponent("meta/info.json"))
    tasks = try loadTasks(root: root, layout: metadata.layout)
    // Version 2.1 may still carry the stats.json that 2.0 once had; its episodes' statistics are the newer ones.
    let episodeStatistics = metadata.layout == .filePerEpisode ? try loadEpisodeStatistics(root: root) : nil
    statistics = if let episodeStatistics { episodeStatistics } else { try Self.loadStatistics(root) }
    let all = try Episode.load(root: root, metadata: metadata)
    episodes = try Self.episodes(selection, among: all, root)
    var starts: [Int] = []
    var next = 0
    for episode in episodes {
      starts.append(next)
      next += episode.frames.count
    }
    self.starts = starts
    count = next
    self.tolerance = tolerance
    table = try FrameTable.load(root: root, metadata: metadata, episodes: episodes)
    try table.checkTimes(of: episodes, metadata, tolerance: tolerance, root: root)
    numbers = FrameNumbers(table, metadata)
    images = FrameImages(files: table.files, capacity: imageCacheBytes)
    videos = VideoReaders(capacity: openVideos)
    notices = Self.adoptImageSizes(&metadata, root, episodes.first, images, table)
    self.metadata = metadata
    if let unknown = table.taskIndices.first(where: { tasks[Int($0)] == nil }) {
      let name = metadata.layout == .sharedFiles ? "tasks.parquet" : "tasks.jsonl"
      throw Failure("expected task \(unknown) in \(root.path)/meta/\(name), found none")
    }
  }

  static func episodes(_ selection: [Int]?, among all: [Episode], _ root: URL) throws -> [Episode] {
    guard let selection else { return all }
    if let wrong = selection.first(where: { !all.indices.contains($0) }) {
      throw Failure(
        "episode \(wrong) was asked for, but \(root.path) holds episodes 0 to \(all.count - 1); fix `dataset.episodes`"
      )
    }
    return Set(selection).sorted().map { all[$0] }
  }

  private static func loadStatistics(_ root: URL) throws -> OrderedDictionary<String, FeatureStatistics> {
    let url = root.appendingPathComponent("meta/stats.json")
    guard FileManager.default.fileExists(atPath: url.path) else { return [:] }
    let json = try JSON(contentsOf: url)
    guard let members = json.object else { throw Failure("expected an object in \(url.path)") }
    var statistics: OrderedDictionary<String, FeatureStatistics> = [:]
    // What cannot be read is left out; a run that needs it computes it from the data.
    for (name, entry) in members { statistics[name] = try? FeatureStatistics(entry, name: name, file: url.path) }
    return statistics
  }

  /// A frame's place and time.
  public struct Frame: Sendable, Equatable {
    /// Its number in the whole dataset, in its episode, and its episode's.
    public let index: Int, frameIndex: Int, episodeIndex: Int
    public let timestamp: Float
    public let taskIndex: Int, task: String
  }

  /// The selected episode that a position lies in, as an offset into ``episodes``.
  private func ordinal(_ position: Int) throws -> Int {
    guard position >= 0, position < count else {
      throw Failure("\(root.path) has \(count) selected frames, asked for frame \(position)")
    }
    var low = 0, high = starts.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if starts[middle] <= position { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// A frame's place, time and task.
  public func frame(at position: Int) throws -> Frame {
    let episode = episodes[try ordinal(position)]
    let frame = Int(table.frameIndices[position])
    let task = Int(table.taskIndices[position])
    return Frame(
      index: episode.frames.lowerBound + frame, frameIndex: frame, episodeIndex: episode.index,
      timestamp: table.timestamps[position], taskIndex: task, task: tasks[task] ?? "")
  }

  /// The positions of the episode that a frame belongs to.
  public func positionsOfEpisode(containing position: Int) throws -> Range<Int> {
    let ordinal = try ordinal(position)
    return starts[ordinal]..<starts[ordinal] + episodes[ordinal].frames.count
  }

  /// Positions around a frame, clamped to its episode.
  public func window(at position: Int, offsets: some Sequence<Int>) throws -> FrameWindow {
    FrameWindow(episode: try positionsOfEpisode(containing: position), frame: position, offsets: offsets)
  }

  /// Numbers of a feature at some positions: `[positions, width]`, row-major.
  public func values(of feature: String, at positions: [Int]) throws -> [Float] {
    guard let (values, width) = try numbers.values(feature) else {
      let names = numbers.features.keys.joined(separator: ", ")
      throw Failure("expected a numeric feature named \(feature) in \(root.path), found \(names)")
    }
    var result: [Float] = []
    result.reserveCapacity(positions.count * width)
    for position in positions {
      _ = try ordinal(position)
      result += values[position * width..<(position + 1) * width]
    }
    return result
  }

  public func image(_ camera: String, at position: Int) throws -> RGBImage {
    guard let feature = metadata.features[camera], let size = feature.imageSize else {
      let names = metadata.cameras.joined(separator: ", ")
      throw Failure("expected a camera named \(camera) in \(root.path), found \(names.isEmpty ? "none" : names)")
    }
    let episode = episodes[try ordinal(position)]
    let image = try namingFrame(position, of: episode) {
      if feature.dataType == .image {
        return try images.image(camera, at: table.places[position], row: Int(table.rows[position]))
      }
      guard let video = episode.videos[camera], let template = metadata.videoPath else {
        throw Failure("episode \(episode.index) in \(root.path) names no video of \(camera)")
      }
      let url = try template.url(in: root, chunk: video.chunk, file: video.file, video: camera)
      return try videos.frame(of: url, at: video.start + Double(table.timestamps[position]), tolerance: tolerance)
    }
    guard image.width == size.width, image.height == size.height else {
      throw Failure(
        "expected \(size.width)x\(size.height) pixels from \(camera) in \(root.path), "
          + "found \(image.width)x\(image.height) in frame \(position)")
    }
    return image
  }

  /// Names the episode of a frame that cannot be read, and what leaves it out.
  private func namingFrame<Value>(_ position: Int, of episode: Episode, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      let frame = position - episode.frames.lowerBound
      throw Failure(
        "frame \(frame) of episode \(episode.index): \(message(of: error)); \(exclusion(of: [episode.index])) leaves it out"
      )
    }
  }
}
