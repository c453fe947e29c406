import CMedia
import Failures
import Foundation
import RGBImages

/// How a video is compressed, under LeRobot's names.
public enum VideoCodec: String, Sendable, CaseIterable {
  /// H.264 by x264, which every browser plays.
  case h264
  /// HEVC (H.265) by x265.
  case hevc
  /// AV1 by SVT-AV1, LeRobot's choice for datasets; sides of at least 64 pixels.
  case av1 = "libsvtav1"
  /// MPEG-4 part 2, the fallback if x264 is missing.
  case mpeg4

  var encoder: String {
    switch self {
    case .h264: "libx264"
    case .hevc: "libx265"
    case .av1, .mpeg4: rawValue
    }
  }

  /// Whether the installed FFmpeg can write it.
  public var isAvailable: Bool {
    get throws {
      let api = try MediaEngine.videos
      return encoder.withCString { api.has_encoder($0) } != 0
    }
  }

  /// The codec for videos to watch.
  public static func forViewing() throws -> VideoCodec { try h264.isAvailable ? .h264 : .mpeg4 }

  /// The codec for a dataset's video of this size: AV1 if the encoder supports it, as in LeRobot.
  public static func forData(width: Int, height: Int) throws -> VideoCodec {
    if min(width, height) >= 64, try av1.isAvailable { return .av1 }
    return try forViewing()
  }
}

/// Writes an MP4 file (yuv420p) frame by frame, under a temporary name until finished.
///
/// A writer that is released unfinished deletes its file. Not thread-safe.
public final class VideoWriter {
  public let url: URL
  public let width: Int
  public let height: Int
  public private(set) var frameCount = 0

  private let api: wm_video_api
  private let partial: URL
  private var writer: wm_video_writer?

  /// Opens a video for writing; its folder must exist.
  ///
  /// - Parameters:
  ///   - framesPerSecond: the rate; frame `i` is shown at exactly `i / framesPerSecond` (rates to a thousandth).
  ///   - codec: nil selects one that browsers play.
  ///   - quality: the codec's constant rate factor, lower is better.
  ///   - keyInterval: frames from one key frame to the next; 2 makes random access cheap.
  ///   - overwrite: whether a file under the final name may be replaced when this one is finished.
  /// - Throws: `Failure`, if a side is odd, the rate is not positive or the codec is not available.
  public init(
    _ url: URL, width: Int, height: Int, framesPerSecond: Double, codec: VideoCodec? = nil, quality: Int = 23,
    keyInterval: Int = 30, threads: Int = 1, overwrite: Bool = false
  ) throws {
    if !overwrite, FileManager.default.fileExists(atPath: url.path) {
      throw Failure("\(url.path) exists; delete it or choose another path")
    }
    try RGBImage.checkSize(width: width, height: height, of: "\(url.path), a video")
    guard width % 2 == 0, height % 2 == 0 else {
      throw Failure("expected even sides for the video \(url.path), found \(width)x\(height)")
    }
    guard framesPerSecond.isFinite, framesPerSecond >= 0.001, framesPerSecond <= 1000 else {
      throw Failure("expected a frame rate from 0.001 to 1000 Hz for \(url.path), found \(framesPerSecond)")
    }
    // A coarser rate would make the frames drift from their timestamps.
    guard abs((framesPerSecond * 1000).rounded() - framesPerSecond * 1000) < 1e-6 else {
      throw Failure("expected a frame rate in multiples of 0.001 Hz for \(url.path), found \(framesPerSecond)")
    }
    let api = try MediaEngine.videos
    let codec = if let codec { codec } else { try VideoCodec.forViewing() }
    let partial = url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).partial")
    let whole = framesPerSecond.rounded() == framesPerSecond
    let writer = codec.encoder.withCString { name in
      var settings = wm_video_settings(
        width: Int32(width), height: Int32(height),
        rate_numerator: Int32(whole ? framesPerSecond : (framesPerSecond * 1000).rounded()),
        rate_denominator: whole ? 1 : 1000, quality: Int32(quality), key_interval: Int32(keyInterval),
        threads: Int32(threads), encoder: name)
      return api.create(partial.path, &settings)
    }
    guard let writer else {
      let problem = api.problem
      try? FileManager.default.removeItem(at: partial)
      throw Failure("\(url.path) could not be written as \(codec.encoder): \(problem)")
    }
    self.api = api
    self.url = url
    self.width = width
    self.height = height
    self.partial = partial
    self.writer = writer
  }

  deinit {
    guard let writer else { return }
    api.discard(writer)
    try? FileManager.default.removeItem(at: partial)
  }

  /// The bytes written to the file so far.
  public var byteCount: Int { writer.map { Int(api.position($0)) } ?? 0 }

  public func append(_ image: RGBImage) throws {
    guard let writer else { throw Failure("\(url.path) is already finished") }
    guard image.width == width, image.height == height else {
      throw Failure("expected \(width)x\(height) frames for \(url.path), found \(image.width)x\(image.height)")
    }
    guard api.write(writer, image.pixels) == 0 else {
      throw Failure("\(url.path) could not be written: \(api.problem)")
    }
    frameCount += 1
  }

  /// Completes the file and renames it to its final name.
  public func finish() throws {
    guard let writer else { throw Failure("\(url.path) is already finished") }
    self.writer = nil
    guard api.finish(writer) == 0 else {
      let problem = api.problem
      try? FileManager.default.removeItem(at: partial)
      throw Failure("\(url.path) could not be written: \(problem)")
    }
    guard rename(partial.path, url.path) == 0 else {
      defer { try? FileManager.default.removeItem(at: partial) }
      throw Failure("\(url.path) could not be written: \(String(cString: strerror(errno)))")
    }
  }
}
