import Foundation
import ModelFiles
import Testing

/// Experiments through Slurm: what is submitted, by commands that only take notes, and a whole one with Debian's Slurm.
struct SlurmTests {
  /// A folder of commands that stand for Slurm's: `sbatch` notes its arguments and numbers its jobs, `squeue` prints the file
  /// `queue`, `scontrol` notes its arguments.
  private static func commands(in folder: URL) throws -> [String: String] {
    let bin = folder.appendingPathComponent("slurm-bin")
    try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
    let scripts = [
      "sbatch": """
      n=$(($(cat count 2>/dev/null || echo 100) + 1)); echo $n >count
      printf '%s\\0' "$@" >"call-$n"
      echo "$n;cluster"
      """,
      "squeue": "[ ! -e broken ] || { echo 'cannot contact the controller' >&2; exit 1; }; cat queue 2>/dev/null; true",
      "scontrol": "echo \"$@\" >>scontrol",
    ]
    for (name, text) in scripts {
      let file = bin.appendingPathComponent(name)
      try Data("#!/bin/bash\ncd \(folder.path)\n\(text)\n".utf8).write(to: file)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }
    return ["PATH": "\(bin.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"]
  }

  private static func call(_ number: Int, in folder: URL) throws -> [String] {
    let text = try String(contentsOf: folder.appendingPathComponent("call-\(number)"), encoding: .utf8)
    return text.split(separator: "\0").map(String.init)
  }

  /// The words of a submission that matter: its array, dependency and what the user asked for.
  private static func summary(_ call: [String]) -> [String] {
    call.filter { $0.hasPrefix("--array") || $0.hasPrefix("--dependency") || $0.hasPrefix("--gres") }
  }

  private static func jobName(_ call: [String]) throws -> String {
    try #require(call.first { $0.hasPrefix("--job-name=") }?.dropFirst("--job-name=".count)).description
  }

  private static let flags = [
    "--scheduler=slurm", "--slurm.options=--gres=gpu:1 --comment='two words'", "--ablations=",
  ]

  @Test func `submits arrays that wait for each other, and again only what neither is done nor queued`() throws {
    try Fixture.within { folder in
      let variables = try Self.commands(in: folder)
      func start(_ more: [String] = []) throws -> Outcome {
        try Program.run(
          MatrixFixture.command + Self.flags + ["--slurm.cpu_options="] + more, in: folder, environment: variables)
      }
      // A name that a shell would take apart.
      try MatrixFixture.write(in: folder, output: "it's $(an) 100% out")
      let first = try start()
      try #require(first.status == 0, "\(first.errors)")
      #expect(first.output.contains("job 101: training of E0_seed0, E1_seed0, E2_seed0"))
      let calls = try (101...104).map { try Self.call($0, in: folder) }
      #expect(!folder.names().contains("call-105"))
      #expect(Self.summary(calls[0]) == ["--array=0,1,2", "--gres=gpu:1"])
      #expect(Self.summary(calls[1]) == ["--array=0,1,2", "--dependency=aftercorr:101", "--gres=gpu:1"])
      #expect(Self.summary(calls[2]) == ["--array=3"])
      #expect(Self.summary(calls[3]) == ["--array=4", "--dependency=afterany:101:102:103"])
      #expect(calls[0].contains("--comment=two words") && calls[0].contains("--requeue"))
      let root = folder.appendingPathComponent("it's $(an) 100% out")
      #expect(root.appendingPathComponent("slurm").names().contains("1-training.sh"))

      // All are queued.
      func queue(_ lines: [(call: Int, job: Int, index: Int, state: String)]) throws {
        let text = try lines.map { "\(try Self.jobName(calls[$0.call]))|\($0.job)|\($0.index)|\($0.state)" }
        try Data((text.joined(separator: "\n") + "\n").utf8).write(to: folder.appendingPathComponent("queue"))
      }
      try queue(
        [
          (0, 101, 0, "RUNNING"), (0, 101, 1, "PENDING"), (0, 101, 2, "PENDING"), (1, 102, 0, "PENDING"),
          (1, 102, 1, "PENDING"),
          (1, 102, 2, "PENDING"), (2, 103, 3, "PENDING"), (3, 104, 4, "PENDING"),
        ])
      let second = try start()
      #expect(second.status == 0 && !folder.names().contains("call-105"), "\(second.output)")
      #expect(second.output.contains("training is running") && second.output.contains("training is queued"))
      let here = try Program.run(MatrixFixture.command, in: folder, environment: variables)
      #expect(here.status == 1 && here.errors.contains("--scheduler=slurm"), "\(here.errors)")

      // E1 still waits; what became of the others is not known, so it was killed.
      try queue([(0, 101, 1, "PENDING")])
      #expect(try start().status == 0)
      let later = try (105...109).map { Self.summary(try Self.call($0, in: folder)) }
      #expect(later[0] == ["--array=0,2", "--gres=gpu:1"])
      #expect(later[1] == ["--array=0,2", "--dependency=aftercorr:105", "--gres=gpu:1"])
      #expect(later[2] == ["--array=1", "--dependency=aftercorr:101", "--gres=gpu:1"])
      #expect(later[4] == ["--array=4", "--dependency=afterany:101:105:106:107:108"])

      // A queue that does not answer must not look like an empty one.
      try Data().write(to: folder.appendingPathComponent("broken"))
      let broken = try start()
      #expect(broken.status == 1 && broken.errors.contains("cannot contact the controller"), "\(broken.errors)")
      #expect(!folder.names().contains("call-110"))
    }
  }

  @Test
  func `writes scripts that train, resume what a killed job left, and queue themselves again before the time limit`()
    throws
  {
    try Fixture.within { folder in
      let variables = try Self.commands(in: folder)
      try MatrixFixture.write(in: folder, output: "it's $(an) out", steps: 400, saveEvery: 5)
      let submission = try Program.run(
        MatrixFixture.command + Self.flags + ["--experiments=E0"], in: folder, environment: variables)
      try #require(submission.status == 0, "\(submission.errors)")
      let root = folder.appendingPathComponent("it's $(an) out")
      func start(_ name: String, index: Int, job: Int) throws -> Program.Running {
        try Program.shell(
          "exec \(unblocked) bash \"$1\"", ["x", root.appendingPathComponent("slurm/\(name).sh").path], in: folder,
          environment: variables.merging(["SLURM_ARRAY_TASK_ID": "\(index)", "SLURM_JOB_ID": "\(job)"]) { $1 })
      }
      let run = root.appendingPathComponent("E0_seed0")
      let log = root.appendingPathComponent("logs/E0_seed0.log")
      func logText() -> String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }
      func waitForCheckpoint(_ job: Program.Running) {
        while job.process.isRunning, !run.appendingPathComponent("checkpoints").names().contains("last") {
          usleep(5000)
        }
      }
      // Shortly before its time limit Slurm sends the shell USR1: the program saves, and the job goes back to the queue.
      let first = try start("1-training", index: 0, job: 7)
      waitForCheckpoint(first)
      kill(first.process.processIdentifier, SIGUSR1)
      #expect(first.wait().status == 128 + SIGTERM)
      #expect(logText().contains("stopped at step"), "\(logText())")
      #expect(try String(contentsOf: folder.appendingPathComponent("scontrol"), encoding: .utf8) == "requeue 7\n")
      #expect(!root.appendingPathComponent("logs").names().contains("E0_seed0.error"))
      // Killed with its program, as by a node that fails; then to the end.
      let second = try start("1-training", index: 0, job: 7)
      while second.process.isRunning, logText().components(separatedBy: "== ").count < 3 { usleep(5000) }
      kill(second.process.processIdentifier, SIGKILL)
      _ = second.wait()
      let last = try start("1-training", index: 0, job: 7).wait()
      #expect(last.status == 0, "\(logText())")
      #expect(logText().contains("--resume") && run.appendingPathComponent("checkpoints").names().contains("000400"))
      #expect(try start("2-evaluation", index: 0, job: 8).wait().status == 0)
      #expect(try start("3-chance", index: 1, job: 9).wait().status == 0)
      #expect(try start("4-report", index: 2, job: 10).wait().status == 0)
      let status = try Program.run(
        ["matrix", "status", "--output_root=\(root.path)"], in: folder, environment: variables)
      #expect(status.output.contains("everything is finished"), "\(status.output)")
    }
  }

  @Test(.enabled(if: TemporarySlurm.isInstalled, "Debian's slurmctld, slurmd, slurm-client and munge, and root"))
  func `equals an experiment that ran here, though a job was killed and queued again`() throws {
    try Fixture.within { folder in
      let slurm = try TemporarySlurm(cpus: 2)
      defer { slurm.stop() }
      let seeds = ProcessInfo.processInfo.environment["WM_MATRIX_SEEDS"] ?? "[0]"
      try MatrixFixture.write(in: folder, output: "out", seeds: seeds, steps: 60, saveEvery: 5)
      let here = try Program.run(MatrixFixture.command + ["--output_root=here"], in: folder)
      try #require(here.status == 0, "\(here.errors)")
      let command = MatrixFixture.command + ["--scheduler=slurm"]
      let submission = try Program.run(command, in: folder, environment: slurm.variables)
      try #require(submission.status == 0, "\(submission.errors) \(slurm.logs)")
      let root = folder.appendingPathComponent("out")
      let checkpoints = root.appendingPathComponent("E0_seed0/checkpoints")
      // Its first checkpoint is there, and most of its steps are still to come.
      try slurm.wait { checkpoints.names().contains("last") }
      let job = try #require(try slurm.jobs().first { $0.name.contains("-training-") && $0.index == 0 })
      try slurm.run("scontrol", ["requeue", "\(job.number)_0"])
      // The same command adds nothing to what is queued.
      let again = try Program.run(command, in: folder, environment: slurm.variables)
      #expect(again.status == 0 && !again.output.contains("job "), "\(again.output) \(again.errors)")
      try slurm.wait { try slurm.jobs().isEmpty }
      let log = try String(contentsOf: root.appendingPathComponent("logs/E0_seed0.log"), encoding: .utf8)
      #expect(log.contains("--resume"), "\(log)")
      let status = try Program.run(["matrix", "status", "--output_root=out"], in: folder, environment: slurm.variables)
      #expect(status.output.contains("everything is finished"), "\(status.output) \(log)")
      let runs = root.names().filter { $0.contains("_seed") }
      #expect(runs.count >= 3)
      try MatrixFixture.expectEqual(root, folder.appendingPathComponent("here"), runs: runs)
    }
  }
}
