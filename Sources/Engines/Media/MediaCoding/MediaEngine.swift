import CMedia
import EngineLoading
import Foundation

/// The codecs' libraries, opened once, on first use.
struct MediaEngine: Sendable {
  let stills: wm_media_api
  let videos: wm_video_api

  private static let opened: Result<MediaEngine, any Error> = Result {
    let shims = try EngineLibraries.directory().appendingPathComponent("shims")
    var stills = wm_media_api()
    try EngineLibraries.load(
      shims.appendingPathComponent("libwm_media.so"), engine: "libpng and libjpeg", prefix: "wm_media_",
      names: wm_media_function_names, into: &stills)
    var videos = wm_video_api()
    try EngineLibraries.load(
      shims.appendingPathComponent("libwm_video.so"), engine: "FFmpeg", prefix: "wm_video_",
      names: wm_video_function_names, into: &videos)
    return MediaEngine(stills: stills, videos: videos)
  }

  static var stills: wm_media_api {
    get throws { try opened.get().stills }
  }

  static var videos: wm_video_api {
    get throws { try opened.get().videos }
  }
}

/// The libraries for images and videos.
public enum MediaLibraries {
  /// Opens them.
  ///
  /// - Throws: which one is missing, and how to install it.
  public static func open() throws { _ = (try MediaEngine.stills, try MediaEngine.videos) }
}

extension wm_video_api {
  /// FFmpeg's message for this thread's last failure.
  var problem: String { CText.message(last_error()) }
}

extension wm_media_api {
  /// The codec's message for this thread's last failure.
  var problem: String { CText.message(last_error()) }
}
