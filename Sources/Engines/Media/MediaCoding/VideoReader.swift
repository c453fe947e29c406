import Failures
import CMedia
import Foundation
import RGBImages
import Synchronization

/// A video file open for reading frames by their time.
///
/// Frames near the last one decoded are cheap; others cost a jump to the key frame before them. One thread at a time
/// decodes, others wait.
public final class VideoReader: Sendable {
  /// Where the file lies.
  public let url: URL
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Average frame rate, in Hz.
  public let framesPerSecond: Double
  /// Length, in seconds.
  public let duration: Double
  /// The codec, such as `av1` or `h264`.
  public let codec: String
  /// The layout of the decoded planes, such as `yuv420p`.
  public let pixelFormat: String

  private let api: wm_video_api
  private let handle: Mutex<Handle>

  // Only ever touched under the lock.
  private struct Handle: @unchecked Sendable {
    let video: wm_video
  }

  /// Opens a video; AV1, H.264 and HEVC among others, in MP4 or Matroska.
  ///
  /// - Parameter threads: threads that decoding may use.
  /// - Throws: one sentence, if it is missing or no whole video.
  public init(_ url: URL, threads: Int = 1) throws {
    let api = try MediaEngine.videos
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw Failure("expected a video at \(url.path), found none")
    }
    var info = wm_video_info()
    guard let video = withPath(url, { api.open($0, Int32(threads), &info) }) else {
      throw Failure("\(url.path) is no whole video: \(api.problem)")
    }
    self.api = api
    self.handle = Mutex(Handle(video: video))
    self.url = url
    self.width = Int(info.width)
    self.height = Int(info.height)
    self.framesPerSecond = info.frames_per_second
    self.duration = info.duration
    self.codec = withUnsafeBytes(of: info.codec) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    self.pixelFormat = withUnsafeBytes(of: info.pixel_format) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    try checkImageSize(width: width, height: height, of: "\(url.path), a video")
  }

  deinit { handle.withLock { api.close($0.video) } }

  /// The frame shown at a time.
  ///
  /// - Parameters:
  ///   - time: seconds from the start.
  ///   - tolerance: how far the frame's own time may lie from that, in seconds; LeRobot's is 1e-4.
  /// - Throws: one sentence, if there is no such frame or it is damaged. It names the nearest frame met.
  public func frame(at time: Double, tolerance: Double = 1e-4) throws -> RGBImage {
    let result = handle.withLock { handle -> Result<RGBImage, any Error> in
      do {
        try seek(handle.video, time, tolerance)
        return .success(
          try RGBImage(width: width, height: height, of: "a frame of \(url.path)") { pixels, capacity in
            api.pixels(handle.video, pixels, capacity) == 0 ? nil : api.problem
          })
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// The decoded planes of that frame, one after another without padding, before any conversion to RGB.
  func planes(at time: Double, tolerance: Double = 1e-4) throws -> [UInt8] {
    let result = handle.withLock { handle -> Result<[UInt8], any Error> in
      do {
        try seek(handle.video, time, tolerance)
        let count = Int(api.planes(handle.video, nil, 0))
        guard count > 0 else { throw Failure("\(url.path) has no planes: \(api.problem)") }
        return .success(
          [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, Int(api.planes(handle.video, buffer.baseAddress, count)))
          })
      } catch { return .failure(error) }
    }
    return try result.get()
  }

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
/// Threads that ask for the same file at once each get a reader of their own.
public final class VideoReaders: Sendable {
  /// Idle readers kept at most.
  public let capacity: Int
  private let idle = Mutex<[VideoReader]>([])

  /// Makes an empty cache.
  public init(capacity: Int = 8) { self.capacity = max(0, capacity) }

  /// Idle readers now.
  public var idleCount: Int { idle.withLock { $0.count } }

  /// The frame of a file shown at a time; see ``VideoReader/frame(at:tolerance:)``.
  public func frame(of url: URL, at time: Double, tolerance: Double = 1e-4) throws -> RGBImage {
    let kept = idle.withLock { idle in
      idle.lastIndex { $0.url == url }.map { idle.remove(at: $0) }
    }
    let reader = if let kept { kept } else { try VideoReader(url) }
    let image = try reader.frame(at: time, tolerance: tolerance)
    let surplus = idle.withLock { idle in
      idle.append(reader)
      return idle.count > capacity ? idle.removeFirst() : nil
    }
    // Closed here, outside the lock.
    _ = surplus
    return image
  }
}
