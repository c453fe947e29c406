import Foundation
import ModelFiles
import Testing

/// What a matrix makes of run folders that it did not leave like that.
struct MatrixRunFolderTests {
  private static let matrix =
    ["matrix", "--output_root=out", "--experiments=E0", "--seeds=3", "--gpu_ids=0", "--chance=false"]
    + ["--eval.n_episodes=2"] + Flags.train.filter { !$0.hasPrefix("--seed") } + Flags.environment

  @Test func `what a matrix does not know in a run's folder is kept`() throws {
    try Fixture.within { folder in
      let run = folder.appendingPathComponent("out/E0_seed3")
      try FileManager.default.createDirectory(
        at: run.appendingPathComponent("checkpoints/broken"), withIntermediateDirectories: true)
      try Data("hi".utf8).write(to: run.appendingPathComponent("notes.txt"))
      let outcome = try Program.succeed(Self.matrix, in: folder)
      let kept = folder.appendingPathComponent("out/replaced/E0_seed3-1")
      #expect(kept.names() == ["checkpoints", "notes.txt"])
      #expect(try kept.appendingPathComponent("notes.txt").bytes() == Data("hi".utf8))
      #expect(outcome.errors.contains("is kept in \(kept.path)"), "\(outcome.errors)")
      #expect(run.appendingPathComponent("checkpoints").names() == ["000003", "000006", "last"])
    }
  }

  @Test func `what a training left that was killed before its first checkpoint is no reason to keep anything`() throws {
    try Fixture.within { folder in
      let run = folder.appendingPathComponent("out/E0_seed3")
      try FileManager.default.createDirectory(
        at: run.appendingPathComponent("checkpoints/.000003.partial"), withIntermediateDirectories: true)
      try Data("{}\n".utf8).write(to: run.appendingPathComponent("metrics.jsonl"))
      try Data().write(to: run.appendingPathComponent(".lock"))
      try Program.succeed(Self.matrix, in: folder)
      #expect(!folder.appendingPathComponent("out").names().contains("replaced"))
      #expect(try metrics(run).count == 6)
    }
  }

  @Test func `a run without its link to the last checkpoint goes on from the highest step`() throws {
    try Fixture.within { folder in
      let files = FileManager.default
      try Program.succeed(Self.matrix, in: folder)
      let run = folder.appendingPathComponent("out/E0_seed3")
      let whole = try (lastState(run), metrics(run))
      for name in ["checkpoints/last", "checkpoints/000006", "eval"] {
        try files.removeItem(at: run.appendingPathComponent(name))
      }
      try files.removeItem(at: folder.appendingPathComponent("out/logs/E0_seed3.log"))
      try Program.succeed(Self.matrix, in: folder)
      let log = try String(contentsOf: folder.appendingPathComponent("out/logs/E0_seed3.log"), encoding: .utf8)
      #expect(!log.contains("train --output_dir=\(run.path) --overwrite") && !log.contains("step:1 "), "\(log)")
      #expect(try lastState(run) == whole.0 && metrics(run) == whole.1)

      // Finished, and the link gone again: there is nothing left to do.
      try files.removeItem(at: run.appendingPathComponent("checkpoints/last"))
      let again = try Program.succeed(Self.matrix, in: folder)
      #expect(!again.errors.contains("E0_seed3: "), "\(again.errors)")
    }
  }
}
