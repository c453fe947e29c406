import Failures
import CMedia
import EngineLoading
import Foundation

/// The codecs' libraries, opened on first need, once.
struct MediaEngine: Sendable {
  let stills: wm_media_api
  let videos: wm_video_api

  private static let opened: Result<MediaEngine, any Error> = {
    do {
      let shims = try EngineLibraries.directory().appendingPathComponent("shims")
      var stills = wm_media_api()
      try EngineLibraries.load(
        shims.appendingPathComponent("libwm_media.so"), engine: "libpng and libjpeg", prefix: "wm_media_",
        names: wm_media_function_names, into: &stills)
      var videos = wm_video_api()
      try EngineLibraries.load(
        shims.appendingPathComponent("libwm_video.so"), engine: "FFmpeg", prefix: "wm_video_",
        names: wm_video_function_names, into: &videos)
      return .success(MediaEngine(stills: stills, videos: videos))
    } catch {
      return .failure(Failure("\(error)"))
    }
  }()

  static var stills: wm_media_api {
    get throws { try opened.get().stills }
  }

  static var videos: wm_video_api {
    get throws { try opened.get().videos }
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
