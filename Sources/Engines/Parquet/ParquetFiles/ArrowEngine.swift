import Failures
import CArrow
import EngineLoading
import Foundation

/// Arrow's library, opened on first need, once.
struct ArrowEngine: Sendable {
  let api: wm_arrow_api

  private static let opened: Result<ArrowEngine, any Error> = {
    do {
      var api = wm_arrow_api()
      let shim = try EngineLibraries.directory().appendingPathComponent("shims/libwm_arrow.so")
      try EngineLibraries.load(
        shim, engine: "Arrow", prefix: "wm_arrow_", names: wm_arrow_function_names, into: &api)
      return .success(ArrowEngine(api: api))
    } catch {
      return .failure(Failure("\(error)"))
    }
  }()

  static var api: wm_arrow_api {
    get throws { try opened.get().api }
  }
}

extension wm_arrow_api {
  /// Arrow's own words for this thread's last failure, on one line.
  var problem: String {
    (last_error().map { String(cString: $0) } ?? "").split(whereSeparator: \.isNewline).first.map(String.init)
      ?? "no reason given"
  }
}
