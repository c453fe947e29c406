import Failures
import Foundation
import LibTorch
import ModelFiles
import Tracing

/// `--profile`: a trace of a command's first steps (updates, plans or batches); used by one thread.
final class Profile {
  private static let steps = 20
  /// - Parameter name: what a step of the command is, in the plural.
  static func help(_ name: String) -> String {
    "file for a trace of the first \(steps) \(name), which ui.perfetto.dev opens; null for none"
  }

  private let file: URL
  private let overwrites: Bool
  private var stepsDone = 0
  private var isRecording = false

  /// Nothing is recorded without a file, nor before ``start()``.
  ///
  /// - Throws: a file that is there already, unless `overwrite`.
  init?(_ path: String?, overwrite: Bool) throws {
    guard let path, !path.isEmpty else { return nil }
    file = URL(fileURLWithPath: path)
    overwrites = overwrite
    guard overwrite || !FileManager.default.fileExists(atPath: path) else { throw FileError.exists(path) }
  }

  func start() throws {
    try TorchEngine.shared().startProfiler()
    Tracer.start()
    isRecording = true
  }

  /// Counts a step; after the last one the file is written, as the returned line says.
  func stepDone() -> String? {
    guard isRecording else { return nil }
    stepsDone += 1
    return stepsDone == Self.steps ? finish() : nil
  }

  /// Writes the file unless that was done; returns a line that says so, or why it could not be written.
  func finish() -> String? {
    guard isRecording else { return nil }
    isRecording = false
    var trace = Tracer.stop()
    do {
      try TorchEngine.shared().stopProfiler(into: &trace)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try trace.write(to: file, overwrite: overwrites)
    } catch {
      return "warning: there is no profile: \(message(of: error))"
    }
    return "profile: the first \(counted(stepsDone, "step")) in \(file.path); open it in ui.perfetto.dev"
  }
}
