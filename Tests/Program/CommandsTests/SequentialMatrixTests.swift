import Foundation
import ModelFiles
import Testing

struct SequentialMatrixTests {
  @Test func `registers its looks before the first run, and a look that shows nothing stops nothing`() throws {
    try Fixture.within { folder in
      let matrix =
        ["matrix", "--output_root=out", "--experiments=E0,E2", "--seeds=3,4,5", "--gpu_ids=0", "--eval.n_episodes=1"]
        + (Flags.train + Flags.world).filter { !$0.hasPrefix("--seed") && !$0.hasPrefix("--policy.type") }
        + Flags.environment + ["--steps=1"]
      let alone = try Program.run(matrix + ["--stop_early"], in: folder)
      #expect(alone.status == 1 && alone.errors.contains("needs --sequential"))
      let queued = try Program.run(matrix + ["--sequential", "--stop_early", "--scheduler=slurm"], in: folder)
      #expect(queued.status == 1 && queued.errors.contains("needs --scheduler=local"), "\(queued.errors)")
      try Program.succeed(matrix + ["--sequential", "--stop_early"], in: folder)
      let plan = try JSON(contentsOf: folder.appendingPathComponent("out/matrix.json"))["plan"]
      #expect(plan?["sequential"]?["looks_after_seeds"] == [2, 3])
      let report = try JSON(contentsOf: folder.appendingPathComponent("out/report.json"))
      #expect(report["look"]?["number"] == 2 && report["look"]?["of"] == 2 && report["preliminary"] == .null)
      #expect(report["comparisons"]?.array?.first?["verdict"] == "cannot tell")
      // Without the last seed it is the look before.
      try FileManager.default.removeItem(at: folder.appendingPathComponent("out/E2_seed5"))
      try Program.succeed(["report", "--runs", "out", "--overwrite"], in: folder)
      let earlier = try JSON(contentsOf: folder.appendingPathComponent("out/report.json"))
      #expect(earlier["look"]?["number"] == 1 && earlier["look"]?["seeds"] == [3, 4])
      let changed = try Program.run(matrix, in: folder)
      #expect(
        changed.status == 1
          && changed.errors.contains("registered with looks after each seed; start it with --sequential"))
    }
  }
}
