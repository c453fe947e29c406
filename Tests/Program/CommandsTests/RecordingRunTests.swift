import Foundation
import ModelFiles
import Testing

struct RecordingRunTests {
  private static let flags = ["record"] + Flags.environment
  private static let frames = "data/chunk-000/file-000.parquet"

  @Test func `keeps the whole episodes of a task when it is stopped`() throws {
    try Fixture.within { folder in
      let new = folder.appendingPathComponent("new")
      let run = try Program.start(Self.flags + ["--dataset.root=new", "--dataset.num_episodes=500"], in: folder)
      // Once its first episode is on its way to disk.
      let begun = folder.appendingPathComponent(".new.partial/data")
      while run.process.isRunning, !FileManager.default.fileExists(atPath: begun.path) { usleep(1000) }
      kill(run.process.processIdentifier, SIGINT)
      let outcome = run.wait()
      #expect(outcome.status == 128 + SIGINT)
      let count = try #require(
        try JSON(contentsOf: new.appendingPathComponent("meta/info.json"))["total_episodes"]?.integer)
      #expect(count >= 1 && count < 500)
      #expect(
        outcome.errors.contains("stopped; \(count) whole episode\(count == 1 ? "" : "s") kept"), "\(outcome.errors)")
      // They are what a recording of that many gives.
      try Program.succeed(Self.flags + ["--dataset.root=whole", "--dataset.num_episodes=\(count)"], in: folder)
      #expect(
        try folder.appendingPathComponent("whole/\(Self.frames)").bytes()
          == new.appendingPathComponent(Self.frames).bytes())
    }
  }

  @Test func `without a root it goes where LeRobot looks for its name, and is read from there`() throws {
    try Fixture.within { folder in
      let home = folder.appendingPathComponent("datasets")
      let environment = ["HF_LEROBOT_HOME": home.path]
      let named = Self.flags + ["--dataset.repo_id=user/push", "--dataset.num_episodes=4"]
      let outcome = try Program.run(named, in: folder, environment: environment)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let frames = try folder.appendingPathComponent("data/\(Self.frames)").bytes()
      #expect(try home.appendingPathComponent("user/push/\(Self.frames)").bytes() == frames)
      let trained = try Program.run(
        [
          "train", "--output_dir=run", "--dataset.repo_id=user/push", "--policy.device=cpu", "--batch_size=4",
          "--steps=1",
        ]
          + Flags.model, in: folder, environment: environment)
      #expect(trained.status == 0, "\(trained.errors)")
      // Beside a root it is a name and no more.
      let placed = try Program.run(named + ["--dataset.root=new"], in: folder, environment: environment)
      #expect(placed.status == 0, "\(placed.errors)")
      #expect(try folder.appendingPathComponent("new/\(Self.frames)").bytes() == frames)
      for (flag, words) in [("--dataset.repo_id=../up", "expected a name"), ("--seed=1", "--dataset.root: is needed")] {
        let refused = try Program.run(Self.flags + [flag], in: folder, environment: environment)
        #expect(
          refused.status == 1 && refused.sentences.count == 1 && refused.errors.contains(words), "\(refused.errors)")
      }
    }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/taskset"), "needs taskset"))
  func `is the same, bit for bit, on one processor`() throws {
    try Fixture.within { folder in
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let allowed = try #require(status.firstRange(of: "Cpus_allowed_list:\t")).upperBound
      let run = Process()
      run.executableURL = URL(fileURLWithPath: "/usr/bin/taskset")
      run.arguments =
        ["-c", String(status[allowed...].prefix { $0.isNumber }), Program.executable.path] + Self.flags
        + ["--dataset.root=new", "--dataset.num_episodes=4"]
      run.currentDirectoryURL = folder
      (run.standardOutput, run.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
      try run.run()
      run.waitUntilExit()
      #expect(run.terminationStatus == 0)
      #expect(
        try folder.appendingPathComponent("new/\(Self.frames)").bytes()
          == folder.appendingPathComponent("data/\(Self.frames)").bytes())
    }
  }
}
