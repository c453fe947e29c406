import CMedia
import EngineLoading
import Failures
import Foundation
import RGBImages
import Synchronization
import WorkerThreads

/// A video file open for reading frames by their time.
///
/// Frames near the last one decoded are cheap; others require a seek to the preceding key frame. One thread
/// decodes at a time; others wait.
public final class VideoReader: Sendable {
  public let url: URL
  public let width: Int
  public let height: Int
  public let framesPerSecond: Double
  /// Length, in seconds.
  public let duration: Double
  /// The codec, such as `av1` or `h264`.
  public let codec: String
  /// The layout of the decoded planes, such as `yuv420p`.
  public let pixelFormat: String

  /// How the camera was held, as the file notes it; torchcodec, with which LeRobot decodes, turns the frames accordingly.
  private let orientation: ExifOrientation
  private let codedSize: (width: Int, height: Int)
  private let api: wm_video_api
  private let handle: Mutex<Handle>

  // Only used under the lock.
  private struct Handle: @unchecked Sendable {
    let video: wm_video
  }

  /// Opens a video; AV1, H.264 and HEVC among others, in MP4 or Matroska.
  ///
  /// - Parameter threads: the number of decoding threads.
  /// - Throws: `Failure`, if it is missing or not a valid video.
  public init(_ url: URL, threads: Int = 1) throws {
    let api = try MediaEngine.videos
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw Failure("expected a video at \(url.path), found none")
    }
    try refuseGitLFSPointer(url.path)
    var info = wm_video_info()
    guard let video = api.open(url.path, Int32(threads), &info) else {
      throw Failure("\(url.path) is not a valid video: \(api.problem)")
    }
    self.api = api
    self.handle = Mutex(Handle(video: video))
    self.url = url
    orientation = [.upright, .quarterLeft, .upsideDown, .quarterRight][Int(info.quarter_turns & 3)]
    codedSize = (Int(info.width), Int(info.height))
    (width, height) = info.quarter_turns & 1 == 0 ? codedSize : (codedSize.height, codedSize.width)
    self.framesPerSecond = info.frames_per_second
    self.duration = info.duration
    self.codec = CText.string(of: info.codec)
    self.pixelFormat = CText.string(of: info.pixel_format)
    try RGBImage.checkSize(width: width, height: height, of: "\(url.path), a video")
  }

  deinit { handle.withLock { api.close($0.video) } }

  /// The frame nearest to a time, the earlier of two at the same distance, whatever was read before.
  ///
  /// - Parameters:
  ///   - time: seconds from the start.
  ///   - tolerance: the largest difference from the frame's own time, in seconds; LeRobot's is 1e-4. It only rejects.
  /// - Throws: `Failure` with the nearest frame's time, if there is no such frame, or if it is damaged.
  public func frame(at time: Double, tolerance: Double = 1e-4) throws -> RGBImage {
    try handle.withLock { handle in
      try seek(handle.video, time, tolerance)
      let image = try RGBImage(
        width: codedSize.width, height: codedSize.height, of: "a frame of \(url.path)"
      ) { pixels, capacity in api.pixels(handle.video, pixels, capacity) == 0 ? nil : api.problem }
      return try orientation.upright(image)
    }
  }

  /// The decoded planes of that frame, one after another without padding, before any conversion to RGB.
  func planes(at time: Double, tolerance: Double = 1e-4) throws -> [UInt8] {
    try handle.withLock { handle in
      try seek(handle.video, time, tolerance)
      let count = Int(api.planes(handle.video, nil, 0))
      guard count > 0 else { throw Failure("\(url.path) has no planes: \(api.problem)") }
      return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        initialized = max(0, Int(api.planes(handle.video, buffer.baseAddress, count)))
      }
    }
  }

  /// The packets, one for each coded frame, that were decoded so far.
  var decodedPackets: Int { handle.withLock { Int(api.packets($0.video)) } }

  private func seek(_ video: wm_video, _ time: Double, _ tolerance: Double) throws {
    guard time.isFinite, abs(time) < 1e6, tolerance >= 0 else {
      throw Failure("\(url.path) was asked for a frame at \(time) s")
    }
    var nearest = Double.nan
    switch api.seek(video, time, tolerance, &nearest) {
    case 1: return
    case 0:
      let found = nearest.isNaN ? "none" : "the nearest at \(nearest) s"
      throw Failure(
        "expected a frame at \(time) s (within \(tolerance) s) in \(url.path), found \(found); "
          + "the video does not belong to these timestamps or is cut short")
    default: throw Failure("\(url.path) could not be decoded at \(time) s: \(api.problem)")
    }
  }
}

/// Open readers that are kept for the next request, the least recently used closed first.
///
/// Concurrent requests for the same file each use a reader of their own.
public final class VideoReaders: Sendable {
  private let pool: ResourcePool<URL, VideoReader>

  /// Creates an empty cache of at most `capacity` idle readers.
  public init(capacity: Int = 8) { pool = ResourcePool(maximumIdle: capacity) }

  public var idleCount: Int { pool.idleCount }

  /// The frame of a file nearest to a time; see ``VideoReader/frame(at:tolerance:)``.
  public func frame(of url: URL, at time: Double, tolerance: Double = 1e-4) throws -> RGBImage {
    try pool.withResource(url, make: { try VideoReader(url) }) { try $0.frame(at: time, tolerance: tolerance) }
  }
}
