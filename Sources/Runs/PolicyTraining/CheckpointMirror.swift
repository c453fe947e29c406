import Failures
import Foundation
import ModelFiles
import WorkerThreads

/// Copies of a run's checkpoints and of its log on another disk, made while the run continues.
///
/// The run `OUTPUT/NAME` is copied to `MIRROR/NAME`, in the same layout. A checkpoint appears there whole or not at all. A
/// copy that fails costs a sentence, not the run.
public final class CheckpointMirror: Sendable {
  /// `MIRROR/NAME`
  public let url: URL
  private let output: URL
  private let jobs = SerialJobs(named: "checkpoint mirror")

  private static let log = "metrics.jsonl"

  /// - Parameters:
  ///   - directory: the mirror's folder, which several runs of different names may share.
  ///   - output: the run's folder.
  public init(_ directory: URL, of output: URL) {
    url = directory.appendingPathComponent(output.standardizedFileURL.lastPathComponent, isDirectory: true)
    self.output = output
  }

  /// Starts to copy a checkpoint, once the one before has been copied.
  ///
  /// - Returns: what went wrong with earlier ones.
  public func copy(_ checkpoint: URL) -> [String] {
    jobs.start {
      try self.write(checkpoint)
    } onFailure: { [url] error in
      "warning: \(checkpoint.path) was not copied to \(url.path): \(message(of: error)); the run continues without the copy"
    }
  }

  /// Removes the copy of a checkpoint.
  public func remove(_ checkpoint: URL) {
    jobs.add { [url] in
      let copies = CheckpointDirectory(output: url)
      // A copy that cannot be removed is one too many, and no harm.
      try? copies.remove(copies.url.appendingPathComponent(checkpoint.lastPathComponent, isDirectory: true))
    }
  }

  /// Waits for the last copy; returns what went wrong.
  public func finish() -> [String] { jobs.finish() }

  /// Whether it holds a checkpoint.
  public var isThere: Bool { (try? CheckpointDirectory(output: url).last()) != nil }

  /// Refuses a mirror that is the run's own folder, also by another name; that folder is there.
  public func requireElsewhere() throws {
    guard url.resolvingSymlinksInPath().path != output.resolvingSymlinksInPath().path else {
      throw Failure("\(url.path) is the run's own folder; name a folder on another disk as `checkpoint_mirror`")
    }
  }

  /// Makes room for a new run.
  ///
  /// - Parameter overwrite: whether a run that it holds may go.
  public func prepare(overwrite: Bool) throws {
    guard isThere else { return }
    guard overwrite else {
      throw Failure(
        "\(url.path) holds the checkpoints of a run already; give `resume` to go on with it, `overwrite` to replace it, or "
          + "another `checkpoint_mirror`")
    }
    try FileManager.default.removeItem(at: url)
  }

  /// Copies the run's newest checkpoint and its log back, if the run's own folder has no checkpoint.
  ///
  /// - Returns: whether there was something to copy back.
  public func restore() throws -> Bool {
    if (try? CheckpointDirectory(output: output).last()) != nil { return false }
    guard let last = try? CheckpointDirectory(output: url).last() else { return false }
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    try Self.copyLog(from: url, to: output)
    _ = try CheckpointDirectory(output: output).save(last.lastPathComponent) { try Self.copyContents(of: last, to: $0) }
    return true
  }

  private func write(_ checkpoint: URL) throws {
    // The log first: one that goes beyond its checkpoint is cut back when the run resumes.
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try Self.copyLog(from: output, to: url)
    _ = try CheckpointDirectory(output: url).save(checkpoint.lastPathComponent) {
      try Self.copyContents(of: checkpoint, to: $0)
    }
  }

  private static func copyLog(from: URL, to: URL) throws {
    let file = from.appendingPathComponent(log)
    guard FileManager.default.fileExists(atPath: file.path) else { return }
    try AtomicFile.write(fileContents(file), to: to.appendingPathComponent(log), overwrite: true)
  }

  private static func copyContents(of folder: URL, to target: URL) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent(name), to: target.appendingPathComponent(name))
    }
  }
}
