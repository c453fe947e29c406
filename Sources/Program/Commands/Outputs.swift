import Experiments
import Failures
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import RobotPolicies
import WorkerThreads

/// A command's results go to a new folder: an old one is kept unless the user says otherwise, and then emptied, so that a
/// link to a folder elsewhere and the command's lock stay.
///
/// - Throws: also if what would be emptied is not of the command's own kind.
func prepareOutput(_ path: String, of kind: OutputKind, overwrite: Bool) throws -> URL {
  let url = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
  try refuseLinkLoop(at: url.path)
  let contents = contents(ofOutput: url)
  guard contents.isEmpty || overwrite else {
    // Nothing is deleted in a folder that is refused.
    throw Failure(occupied(path, contents))
  }
  try kind.requireOwn(url)
  for name in contents.filter({ !kind.marks.contains($0) }) + contents.filter(kind.marks.contains) {
    try FileManager.default.removeItem(at: url.appendingPathComponent(name))
  }
  AtomicFile.removeLeftovers(in: url)
  do { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) } catch {
    throw Failure("\(path) could not be made: \(systemReason(of: error)); choose another --output_dir")
  }
  return url
}

/// The names in an output folder, without its lock and what killed processes were about to write.
func contents(ofOutput folder: URL) -> [String] {
  ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter {
    $0 != FolderLock.fileName && !AtomicFile.isLeftover($0)
  }
}

/// Moves what a folder of results holds to `replaced/NAME-1` beside it, or the next free number; returns where it is then.
func setAside(_ folder: URL) throws -> URL {
  let files = FileManager.default
  let replaced = folder.deletingLastPathComponent().appendingPathComponent("replaced", isDirectory: true)
  var number = 1
  func target() -> URL { replaced.appendingPathComponent("\(folder.lastPathComponent)-\(number)", isDirectory: true) }
  while files.fileExists(atPath: target().path) { number += 1 }
  try files.createDirectory(at: target(), withIntermediateDirectories: true)
  for name in contents(ofOutput: folder) {
    try files.moveItem(at: folder.appendingPathComponent(name), to: target().appendingPathComponent(name))
  }
  return target()
}

/// Why an output with these contents is refused.
func occupied(_ path: String, _ contents: [String]) -> String {
  let resuming = contents.contains("checkpoints") ? "`resume` to continue it or " : ""
  return "\(path) exists and is not empty; choose another `output_dir`, or give \(resuming)`overwrite`"
}

/// `outputs/KIND/2026-11-23/10-20-30_NAME`, as LeRobot names unnamed runs.
func defaultOutput(_ kind: String, _ name: String) -> String {
  let format = DateFormatter()
  format.locale = Locale(identifier: "en_US_POSIX")
  format.dateFormat = "yyyy-MM-dd/HH-mm-ss"
  return "outputs/\(kind)/\(format.string(from: Date()))_\(name)"
}

/// A line for people, beside the results on standard output; lost where standard error is closed or its disk full.
func say(_ line: String) {
  try? FileHandle.standardError.write(contentsOf: Data((FlagTranslation.translated(line) + "\n").utf8))
}

/// Sets the threads of one CPU operation; 0 leaves torch's choice, all cores. Fails where there is no room for them, and for
/// the few that libtorch, Arrow and the program start beside them.
func useComputeThreads(_ count: Int) throws {
  guard (0...4096).contains(count) else {
    throw ConfigurationError("num_compute_threads", "expected 0 to 4096, found \(count)")
  }
  try requireThreads((count > 0 ? count : ProcessInfo.processInfo.activeProcessorCount) + 10)
  if count > 0 { try TorchEngine.shared().setThreadCount(count) }
}
