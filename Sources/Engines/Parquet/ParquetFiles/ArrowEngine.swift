import CArrow
import EngineLoading
import Foundation

/// Arrow's library, opened once, on first use.
struct ArrowEngine: Sendable {
  let api: wm_arrow_api

  private static let opened: Result<ArrowEngine, any Error> = Result {
    var api = wm_arrow_api()
    let shim = try EngineLibraries.directory().appendingPathComponent("shims/libwm_arrow.so")
    try EngineLibraries.load(shim, engine: "Arrow", prefix: "wm_arrow_", names: wm_arrow_function_names, into: &api)
    return ArrowEngine(api: api)
  }

  static var api: wm_arrow_api {
    get throws { try opened.get().api }
  }
}

extension wm_arrow_api {
  /// The first line of Arrow's message for this thread's last failure.
  var problem: String { String(CText.message(last_error()).prefix { !$0.isNewline }) }
}
