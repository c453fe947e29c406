import Foundation
import Testing

/// What comes before a command that must get signals: threads of tests block them, and their children would too.
let unblocked = "perl -MPOSIX -e 'sigprocmask(SIG_SETMASK, POSIX::SigSet->new); exec @ARGV'"

/// A Slurm of this machine alone, as `scripts/temporary_slurm.sh` makes it.
struct TemporarySlurm {
  static var isInstalled: Bool {
    let programs = ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "/usr/bin/sbatch"]
    return getuid() == 0 && programs.allSatisfy { access($0, X_OK) == 0 }
  }

  private let folder: URL
  var variables: [String: String] { ["SLURM_CONF": folder.appendingPathComponent("slurm.conf").path] }

  init(cpus: Int) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-slurm-\(UUID().uuidString.prefix(8))")
    try script("start", ["\(cpus)"])
  }

  func stop() {
    try? script("stop")
    try? FileManager.default.removeItem(at: folder)
  }

  var logs: String {
    ["slurmctld.log", "slurmd.log"].compactMap {
      try? String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
    }.joined(separator: "\n")
  }

  /// The tasks that wait or run.
  func jobs() throws -> [(name: String, number: Int, index: Int)] {
    try run("squeue", ["--noheader", "--array", "--format=%j %F %K"]).split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count == 3, let number = Int(fields[1]), let index = Int(fields[2]) else { return nil }
      return (fields[0], number, index)
    }
  }

  func wait(until condition: () throws -> Bool) throws {
    for _ in 0..<1500 {
      if try condition() { return }
      usleep(200_000)
    }
    Issue.record("nothing within five minutes: \(logs)")
  }

  private func script(_ command: String, _ more: [String] = []) throws {
    // /usr/sbin holds the daemons.
    let path = "\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"):/usr/sbin"
    try run(
      Program.checkout.appendingPathComponent("scripts/temporary_slurm.sh").path, [command, folder.path] + more,
      ["PATH": path])
  }

  @discardableResult
  func run(_ command: String, _ arguments: [String], _ more: [String: String] = [:]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "exec \(unblocked) \"$@\"", "sh", command] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }.merging(more) { $1 }
    // A file, because daemons that inherit a pipe would keep it open.
    let output = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data().write(to: output)
    defer { try? FileManager.default.removeItem(at: output) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    let text = try String(contentsOf: output, encoding: .utf8)
    try #require(process.terminationStatus == 0, "\(command) \(arguments): \(text)")
    return text
  }
}
