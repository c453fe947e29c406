import Failures
import Foundation

/// hf-libero's list of suites and their tasks, `benchmark/libero_suite_task_map.py`.
///
/// The file is a single Python dictionary from strings to lists of strings, and only that is parsed.
struct TaskList {
  private let suites: [String: [String]]
  private let path: String

  init(_ settings: LiberoSettings) throws {
    let inside = "benchmark/libero_suite_task_map.py"
    var file = settings.benchmarkRoot.appendingPathComponent(inside)
    // A root that a settings file names may hold only data.
    if !FileManager.default.fileExists(atPath: file.path) {
      file = try LiberoSettings.packagedRoot().appendingPathComponent(inside)
    }
    path = file.path
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      throw Failure("LIBERO's list of tasks is missing: \(path) cannot be read; run `make setup`")
    }
    suites = Self.lists(in: text)
  }

  func names(of suite: String) throws -> [String] {
    guard let names = suites[suite], !names.isEmpty else {
      throw Failure("\(path) lists no tasks for \(suite); run `make setup` to install hf-libero 0.1.4's list")
    }
    return names
  }

  /// Every `"name": ["…", …]` of the text.
  static func lists(in text: String) -> [String: [String]] {
    var lists: [String: [String]] = [:]
    var last: String?
    var open: String?
    var rest = Substring(text)
    while let character = rest.first {
      rest.removeFirst()
      switch character {
      case "\"", "'":
        let word = rest.prefix { $0 != character && $0 != "\n" }
        rest = rest.dropFirst(word.count + 1)
        if let open { lists[open, default: []].append(String(word)) } else { last = String(word) }
      case "[": open = last
      case "]": open = nil
      case "#": rest = rest.drop { $0 != "\n" }
      default: break
      }
    }
    return lists
  }
}
