import Foundation
import ModelFiles
import Testing

struct TrainingRunTests {
  @Test func `is the same, bit for bit, whatever the number of loader threads`() throws {
    try Fixture.within { folder in
      for workers in [0, 1, 4] {
        try Program.succeed(
          ["train", "--output_dir=run\(workers)"] + Flags.train + ["--num_workers=\(workers)"], in: folder)
      }
      let reference = folder.appendingPathComponent("run0")
      #expect(try metrics(reference).count == 6)
      for workers in [1, 4] {
        let run = folder.appendingPathComponent("run\(workers)")
        #expect(try metrics(run) == metrics(reference))
        #expect(try lastState(run) == lastState(reference))
      }
    }
  }

  @Test func `is the same, bit for bit, at two compute threads`() throws {
    try Fixture.within { folder in
      for run in ["a", "b"] {
        try Program.succeed(
          ["train", "--output_dir=\(run)", "--num_compute_threads=2"]
            + Flags.train.filter { !$0.hasPrefix("--num_compute") }, in: folder)
      }
      let (first, second) = (folder.appendingPathComponent("a"), folder.appendingPathComponent("b"))
      #expect(try metrics(first) == metrics(second))
      #expect(try lastState(first) == lastState(second))
    }
  }

  @Test func `follows from its seed`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=other"] + Flags.train + ["--seed=4"], in: folder)
      let (own, other) = (folder.appendingPathComponent("E0"), folder.appendingPathComponent("other"))
      #expect(try metrics(other) != metrics(own))
      #expect(try lastState(other) != lastState(own))
    }
  }

  /// Saving at every step spends most of the time in the writing of checkpoints, so some kills fall into it.
  @Test(arguments: [[], Flags.world]) func `ends the same after being killed again and again`(policy: [String]) throws {
    try Fixture.within { folder in
      let flags = Flags.train + ["--steps=24", "--save_freq=1"] + policy
      try Program.succeed(["train", "--output_dir=whole"] + flags, in: folder)
      var run = try Program.start(["train", "--output_dir=killed"] + flags, in: folder)
      let killed = folder.appendingPathComponent("killed")
      for (kill, step) in [4, 11, 17].enumerated() {
        try waitForCheckpoint(step, of: killed, of: run)
        usleep(UInt32(kill) * 3_000)
        Foundation.kill(run.process.processIdentifier, SIGKILL)
        #expect(run.wait().status == -SIGKILL)
        try expectWholeCheckpoints(killed)
        run = try Program.start(["train", "--output_dir=killed", "--resume"], in: folder)
      }
      let outcome = run.wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
      let whole = folder.appendingPathComponent("whole")
      #expect(try lastState(killed) == lastState(whole))
      #expect(try metrics(killed) == metrics(whole))
      #expect(try metrics(killed).map { $0["step"]?.integer } == (1...24).map { $0 })
    }
  }

  @Test(arguments: [SIGTERM, SIGINT]) func `saves and leaves when asked to`(signal: Int32) throws {
    try Fixture.within { folder in
      let flags = Flags.train + ["--steps=60", "--save_freq=20"]
      try Program.succeed(["train", "--output_dir=whole"] + flags, in: folder)
      let run = try Program.start(["train", "--output_dir=stopped"] + flags, in: folder)
      let stopped = folder.appendingPathComponent("stopped")
      try waitForCheckpoint(20, of: stopped, of: run)
      kill(run.process.processIdentifier, signal)
      let outcome = run.wait()
      #expect(outcome.status == 128 + signal)
      #expect(outcome.errors.contains("resume with --resume --output_dir=\(stopped.path)"))
      let checkpoints = stopped.appendingPathComponent("checkpoints")
      let last = try FileManager.default.destinationOfSymbolicLink(
        atPath: checkpoints.appendingPathComponent("last").path)
      #expect(checkpoints.names().contains(last) && last < "000060")
      try Program.succeed(["train", "--output_dir=stopped", "--resume"], in: folder)
      let whole = folder.appendingPathComponent("whole")
      #expect(try lastState(stopped) == lastState(whole))
      #expect(try metrics(stopped) == metrics(whole))
    }
  }

  @Test func `is not disturbed by what a kill left half written`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let run = folder.appendingPathComponent("E0")
      let checkpoints = run.appendingPathComponent("checkpoints")
      let partial = checkpoints.appendingPathComponent(".000009.partial/pretrained_model")
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
      try Data("half".utf8).write(to: partial.appendingPathComponent("model.safetensors"))
      try FileManager.default.createSymbolicLink(
        atPath: checkpoints.appendingPathComponent(".last.partial").path, withDestinationPath: "000009")
      let log = run.appendingPathComponent("metrics.jsonl")
      try (log.bytes() + Data("{\"step\":7,\"loss\":1}\n{\"step\":8,\"lo".utf8)).write(to: log)
      try Program.succeed(["train", "--output_dir=E0", "--resume", "--steps=12"], in: folder)
      #expect(checkpoints.names() == ["000003", "000006", "000009", "000012", "last"])
      #expect(try metrics(run).map { $0["step"]?.integer } == (1...12).map { $0 })
      try expectWholeCheckpoints(run)
    }
  }

  /// Waits until the run has a checkpoint of a step or a later one.
  private func waitForCheckpoint(_ step: Int, of output: URL, of run: Program.Running) throws {
    let link = output.appendingPathComponent("checkpoints/last").path
    for _ in 0..<30_000 {
      let last = (try? FileManager.default.destinationOfSymbolicLink(atPath: link)).flatMap { Int($0) }
      if let last, last >= step { return }
      try #require(run.process.isRunning, "the run ended before step \(step)")
      usleep(1_000)
    }
    Issue.record("no checkpoint of step \(step) within 30 s")
  }

  private func expectWholeCheckpoints(_ run: URL) throws {
    let checkpoints = run.appendingPathComponent("checkpoints")
    let last = try FileManager.default.destinationOfSymbolicLink(
      atPath: checkpoints.appendingPathComponent("last").path)
    #expect(checkpoints.names().contains(last))
    for name in checkpoints.names() where !name.hasPrefix(".") && name != "last" {
      let folder = checkpoints.appendingPathComponent(name)
      #expect(throws: Never.self) {
        _ = try SafetensorsFile(folder.appendingPathComponent("pretrained_model/model.safetensors"))
        _ = try SafetensorsFile(folder.appendingPathComponent("training_state/optimizer_state.safetensors"))
        let step = try JSON(contentsOf: folder.appendingPathComponent("training_state/training_step.json"))["step"]
        #expect(step?.integer == Int(name))
      }
    }
  }
}
