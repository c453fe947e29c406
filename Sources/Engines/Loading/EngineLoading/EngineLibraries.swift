import CEngineLoading
import Failures
import Foundation

/// Finds and opens the engines' libraries.
public enum EngineLibraries {
  /// What fixes a missing or outdated engine, for error messages.
  public static let remedy = "run `make setup` in the lerobot-wm package"

  /// The folder that `make setup` fills: `$WM_DEPS_DIR`, else the nearest `.deps` at or above the program's own folder.
  public static func directory() throws -> URL {
    if let given = ProcessInfo.processInfo.environment["WM_DEPS_DIR"], !given.isEmpty {
      return URL(fileURLWithPath: given, isDirectory: true)
    }
    // The kernel's answer, which still names the folder where the program was replaced while it runs.
    let path = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let program = URL(fileURLWithPath: path)
    for start in [program, URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)] {
      var folder = start
      while folder.path != "/" {
        let candidate = folder.appendingPathComponent(".deps", isDirectory: true)
        if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
        folder.deleteLastPathComponent()
      }
    }
    throw Failure("no engines found for \(program.path); \(remedy), or set WM_DEPS_DIR")
  }

  /// Opens a library for the rest of the process, its symbols visible to libraries opened later.
  public static func open(_ library: URL, engine: String) throws {
    try fill(nil, capacity: 0, from: library, engine: engine, prefix: "", names: { _ in nil })
  }

  /// Opens a library and fills a C table of its functions.
  ///
  /// - Parameters:
  ///   - library: the library's file.
  ///   - engine: the name in error messages.
  ///   - prefix: the prefix of each function's name in the library.
  ///   - names: the functions, in the order of the table's fields.
  ///   - table: a C struct of function pointers, one for each name.
  public static func load<Table>(
    _ library: URL, engine: String, prefix: String,
    names: (UnsafeMutablePointer<Int32>?) -> UnsafePointer<UnsafePointer<CChar>?>?, into table: inout Table
  ) throws {
    let pointers = MemoryLayout<Table>.size / MemoryLayout<UnsafeMutableRawPointer?>.size
    try withUnsafeMutablePointer(to: &table) { table in
      try table.withMemoryRebound(to: UnsafeMutableRawPointer?.self, capacity: pointers) { table in
        try fill(table, capacity: pointers, from: library, engine: engine, prefix: prefix, names: names)
      }
    }
  }

  private static func fill(
    _ table: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, capacity: Int, from library: URL, engine: String,
    prefix: String, names: (UnsafeMutablePointer<Int32>?) -> UnsafePointer<UnsafePointer<CChar>?>?
  ) throws {
    guard FileManager.default.fileExists(atPath: library.path) else {
      throw Failure("\(engine) is missing: \(library.path) does not exist; \(remedy)")
    }
    var count: Int32 = 0
    let list = names(&count)
    guard Int(count) <= capacity else {
      throw Failure(
        "the table of \(engine)'s functions was compiled from another list; run `make clean build` in the lerobot-wm package"
      )
    }
    if let problem = engine_load(library.path, prefix, list, count, table) {
      let problem = String(cString: problem)
      // The loader's words where memory runs out; the files are sound then.
      let isOfMemory = ["failed to map segment", "annot allocate memory"].contains { problem.contains($0) }
      let more = "there is not enough memory for it; raise the limit (`ulimit -v`, or the container's)"
      throw Failure("\(engine) could not be loaded: \(problem); \(isOfMemory ? more : remedy)")
    }
  }
}
