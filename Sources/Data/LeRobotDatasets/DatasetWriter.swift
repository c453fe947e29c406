import Failures
import Foundation
import MediaCoding
import ModelFiles
import OrderedCollections
import ParquetFiles

/// How large a dataset's files grow, under LeRobot's names and with its defaults; an episode is never divided.
public struct ChunkSettings: Sendable, Equatable {
  /// Files in a folder (`chunks_size`).
  public var filesPerChunk = 1000
  /// MiB of a Parquet file and of a video (`data_files_size_in_mb`, `video_files_size_in_mb`).
  public var dataFileMegabytes = 100.0, videoFileMegabytes = 200.0

  public init() {}
}

/// Records a LeRobotDataset v3.0: frames into episodes, episodes into files, statistics on the way.
///
/// Everything is written beside the dataset's folder, which appears whole when ``finish()`` returns; a recorder that is
/// dropped before leaves nothing. An episode's frames stay in memory until it is saved. Not for more than one thread.
///
/// ```swift
/// let writer = try DatasetWriter(root: folder, framesPerSecond: 10, features: features)
/// try writer.addFrame(["observation.state": .floats(state), "action": .floats(action), "observation.images.top": .image(top)])
/// try writer.saveEpisode(task: "push the red block to the left")
/// try writer.finish()
/// ```
public final class DatasetWriter {
  public let root: URL
  /// What the dataset is, with what has been saved so far.
  public private(set) var metadata: DatasetMetadata
  /// How it was recorded, for `meta/recording.json`; nil for none.
  public var recording: DatasetRecording?
  /// Frames of the episode that is being recorded.
  public var pendingFrameCount: Int { pending.values.first?.count ?? 0 }

  private let folder: AtomicFolder
  private let overwrite: Bool
  private var pending: OrderedDictionary<String, [FeatureValue]>
  private var tasks: OrderedSet<String> = []
  private var records: [EpisodeRecord] = []
  private var data: ChunkedParquetWriter
  private var videos: OrderedDictionary<String, RotatingVideo> = [:]
  private var isFinished = false
  private var failure: (any Error)?

  /// Begins a dataset.
  ///
  /// - Parameters:
  ///   - features: what each frame holds, without LeRobot's own five (timestamp, frame_index, …).
  ///   - chunks: how large files grow.
  ///   - videoCodec: nil for AV1 where the encoder takes the size, as LeRobot does, else H.264.
  ///   - overwrite: whether a dataset that lies at `root` may be replaced when this one is finished.
  /// - Throws: if `root` exists and may not be replaced or holds something else, or a feature cannot be recorded.
  public init(
    root: URL, framesPerSecond: Double, robotType: String? = nil, features: OrderedDictionary<String, DatasetFeature>,
    chunks: ChunkSettings = ChunkSettings(), videoCodec: VideoCodec? = nil, overwrite: Bool = false
  ) throws {
    try Self.checkTarget(root, overwrite: overwrite)
    guard framesPerSecond.isFinite, framesPerSecond > 0 else {
      throw Failure("expected a positive frame rate for \(root.path), found \(framesPerSecond)")
    }
    for name in features.keys where name.contains("/") || name.isEmpty || DatasetFeature.bookkeeping[name] != nil {
      throw Failure("the feature name \"\(name)\" is refused: it is empty, holds a '/' or is one of LeRobot's own")
    }
    self.root = root
    self.overwrite = overwrite
    folder = try AtomicFolder(root)
    let all = features.merging(DatasetFeature.bookkeeping) { own, _ in own }
    metadata = DatasetMetadata(robotType: robotType, framesPerSecond: framesPerSecond, features: all)
    metadata.chunks = chunks
    pending = features.mapValues { _ in [] }
    var fields: [ParquetField] = []
    for (name, feature) in all {
      if let type = try feature.columnType(name: name) { fields.append(ParquetField(name, type)) }
    }
    data = ChunkedParquetWriter(
      root: folder.partial, fields: fields, metadata: [("huggingface", huggingFaceMetadata(all))],
      limit: chunks.dataFileMegabytes * 1024 * 1024, filesPerChunk: chunks.filesPerChunk)
    for (name, feature) in features where feature.dataType == .video {
      guard let size = feature.imageSize else { throw Failure("expected an RGB image's shape for \(name)") }
      videos[name] = RotatingVideo(
        root: folder.partial, camera: name, height: size.height, width: size.width, framesPerSecond: framesPerSecond,
        codec: videoCodec, limit: chunks.videoFileMegabytes * 1024 * 1024,
        filesPerChunk: chunks.filesPerChunk)
    }
    try FileManager.default.createDirectory(
      at: folder.partial.appendingPathComponent("meta"), withIntermediateDirectories: true)
  }

  private static func checkTarget(_ root: URL, overwrite: Bool) throws {
    try refuseLinkLoop(at: root.path)
    guard FileManager.default.fileExists(atPath: root.path) else { return }
    guard overwrite else {
      throw Failure("\(root.path) exists; give `overwrite` or choose another folder")
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? ["a file"]
    guard !names.isEmpty else { return }
    let info = root.appendingPathComponent("meta/info.json")
    guard FileManager.default.fileExists(atPath: info.path) else {
      throw Failure("\(root.path) is not overwritten because it holds no dataset; choose another folder")
    }
    // Such as a project's folder, in which a dataset was recorded.
    let own: Set = ["meta", "data", "videos", "images", ".cache"]
    let foreign = names.sorted().first { name in
      var isDirectory: ObjCBool = false
      let place = root.appendingPathComponent(name).path
      return FileManager.default.fileExists(atPath: place, isDirectory: &isDirectory) && isDirectory.boolValue
        && !own.contains(name)
    }
    if let foreign {
      throw Failure(
        "\(root.path) is not overwritten because it holds the folder \(foreign) beside a dataset; choose another folder"
      )
    }
  }

  /// Refuses work after the end, and after a failure that may have left an episode half written.
  private func checkOpen() throws {
    if let failure { throw Failure("nothing more can be recorded after this failure: \(failure)") }
    guard !isFinished else { throw Failure("\(root.path) is finished already") }
  }

  /// Adds a frame to the episode that is being recorded.
  ///
  /// - Throws: if a feature is missing, unknown or of another type or shape; the frame is then not added.
  public func addFrame(_ values: [String: FeatureValue]) throws {
    try checkOpen()
    if let unknown = values.keys.sorted().first(where: { pending[$0] == nil }) {
      throw Failure("expected the features \(pending.keys.joined(separator: ", ")), found \(unknown)")
    }
    for name in pending.keys {
      guard let value = values[name], let feature = metadata.features[name] else {
        throw Failure("expected a value for \(name) in every frame, found none")
      }
      try value.check(feature, name: name)
    }
    for (name, value) in values { pending[name]?.append(value) }
  }

  /// Forgets the frames since the last saved episode.
  public func discardEpisode() { pending = pending.mapValues { _ in [] } }

  /// Ends the episode: its frames go to disk, its statistics are taken.
  public func saveEpisode(task: String) throws {
    try checkOpen()
    let length = pendingFrameCount
    guard length > 0 else { throw Failure("expected at least one frame before an episode is saved, found none") }
    let taskIndex = tasks.append(task).index
    let first = metadata.frameCount, episode = metadata.episodeCount
    let frames = Array(0..<length)
    var values = pending
    values["timestamp"] = frames.map { .floats([Float(Double($0) / metadata.framesPerSecond)]) }
    values["frame_index"] = frames.map { .integers([$0]) }
    values["episode_index"] = frames.map { _ in .integers([episode]) }
    values["index"] = frames.map { .integers([first + $0]) }
    values["task_index"] = frames.map { _ in .integers([taskIndex]) }
    do {
      try write(values, task: task, frames: first..<first + length, episode: episode)
    } catch {
      failure = error
      throw error
    }
    metadata.episodeCount += 1
    metadata.frameCount += length
    metadata.taskCount = tasks.count
    discardEpisode()
  }

  private func write(
    _ values: OrderedDictionary<String, [FeatureValue]>, task: String, frames: Range<Int>, episode: Int
  ) throws {
    var columns: [ColumnValues] = []
    var statistics: OrderedDictionary<String, FeatureStatistics> = [:]
    for (name, feature) in metadata.features {
      let column = values[name] ?? []
      if feature.dataType != .video { columns.append(try feature.column(column)) }
      statistics[name] = Self.statistics(column, feature)
    }
    let place = try data.append(columns)
    var shown: OrderedDictionary<String, Episode.Video> = [:]
    for name in videos.keys {
      shown[name] = try videos[name]?.append((values[name] ?? []).compactMap(\.image))
    }
    records.append(
      EpisodeRecord(
        index: episode, task: task, frames: frames, chunk: place.chunk, file: place.file,
        videos: shown, statistics: statistics))
  }

  private static func statistics(_ column: [FeatureValue], _ feature: DatasetFeature) -> FeatureStatistics? {
    if feature.dataType == .string { return nil }
    if feature.dataType.isVisual {
      return FeatureStatistics(
        images: FeatureStatistics.sampledFrames(length: column.count).compactMap { column[$0].image })
    }
    return FeatureStatistics(
      values: column.flatMap(\.numbers), width: feature.elementCount, isSingle: feature.dataType == .float32)
  }

  /// Completes the files and gives the dataset its folder. Frames of an episode that was not saved are forgotten.
  public func finish() throws {
    try checkOpen()
    guard !records.isEmpty else { throw Failure("expected at least one episode in \(root.path), found none") }
    try Self.checkTarget(root, overwrite: overwrite)
    try data.finish()
    for name in videos.keys {
      try videos[name]?.finish()
      if let feature = metadata.features[name], let described = videos[name]?.videoInfo {
        metadata.features[name] = DatasetFeature(
          feature.dataType, shape: feature.shape, names: feature.names, videoInfo: described)
      }
    }
    let meta = folder.partial.appendingPathComponent("meta")
    try writeTasks(tasks, root: folder.partial)
    try writeEpisodes(records, features: metadata.features, root: folder.partial)
    try metadata.json.write(to: meta.appendingPathComponent("info.json"))
    try statistics().write(to: meta.appendingPathComponent("stats.json"))
    try recording?.json.write(to: folder.partial.appendingPathComponent(DatasetRecording.path), layout: .indented(2))
    try folder.commit()
    isFinished = true
  }

  private func statistics() throws -> JSON {
    var members: OrderedDictionary<String, JSON> = [:]
    for (name, feature) in metadata.features where feature.dataType != .string {
      members[name] = try FeatureStatistics.aggregate(records.compactMap { $0.statistics[name] }).json(feature.dataType)
    }
    return .object(members)
  }
}
