import Foundation
import ModelFiles
import Testing

struct KilledMatrixTests {
  /// `WM_MATRIX_SEEDS` makes it larger: `[0, 1, 2]`.
  private static let seeds = ProcessInfo.processInfo.environment["WM_MATRIX_SEEDS"] ?? "[0, 1]"

  @Test func `ends as an unbroken one, though all its processes were killed three times`() throws {
    try Fixture.within { folder in
      func start(_ output: String) throws -> Program.Running {
        try Program.start(MatrixFixture.command + ["--output_root=\(output)"], in: folder)
      }
      try MatrixFixture.write(in: folder, output: "out", seeds: Self.seeds, steps: 24, saveEvery: 4)
      let unbroken = try start("unbroken").wait()
      try #require(unbroken.status == 0, "\(unbroken.errors)")

      var delays: [Double] = []
      while delays.count < 3 {
        let launcher = try start("out")
        // Whatever was started when the launcher died is named by the next one, which waits for nobody.
        while launcher.process.isRunning, reportedProcesses(launcher.errorsSoFar).isEmpty { usleep(5_000) }
        try #require(launcher.process.isRunning, "ended before it was killed: \(delays) \(launcher.errorsSoFar)")
        delays.append(Double.random(in: 0...5))
        usleep(UInt32(delays[delays.count - 1] * 1e6))
        kill(launcher.process.processIdentifier, SIGKILL)
        // Those that have ended are not among them: their numbers may be others' by now.
        for process in reportedProcesses(launcher.errorsSoFar) where isOurs(process) { kill(process, SIGKILL) }
        _ = launcher.wait()
      }
      let status = try Program.run(["matrix", "status", "--output_root=out"], in: folder)
      #expect(status.status == 0 && status.output.contains("at work"), "\(status.output) \(delays)")
      let last = try start("out").wait()
      #expect(last.status == 0, "\(last.errors) \(delays)\n\(logs(folder))")
      let runs = folder.appendingPathComponent("unbroken").names().filter { $0.contains("_seed") }
      #expect(runs.count >= 6)
      try MatrixFixture.expectEqual(
        folder.appendingPathComponent("out"), folder.appendingPathComponent("unbroken"), runs: runs)
    }
  }

  /// The ends of the runs' logs.
  private func logs(_ folder: URL) -> String {
    let logs = folder.appendingPathComponent("out/logs")
    return logs.names().filter { $0.hasSuffix(".log") }.map { name in
      let text = (try? String(contentsOf: logs.appendingPathComponent(name), encoding: .utf8)) ?? ""
      return "\(name):\n" + text.suffix(1500)
    }.joined(separator: "\n")
  }

  private func isOurs(_ process: pid_t) -> Bool {
    (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8))?.contains("lerobot-wm") ?? false
  }
}
