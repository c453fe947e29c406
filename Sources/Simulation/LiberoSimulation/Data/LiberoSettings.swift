import EngineLoading
import Failures
import Foundation
import Yams

/// LIBERO's settings file, which names the folders of its tasks, initial states and assets.
///
/// LIBERO keeps it at `$LIBERO_CONFIG_PATH/config.yaml`, by default `~/.libero/config.yaml`; a missing key
/// means the packages' data.
public struct LiberoSettings: Sendable, Equatable {
  /// The folder of the LIBERO package.
  public var benchmarkRoot: URL
  /// The folder of the task descriptions, one subfolder per suite.
  public var bddlFiles: URL
  /// The folder of the initial states, one subfolder per suite.
  public var initialStates: URL
  /// The folder of scene assets that the file names; nil if it names none.
  public var assets: URL?

  /// The default settings: the packages' own data.
  public init(benchmarkRoot: URL) {
    self.benchmarkRoot = benchmarkRoot
    bddlFiles = benchmarkRoot.appendingPathComponent("bddl_files")
    initialStates = benchmarkRoot.appendingPathComponent("init_files")
    assets = nil
  }

  /// Reads the settings; where there is no file, the packages' data apply. LIBERO itself would write one then; a file with
  /// this program's folders would only mislead it.
  ///
  /// - Parameters:
  ///   - environment: the process's environment variables.
  ///   - benchmarkRoot: the folder of the LIBERO package; nil for the one that the set-up installed.
  public static func resolve(
    environment: [String: String] = ProcessInfo.processInfo.environment, benchmarkRoot: URL? = nil
  ) throws -> LiberoSettings {
    let root = try benchmarkRoot ?? packagedRoot()
    let file = location(environment)
    if FileManager.default.fileExists(atPath: file.path) { return try read(file, defaultRoot: root) }
    let folder = file.deletingLastPathComponent()
    guard environment["LIBERO_CONFIG_PATH"] ?? "" == "" || FileManager.default.fileExists(atPath: folder.path) else {
      throw Failure(
        "LIBERO_CONFIG_PATH names \(folder.path), which does not exist; correct it, or unset it for the standard")
    }
    return LiberoSettings(benchmarkRoot: root)
  }

  /// The path of LIBERO's settings file.
  public static func location(_ environment: [String: String]) -> URL {
    if let folder = environment["LIBERO_CONFIG_PATH"], !folder.isEmpty {
      return URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent("config.yaml")
    }
    return home(environment).appendingPathComponent(".libero/config.yaml")
  }

  /// The folder of the LIBERO package that the set-up installed beside the other engines.
  static func packagedRoot() throws -> URL {
    try engine("hf-libero", "libero/libero")
  }

  /// A folder of a package that the set-up installed; a missing one is an error that names the command.
  static func engine(_ name: String, _ folder: String) throws -> URL {
    let found = try EngineLibraries.directory().appendingPathComponent("engines/\(name)/\(folder)", isDirectory: true)
    guard FileManager.default.fileExists(atPath: found.path) else {
      throw Failure("\(name) is missing: \(found.path) does not exist; run `make setup`")
    }
    return found
  }

  static func home(_ environment: [String: String]) -> URL {
    if let home = environment["HOME"], !home.isEmpty { return URL(fileURLWithPath: home, isDirectory: true) }
    return FileManager.default.homeDirectoryForCurrentUser
  }

  private static func read(_ file: URL, defaultRoot: URL) throws -> LiberoSettings {
    let values: [String: String]
    do {
      let text = try String(contentsOf: file, encoding: .utf8)
      let node = try Yams.compose(yaml: text)
      values = try mapping(node, file: file)
    } catch let error as Failure {
      throw error
    } catch {
      throw Failure("\(file.path) cannot be read: \(error); fix it or delete it")
    }
    func folder(_ key: String) -> URL? {
      values[key].map { URL(fileURLWithPath: NSString(string: $0).expandingTildeInPath, isDirectory: true) }
    }
    var settings = LiberoSettings(benchmarkRoot: folder("benchmark_root") ?? defaultRoot)
    settings.bddlFiles = folder("bddl_files") ?? settings.bddlFiles
    settings.initialStates = folder("init_states") ?? settings.initialStates
    settings.assets = folder("assets")
    return settings
  }

  private static func mapping(_ node: Node?, file: URL) throws -> [String: String] {
    guard let node else { return [:] }
    guard let pairs = node.mapping else {
      throw Failure("\(file.path) should map names such as 'assets' to folders")
    }
    var values: [String: String] = [:]
    for (key, value) in pairs {
      let name = key.string ?? "?"
      // What is not understood would be replaced by the packages' data.
      guard names.contains(name), let folder = value.string else {
        throw Failure(
          "\(file.path): '\(name)' is not understood; LIBERO reads one folder each of \(names.joined(separator: ", "))")
      }
      if !folder.isEmpty, value.null == nil { values[name] = folder }
    }
    return values
  }

  /// What LIBERO's settings name.
  private static let names = ["benchmark_root", "bddl_files", "init_states", "datasets", "assets"]
}
