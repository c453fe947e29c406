import Failures
import Foundation
import RobotPolicies

/// What this machine has of memory, asked before much of it is taken: a process that takes more is killed without a word.
enum FreeMemory {
  /// Refuses work that needs more than there is.
  ///
  /// - Parameters:
  ///   - bytes: what it needs at least.
  ///   - what: what for, before "needs".
  ///   - remedy: what makes it less.
  static func require(_ bytes: Double, for what: String, remedy: String) throws {
    guard let free = bytesFree, bytes > free else { return }
    func gigabytes(_ bytes: Double) -> String { String(format: "%.1f GB", bytes / 1e9) }
    throw Failure("\(what) needs at least \(gigabytes(bytes)) of memory, \(gigabytes(free)) are free; \(remedy)")
  }

  /// What Linux could give away, within the container's limit; nil where neither is known.
  private static var bytesFree: Double? {
    let available = lines("/proc/meminfo").first { $0.hasPrefix("MemAvailable:") }
      .flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Double($0) }.map { $0 * 1024 }
    let limit = lines("/sys/fs/cgroup/memory.max").first.flatMap { Double($0) }
    return [available, limit].compactMap(\.self).min()
  }

  private static func lines(_ path: String) -> [Substring] {
    ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
  }
}

extension TrainSettings {
  /// Refuses batches that memory cannot hold: those that are loaded ahead, as bytes, and on a CPU one as numbers.
  ///
  /// - Parameter cameras: the dataset's that are read.
  func requireMemory(_ cameras: [PolicyFeature], isOnCPU: Bool) throws {
    let pixels = cameras.reduce(0.0) { $0 + $1.shape.reduce(1) { $0 * Double($1) } }
    let prepared =
      policy.smolvla.imageSize.map { 3.0 * Double($0[0]) * Double($0[1]) * Double(cameras.count) } ?? pixels
    let sample = pixels * Double(workers + 1) + (isOnCPU ? 4 * prepared : 0)
    try FreeMemory.require(
      Double(batchSize) * sample, for: "`batch_size=\(batchSize)`", remedy: "use fewer samples, or fewer `num_workers`")
  }
}
