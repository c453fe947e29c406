import CEngineLoader
import Foundation

/// A sentence about an engine that could not be reached, and the command that mends it.
public struct EngineError: Error, CustomStringConvertible, Sendable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}

/// Where the engines' libraries lie, and how one is opened.
public enum Engines {
  /// The folder that the set-up fills: `$WM_DEPS_DIR`, else the nearest `.deps` at or above the program's own folder.
  public static func directory() throws(EngineError) -> URL {
    if let given = ProcessInfo.processInfo.environment["WM_DEPS_DIR"], !given.isEmpty {
      return URL(fileURLWithPath: given, isDirectory: true)
    }
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    for start in [program, URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)] {
      var folder = start
      while folder.path != "/" {
        let candidate = folder.appendingPathComponent(".deps", isDirectory: true)
        if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
        folder.deleteLastPathComponent()
      }
    }
    throw EngineError("no engines found beside \(program.path); run `make build` there, or set WM_DEPS_DIR")
  }

  /// Opens a library and fills a C table of its functions.
  ///
  /// - Parameters:
  ///   - library: the library's file.
  ///   - engine: what a user calls it, for errors.
  ///   - names: the functions, in the order of the table's fields; each is looked up as `prefix + name`.
  ///   - table: as many pointers as there are names.
  public static func load(
    _ library: URL, engine: String, prefix: String, names: UnsafePointer<UnsafePointer<CChar>>, count: Int32,
    into table: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) throws(EngineError) {
    guard FileManager.default.fileExists(atPath: library.path) else {
      throw EngineError("\(engine) is missing: \(library.path) does not exist; run `make build`")
    }
    if let problem = engine_load(library.path, prefix, names, count, table) {
      throw EngineError("\(engine) could not be loaded: \(String(cString: problem)); run `make build`")
    }
  }
}
