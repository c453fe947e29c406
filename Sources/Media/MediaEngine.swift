import CMedia
import Engines
import Foundation

/// A failure to read or write a picture or a video, as one sentence.
public struct MediaError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}

/// The codecs' libraries, opened on first need, once.
struct MediaEngine: Sendable {
  let stills: wm_media_api
  let videos: wm_video_api

  private static let opened: Result<MediaEngine, MediaError> = {
    do {
      let shims = try Engines.directory().appendingPathComponent("shims")
      var stills = wm_media_api()
      try Engines.load(
        shims.appendingPathComponent("libwm_media.so"), engine: "libpng and libjpeg", prefix: "wm_media_",
        names: wm_media_function_names, into: &stills)
      var videos = wm_video_api()
      try Engines.load(
        shims.appendingPathComponent("libwm_video.so"), engine: "FFmpeg", prefix: "wm_video_",
        names: wm_video_function_names, into: &videos)
      return .success(MediaEngine(stills: stills, videos: videos))
    } catch {
      return .failure(MediaError("\(error)"))
    }
  }()

  static var stills: wm_media_api {
    get throws(MediaError) { try opened.get().stills }
  }

  static var videos: wm_video_api {
    get throws(MediaError) { try opened.get().videos }
  }
}

extension wm_video_api {
  /// FFmpeg's own words for this thread's last failure.
  var problem: String { last_error().map { String(cString: $0) } ?? "no reason given" }
}

extension wm_media_api {
  /// The codec's own words for this thread's last failure.
  var problem: String { last_error().map { String(cString: $0) } ?? "no reason given" }
}

/// Lends a path as a C string.
func withPath<Value>(_ url: URL, _ body: (UnsafePointer<CChar>) -> Value) -> Value { url.path.withCString(body) }
