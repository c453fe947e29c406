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

/// The codecs' library, opened on first need, once.
struct MediaEngine: Sendable {
  let api: wm_media_api

  private static let opened: Result<MediaEngine, MediaError> = {
    do {
      var api = wm_media_api()
      let shim = try Engines.directory().appendingPathComponent("shims/libwm_media.so")
      try Engines.load(shim, engine: "FFmpeg", prefix: "wm_media_", names: wm_media_function_names, into: &api)
      return .success(MediaEngine(api: api))
    } catch {
      return .failure(MediaError("\(error)"))
    }
  }()

  static var api: wm_media_api {
    get throws(MediaError) { try opened.get().api }
  }
}

extension wm_media_api {
  /// The codec's own words for this thread's last failure.
  var problem: String { last_error().map { String(cString: $0) } ?? "no reason given" }
}

/// Lends a path as a C string.
func withPath<Value>(_ url: URL, _ body: (UnsafePointer<CChar>) -> Value) -> Value { url.path.withCString(body) }
