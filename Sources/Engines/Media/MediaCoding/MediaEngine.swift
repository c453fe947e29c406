import CMedia
import EngineLoading
import Foundation

/// The codecs' libraries, each opened once, on first use: images can be read where FFmpeg is missing.
enum MediaEngine {
  private static let openedStills: Result<wm_media_api, any Error> = Result {
    var stills = wm_media_api()
    try EngineLibraries.load(
      try shim("libwm_media.so"), engine: "libpng and libjpeg", prefix: "wm_media_", names: wm_media_function_names,
      into: &stills)
    return stills
  }
  private static let openedVideos: Result<wm_video_api, any Error> = Result {
    var videos = wm_video_api()
    try EngineLibraries.load(
      try shim("libwm_video.so"), engine: "FFmpeg", prefix: "wm_video_", names: wm_video_function_names, into: &videos)
    return videos
  }

  private static func shim(_ name: String) throws -> URL {
    try EngineLibraries.directory().appendingPathComponent("shims/\(name)")
  }

  static var stills: wm_media_api {
    get throws { try openedStills.get() }
  }

  static var videos: wm_video_api {
    get throws { try openedVideos.get() }
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
