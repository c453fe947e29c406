import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// What `meta/info.json` says.
public struct DatasetMetadata: Sendable, Equatable {
  /// How a dataset lies in its files.
  enum Layout: Sendable {
    /// Version 3: several episodes share a file.
    case sharedFiles
    /// Version 2: every episode has a Parquet file and videos of its own, and `meta` holds lines of JSON.
    case filePerEpisode
  }

  /// The robot's name, where one is given.
  public var robotType: String?
  public var episodeCount: Int
  public var frameCount: Int
  public var taskCount: Int
  /// Frames per second of the recording; a label, never used to skip frames.
  public var framesPerSecond: Double
  /// The features by name, in the file's order.
  public var features: OrderedDictionary<String, DatasetFeature>
  /// Features that cannot be read here, and why; a policy may do without them.
  public private(set) var unreadable: OrderedDictionary<String, String> = [:]
  var layout = Layout.sharedFiles
  var chunks = ChunkSettings()
  var dataPath = PathTemplate.data
  var videoPath: PathTemplate?

  /// Names of the features that a camera makes.
  public var cameras: [String] { features.filter { $0.value.dataType.isVisual }.map(\.key) }

  init(robotType: String?, framesPerSecond: Double, features: OrderedDictionary<String, DatasetFeature>) {
    self.robotType = robotType
    self.episodeCount = 0
    self.frameCount = 0
    self.taskCount = 0
    self.framesPerSecond = framesPerSecond
    self.features = features
    self.videoPath = features.values.contains { $0.dataType == .video } ? .video : nil
  }

  /// Reads and checks `meta/info.json`.
  public init(contentsOf url: URL) throws {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw Failure(
        "expected a LeRobotDataset with \(url.path), found none; check `dataset.root` and `dataset.repo_id`")
    }
    let json = try JSON(contentsOf: url)
    func required<Value>(_ key: String, _ kind: String, _ value: (JSON) -> Value?) throws -> Value {
      guard let found = json[key] else { throw Failure("expected the key \"\(key)\" in \(url.path), found none") }
      guard let value = value(found) else { throw Failure("expected \(kind) under \"\(key)\" in \(url.path)") }
      return value
    }
    let version = try required("codebase_version", "a version", \.string)
    layout = try Self.layout(version, url)
    func whole(_ key: String) throws -> Int {
      try required(key, "an integer from 0 to 2^40") { $0.integer.flatMap { (0...1 << 40).contains($0) ? $0 : nil } }
    }
    robotType = json["robot_type"]?.string
    episodeCount = try whole("total_episodes")
    frameCount = try whole("total_frames")
    taskCount = try whole("total_tasks")
    framesPerSecond = try required("fps", "a positive number, at most 1000000") {
      $0.double.flatMap { (1e-6...1e6).contains($0) ? $0 : nil }
    }
    chunks.filesPerChunk = max(1, json["chunks_size"]?.integer ?? chunks.filesPerChunk)
    chunks.dataFileMegabytes = json["data_files_size_in_mb"]?.double ?? chunks.dataFileMegabytes
    chunks.videoFileMegabytes = json["video_files_size_in_mb"]?.double ?? chunks.videoFileMegabytes
    dataPath = PathTemplate(text: try required("data_path", "a path template", \.string))
    videoPath = json["video_path"]?.string.map(PathTemplate.init)
    features = [:]
    for (name, feature) in try required("features", "an object", \.object) {
      do {
        guard !name.contains("/"), !name.isEmpty, name != "..", name != "." else {
          throw Failure("of a name that no file could have")
        }
        features[name] = try DatasetFeature(feature)
      } catch { unreadable[name] = message(of: error) }
    }
    for name in DatasetFeature.bookkeeping.keys where features[name]?.shape != [1] {
      throw Failure("expected the feature \(name) with the shape [1] in \(url.path)")
    }
    if videoPath == nil, let camera = features.first(where: { $0.value.dataType == .video })?.key {
      throw Failure("expected the key \"video_path\" in \(url.path) because \(camera) is a video, found none")
    }
  }

  private static func layout(_ version: String, _ url: URL) throws -> Layout {
    let numbers = version.dropFirst(version.hasPrefix("v") ? 1 : 0).split(separator: ".").map { Int($0) }
    guard numbers.count >= 2, let major = numbers[0], numbers[1] != nil else {
      throw Failure("expected a version such as v3.0 under \"codebase_version\" in \(url.path), found \(version)")
    }
    switch major {
    case 3: return .sharedFiles
    case 2: return .filePerEpisode
    case ..<2:
      throw Failure(
        "expected a LeRobotDataset v3.0, v2.1 or v2.0 in \(url.path), found \(version); "
          + "convert it with convert_dataset_v1_to_v2 of a LeRobot before 0.4")
    default:
      throw Failure(
        "expected a LeRobotDataset v3.0, v2.1 or v2.0 in \(url.path), found \(version), which a newer LeRobot wrote; "
          + "ask for a revision of an older version (`dataset.revision=v3.0`)")
    }
  }

  var json: JSON {
    let whole = Int(exactly: framesPerSecond)
    return [
      "codebase_version": "v3.0", "robot_type": robotType.map { .string($0) } ?? .null,
      "total_episodes": .integer(episodeCount), "total_frames": .integer(frameCount),
      "total_tasks": .integer(taskCount), "chunks_size": .integer(chunks.filesPerChunk),
      "data_files_size_in_mb": Self.number(chunks.dataFileMegabytes),
      "video_files_size_in_mb": Self.number(chunks.videoFileMegabytes),
      "fps": whole.map { .integer($0) } ?? .number(framesPerSecond),
      "splits": ["train": .string("0:\(episodeCount)")], "data_path": .string(dataPath.text),
      "video_path": .string((videoPath ?? .video).text),
      "features": .object(OrderedDictionary(uniqueKeysWithValues: features.map { ($0.key, $0.value.json) })),
    ]
  }

  private static func number(_ value: Double) -> JSON { Int(exactly: value).map { .integer($0) } ?? .number(value) }
}
