import Failures
import Foundation
import ModelFiles

/// What the processes of a stage's subject print, `logs/E0_seed0.log`, and why the stage failed, `logs/E0_seed0.training.error`.
public struct StageLog: Sendable {
  /// The environment variable that names the file to which a process writes its error message.
  public static let errorFileVariable = "LEROBOT_WM_ERROR_FILE"

  let url: URL, errorFile: URL

  init(of stage: Stage, in root: URL) {
    let logs = root.appendingPathComponent("logs")
    url = logs.appendingPathComponent("\(stage.subject).log")
    errorFile = logs.appendingPathComponent("\(stage.subject).\(stage.kind.rawValue).error")
  }

  /// Creates the folder of the logs, and forgets why stages failed that are done by now.
  static func prepare(_ root: URL, for stages: [Stage]) throws {
    try FileManager.default.createDirectory(at: root.appendingPathComponent("logs"), withIntermediateDirectories: true)
    for stage in stages where stage.isDone {
      try? FileManager.default.removeItem(at: StageLog(of: stage, in: root).errorFile)
    }
  }

  /// Why the stage's last process failed; nil if it did not.
  var error: String? {
    (try? MappedFile(errorFile).text).flatMap { text in
      let line = text.trimmingCharacters(in: .whitespacesAndNewlines)
      return line.isEmpty ? nil : line
    }
  }

  func write(error: String) throws { try AtomicFile.write(Array(error.utf8), to: errorFile, overwrite: true) }

  /// Opens the log for a process that starts now, and locks it: who inherits it holds the lock to its end.
  func open(title: String) throws -> FileHandle {
    let file = Glibc.open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw Failure("\(url.path) could not be written: \(String(cString: strerror(errno)))") }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    _ = flock(file, LOCK_EX | LOCK_NB)
    try handle.write(contentsOf: Data("== \(Date().ISO8601Format()) \(title)\n".utf8))
    try? FileManager.default.removeItem(at: errorFile)
    return handle
  }

  /// Whether a process of this machine holds the log.
  var isHeld: Bool {
    let file = Glibc.open(url.path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
