import Foundation
import MediaCoding
import ModelFiles
import ParquetFiles
import RGBImages

/// Numbers of the files that episodes go to: `chunk-000/file-000`, `chunk-000/file-001`, …
struct FileNumber: Equatable {
  var chunk = 0, file = 0

  mutating func advance(filesPerChunk: Int) {
    file += 1
    if file >= filesPerChunk { (chunk, file) = (chunk + 1, 0) }
  }
}

/// Data files: one row group for each episode, the next file when one is full.
struct ChunkedParquetWriter {
  let root: URL
  let fields: [ParquetField]
  let metadata: [(key: String, value: String)]
  let limit: Double
  let filesPerChunk: Int
  private var number = FileNumber()
  private var writer: ParquetWriter?
  private var frames = 0

  init(root: URL, fields: [ParquetField], metadata: [(key: String, value: String)], limit: Double, filesPerChunk: Int) {
    self.root = root
    self.fields = fields
    self.metadata = metadata
    self.limit = limit
    self.filesPerChunk = filesPerChunk
  }

  /// Writes an episode and says where.
  mutating func append(_ columns: [ColumnValues]) throws -> FileNumber {
    let length = columns.first?.count ?? 0
    if let full = writer, frames > 0 {
      let bytes = Double(full.byteCount)
      if bytes + bytes / Double(frames) * Double(length) >= limit {
        try finish()
        number.advance(filesPerChunk: filesPerChunk)
      }
    }
    let open = try writer ?? begin()
    writer = open
    try open.write(columns)
    frames += length
    return number
  }

  private func begin() throws -> ParquetWriter {
    let url = try PathTemplate.data.url(in: root, chunk: number.chunk, file: number.file)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    return try ParquetWriter(url, fields: fields, metadata: metadata)
  }

  /// Completes the file at hand.
  mutating func finish() throws {
    try writer?.finish()
    writer = nil
    frames = 0
  }
}

/// A camera's video files: episodes one after another, the next file when one is full.
struct RotatingVideo {
  let root: URL
  let camera: String
  let height: Int, width: Int
  let framesPerSecond: Double
  let codec: VideoCodec?
  let limit: Double
  let filesPerChunk: Int
  private var number = FileNumber()
  private var writer: VideoWriter?
  private(set) var videoInfo: JSON?

  init(
    root: URL, camera: String, height: Int, width: Int, framesPerSecond: Double, codec: VideoCodec?, limit: Double,
    filesPerChunk: Int
  ) {
    self.root = root
    self.camera = camera
    self.height = height
    self.width = width
    self.framesPerSecond = framesPerSecond
    self.codec = codec
    self.limit = limit
    self.filesPerChunk = filesPerChunk
  }

  /// Writes an episode and says where in which file.
  mutating func append(_ images: [RGBImage]) throws -> Episode.Video {
    if let full = writer, full.frameCount > 0 {
      let bytes = Double(full.byteCount)
      if bytes + bytes / Double(full.frameCount) * Double(images.count) >= limit {
        try finish()
        number.advance(filesPerChunk: filesPerChunk)
      }
    }
    let open = try writer ?? begin()
    writer = open
    let first = open.frameCount
    for image in images { try open.append(image) }
    return Episode.Video(
      chunk: number.chunk, file: number.file, start: Double(first) / framesPerSecond,
      end: Double(open.frameCount) / framesPerSecond)
  }

  private func begin() throws -> VideoWriter {
    let url = try PathTemplate.video.url(in: root, chunk: number.chunk, file: number.file, video: camera)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    // LeRobot's settings: a key frame every second frame makes random access cheap.
    return try VideoWriter(
      url, width: width, height: height, framesPerSecond: framesPerSecond,
      codec: try codec ?? VideoCodec.forData(width: width, height: height), quality: 30, keyInterval: 2, threads: 2)
  }

  /// Completes the file at hand and, the first time, looks at what it became.
  mutating func finish() throws {
    guard let open = writer else { return }
    try open.finish()
    writer = nil
    guard videoInfo == nil else { return }
    let reader = try VideoReader(open.url)
    videoInfo = [
      "video.height": .integer(height), "video.width": .integer(width), "video.codec": .string(reader.codec),
      "video.pix_fmt": .string(reader.pixelFormat), "video.is_depth_map": false,
      "video.fps": .integer(Int(framesPerSecond)), "video.channels": 3, "has_audio": false,
    ]
  }
}
