import CArrow
import Engines
import Foundation

/// A failure to read or write a Parquet file, as one sentence.
public struct ArrowError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}

/// Arrow's library, opened on first need, once.
struct ArrowEngine: Sendable {
  let api: wm_arrow_api

  private static let opened: Result<ArrowEngine, ArrowError> = {
    do {
      var api = wm_arrow_api()
      let shim = try Engines.directory().appendingPathComponent("shims/libwm_arrow.so")
      try Engines.load(
        shim, engine: "Arrow", prefix: "wm_arrow_", names: wm_arrow_function_names, into: &api)
      return .success(ArrowEngine(api: api))
    } catch {
      return .failure(ArrowError("\(error)"))
    }
  }()

  static var api: wm_arrow_api {
    get throws(ArrowError) { try opened.get().api }
  }
}

extension wm_arrow_api {
  /// Arrow's own words for this thread's last failure, on one line.
  var problem: String {
    (last_error().map { String(cString: $0) } ?? "").split(whereSeparator: \.isNewline).first.map(String.init)
      ?? "no reason given"
  }
}
