import CMuJoCo
import EngineLoading
import Failures
import Foundation

/// MuJoCo's library, opened once for the process.
///
/// The table is written once, before it is shared, and MuJoCo's functions keep no state of their own.
public struct PhysicsEngine: @unchecked Sendable {
  let functions: wm_mujoco_api

  private static let opened: Result<PhysicsEngine, any Error> = Result {
    try PhysicsEngine()
  }

  static func shared() throws -> PhysicsEngine { try opened.get() }

  /// The library's version, such as `3.3.2`.
  ///
  /// - Throws: why the library cannot be opened.
  public static var version: String {
    get throws {
      guard let text = try shared().functions.mj_versionString() else {
        throw Failure("MuJoCo returned no version")
      }
      return String(cString: text)
    }
  }

  private init() throws {
    var functions = wm_mujoco_api()
    let library = try EngineLibraries.directory().appendingPathComponent("engines/mujoco/mujoco/libmujoco.so.3.3.2")
    try EngineLibraries.load(library, engine: "MuJoCo", prefix: "", names: wm_mujoco_function_names, into: &functions)
    let found = functions.mj_version()
    guard found == mjVERSION_HEADER else {
      throw Failure(
        "this program was built for MuJoCo \(mjVERSION_HEADER) and found MuJoCo \(found); \(EngineLibraries.remedy)")
    }
    wm_mujoco_take_errors(&functions)
    self.functions = functions
  }
}

extension wm_mujoco_message {
  /// The message as a string.
  var string: String { CText.string(of: text) }
}
