import Foundation
import ModelFiles
import Testing

struct CheckpointMirrorTests {
  private static let memory = "/dev/shm/lerobot-wm-\(UUID().uuidString)"

  @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/shm"), "needs a file system in memory"))
  func `a run on a disk that vanishes is warned of, and resumes from its mirror to the same bits`() throws {
    let files = FileManager.default
    try Fixture.within { folder in
      defer { try? files.removeItem(atPath: Self.memory) }
      let output = ["--output_dir=\(Self.memory)/run"]
      let alone = try Program.succeed(["train"] + output + Flags.train, in: folder)
      #expect(alone.errors.contains("is in memory (tmpfs) and gone after a restart"), "\(alone.errors)")
      #expect(alone.errors.contains("--checkpoint_mirror=DIR"))
      try files.removeItem(atPath: Self.memory)

      let mirror = ["--checkpoint_mirror=kept"]
      try Program.succeed(["train"] + output + mirror + Flags.train + ["--steps=3"], in: folder)
      #expect(folder.appendingPathComponent("kept/run").names() == ["checkpoints", "metrics.jsonl"])
      #expect(folder.appendingPathComponent("kept/run/checkpoints").names() == ["000003", "last"])
      try files.removeItem(atPath: Self.memory)
      let lost = try Program.run(["train", "--resume", "--steps=6"] + output, in: folder)
      #expect(lost.status == 1 && lost.errors.contains("give the run's --checkpoint_mirror"), "\(lost.errors)")
      let found = try Program.succeed(["train", "--resume", "--steps=6"] + output + mirror, in: folder)
      #expect(found.errors.contains("the run was restored from kept"))
      let (run, whole) = (URL(fileURLWithPath: Self.memory + "/run"), folder.appendingPathComponent("whole"))
      try Program.succeed(["train", "--output_dir=whole"] + Flags.train + ["--steps=3"], in: folder)
      try Program.succeed(["train", "--output_dir=whole", "--resume", "--steps=6"], in: folder)
      #expect(
        try lastState(run) == lastState(whole) && lastState(folder.appendingPathComponent("kept/run")) == lastState(run)
      )
      #expect(try metrics(run) == metrics(whole))
    }
  }

  @Test func `a mirror that holds another run is not overwritten unasked`() throws {
    try Fixture.within { folder in
      let flags = ["train", "--output_dir=run", "--checkpoint_mirror=kept"] + Flags.train + ["--steps=3"]
      try Program.succeed(flags, in: folder)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("run"))
      let refused = try Program.run(flags + ["--seed=4"], in: folder)
      #expect(
        refused.status == 1 && refused.errors.contains("holds the checkpoints of a run already"), "\(refused.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run").path))
      try Program.succeed(flags + ["--seed=4", "--overwrite"], in: folder)
      #expect(
        try lastState(folder.appendingPathComponent("kept/run")) == lastState(folder.appendingPathComponent("run")))
    }
  }

  @Test(arguments: [".", "link", "deep/../link", "run/.."])
  func `a mirror that is the run's own folder, by whatever name, is refused and nothing is removed`(
    mirror: String
  ) throws {
    try Fixture.within { folder in
      let files = FileManager.default
      try files.createDirectory(at: folder.appendingPathComponent("deep"), withIntermediateDirectories: true)
      try files.createSymbolicLink(
        at: folder.appendingPathComponent("link"), withDestinationURL: folder.appendingPathComponent("."))
      let flags = ["train", "--output_dir=run", "--checkpoint_mirror=\(mirror)"]
      let new = try Program.run(flags + Flags.train + ["--steps=3"], in: folder)
      #expect(new.status == 1 && new.errors.contains("is the run's own folder"), "\(new.errors)")
      try Program.succeed(["train", "--output_dir=run"] + Flags.train + ["--steps=3"], in: folder)
      let state = try lastState(folder.appendingPathComponent("run"))
      for more in [["--resume", "--steps=6"], ["--overwrite"] + Flags.train] {
        let outcome = try Program.run(flags + more, in: folder)
        #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("is the run's own folder"), "\(outcome.errors)")
        #expect(try lastState(folder.appendingPathComponent("run")) == state)
      }
    }
  }

  @Test func `a mirror that fails does not stop the run`() throws {
    try Fixture.within { folder in
      let place = folder.appendingPathComponent("kept/run")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try Data().write(to: place.appendingPathComponent("checkpoints"))
      let outcome = try Program.succeed(
        ["train", "--output_dir=run", "--checkpoint_mirror=kept"] + Flags.train, in: folder)
      #expect(outcome.errors.contains("000006 was not copied to "), "\(outcome.errors)")
      #expect(folder.appendingPathComponent("run/checkpoints").names() == ["000003", "000006", "last"])
    }
  }

  @Test(arguments: [("kept", "Not a directory"), ("/proc/kept", "No such file or directory")])
  func `a mirror that cannot be written is refused before anything starts`(mirror: String, reason: String) throws {
    try Fixture.within { folder in
      try Data().write(to: folder.appendingPathComponent("kept"))
      let flags = Flags.train + ["--checkpoint_mirror=\(mirror)"]
      let matrix =
        ["matrix", "--output_root=out", "--experiments=E0", "--seeds=3", "--gpu_ids=0", "--eval.n_episodes=2"]
        + flags.filter { !$0.hasPrefix("--seed") } + Flags.environment
      for command in [["train", "--output_dir=out"] + flags, matrix] {
        let outcome = try Program.run(command, in: folder)
        #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
        let clue = "--checkpoint_mirror=\(mirror): nothing can be written in "
        #expect(outcome.errors.contains(clue) && outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("out").path))
      }
      let doctor = try Program.run(["doctor"] + flags, in: folder)
      #expect(doctor.status == 1 && doctor.output.contains("problem  checkpoint mirror"), "\(doctor.output)")
    }
  }

  @Test func `a matrix whose folder is gone goes on from the mirror`() throws {
    try Fixture.within { folder in
      let matrix =
        ["matrix", "--output_root=out", "--experiments=E0", "--seeds=3", "--gpu_ids=0", "--eval.n_episodes=2"]
        + Flags.train.filter { !$0.hasPrefix("--seed") } + Flags.environment + ["--checkpoint_mirror=kept"]
      try Program.succeed(matrix, in: folder)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("out"))
      try Program.succeed(matrix, in: folder)
      let log = try String(contentsOf: folder.appendingPathComponent("out/logs/E0_seed3.log"), encoding: .utf8)
      #expect(log.contains("the run was restored from kept") && !log.contains("step:1 "), "\(log)")
    }
  }
}
