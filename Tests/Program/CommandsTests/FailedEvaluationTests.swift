import Foundation
import LibTorch
import ModelFiles
import Testing

/// What becomes of evaluations in a matrix that failed, or that are of something else by now.
struct FailedEvaluationTests {
  private static let matrix =
    ["matrix", "--output_root=out", "--experiments=E0", "--seeds=3", "--gpu_ids=0", "--chance=false"]
    + ["--eval.n_episodes=2", "--ablations=garbled_instruction"] + Flags.train.filter { !$0.hasPrefix("--seed") }
    + Flags.environment + ["--steps=2"]

  private func status(_ folder: URL) throws -> String {
    let lines = try Program.succeed(["matrix", "status", "out"], in: folder).output.split(separator: "\n")
    return String(lines.first { $0.hasPrefix("E0_seed3") } ?? "")
  }

  private func evaluation(_ folder: URL) throws -> JSON {
    try JSON(contentsOf: folder.appendingPathComponent("out/E0_seed3/eval/eval_info.json"))
  }

  @Test func `a failed evaluation is shown with its reason and its log, and the same command repeats it`() throws {
    try Fixture.within { folder in
      let broken = ["MUJOCO_GL": "egl", "__EGL_VENDOR_LIBRARY_DIRS": folder.path]
      let failed = try Program.run(Self.matrix, in: folder, environment: broken)
      #expect(failed.status == 1)
      let reason = "evaluation failed: every episode broke off, so there is no success rate: no OpenGL context"
      for line in [try status(folder), failed.output] {
        #expect(line.contains(reason) && line.contains("see logs/E0_seed3.log"), "\(line)")
      }
      #expect(try status(folder).contains("0/2") && !status(folder).contains("0.0 %"), "what broke off is no result")
      let report = try Program.succeed(["report", "out"], in: folder)
      #expect(report.output.contains("2 of 2 episodes ended with an error"), "\(report.output)")

      let again = try Program.succeed(Self.matrix, in: folder)
      #expect(!again.errors.contains("E0_seed3: training") && again.errors.contains("E0_seed3: ablations finished"))
      #expect(try status(folder).hasSuffix("finished"))
      let problems = try #require(try evaluation(folder)["per_task"]?.array?.first?["metrics"]?["problems"]?.array)
      #expect(problems == [.null, .null])
      // What had begun was resumed, so there was nothing to put away.
      #expect(!folder.appendingPathComponent("out/E0_seed3").names().contains("replaced"))
    }
  }

  @Test func `an evaluation of other weights is made again, and its results are kept`() throws {
    try Fixture.within { folder in
      try Program.succeed(Self.matrix, in: folder)
      let run = folder.appendingPathComponent("out/E0_seed3")
      let before = try evaluation(folder)
      let file = run.appendingPathComponent("checkpoints/last/pretrained_model/model.safetensors")
      try changeWeights(of: run) { $0.hasSuffix("action_out_proj.bias") ? 0.5 : nil }
      let outcome = try Program.succeed(Self.matrix, in: folder)
      #expect(outcome.errors.contains("is of other weights than the run's checkpoint"), "\(outcome.errors)")
      let hash = try JSON.string(MappedFile(file).sha256)
      #expect(try evaluation(folder)["protocol"]?["model_sha256"] == hash)
      let ablation = run.appendingPathComponent("eval/ablations/garbled_instruction/eval_info.json")
      #expect(try JSON(contentsOf: ablation)["protocol"]?["model_sha256"] == hash)
      let kept = run.appendingPathComponent("replaced/eval-1")
      #expect(try JSON(contentsOf: kept.appendingPathComponent("eval_info.json")) == before)
      #expect(try status(folder).hasSuffix("finished"))
      for flag in ["--json", "--foo=3", "--seeds=3"] {
        let refused = try Program.run(["matrix", "status", "out", flag], in: folder)
        #expect(refused.status == 1 && refused.errors.contains("has no effect on matrix status"), "\(refused.errors)")
      }
      let log = try String(contentsOf: folder.appendingPathComponent("out/logs/E0_seed3.log"), encoding: .utf8)
      #expect(log.contains("cannot be resumed (model_sha256 differs: "), "\(log)")
      #expect(!(try Program.succeed(Self.matrix, in: folder)).errors.contains("E0_seed3: "), "nothing is left to do")
      // Without its checkpoints the run would be trained in an emptied folder.
      try FileManager.default.removeItem(at: run.appendingPathComponent("checkpoints"))
      let refused = try Program.run(Self.matrix, in: folder)
      #expect(refused.status == 1 && refused.errors.contains("has a finished evaluation and no checkpoint"))
      #expect(try evaluation(folder)["protocol"]?["model_sha256"] == hash)
    }
  }

  @Test func `an evaluation that was edited is made again, which is said, and is kept`() throws {
    try Fixture.within { folder in
      try Program.succeed(Self.matrix, in: folder)
      let before = try evaluation(folder)
      let file = folder.appendingPathComponent("out/E0_seed3/eval/eval_info.json")
      var edited = try #require(before.object)
      edited["outcomes_sha256"] = "0123"
      try JSON.object(edited).write(to: file, overwrite: true)
      for line in [try status(folder), try Program.run(["report", "out", "--overwrite"], in: folder).output] {
        #expect(line.contains("was edited after") && !line.contains("stopped or killed"), "\(line)")
      }
      let outcome = try Program.succeed(Self.matrix, in: folder)
      #expect(
        outcome.errors.contains("was edited after the evaluation: E0_seed3 is evaluated again"), "\(outcome.errors)")
      #expect(outcome.errors.contains("kept in E0_seed3/replaced"), "\(outcome.errors)")
      let kept = folder.appendingPathComponent("out/E0_seed3/replaced/eval-1/eval_info.json")
      #expect(try JSON(contentsOf: kept) == .object(edited))
      #expect(try evaluation(folder)["outcomes_sha256"] == before["outcomes_sha256"])
      #expect(try status(folder).hasSuffix("finished"))
    }
  }

  @Test func `what cannot be resumed is refused, and kept when it may be replaced`() throws {
    try Fixture.within { folder in
      let evaluate = Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=out"]
      try Program.succeed(evaluate, in: folder)
      func other(_ seed: Int) -> [String] { evaluate + ["--seed=\(seed)", "--resume"] }
      let refused = try Program.run(other(7), in: folder)
      #expect(refused.status == 1 && refused.errors.contains("seed differs: 1000 there, 7 now"), "\(refused.errors)")
      for number in 1...2 {
        let outcome = try Program.succeed(other(6 + number) + ["--overwrite"], in: folder)
        #expect(outcome.errors.contains("replaced/out-\(number), and the evaluation starts over"), "\(outcome.errors)")
      }
      let seeds = try ["replaced/out-1", "replaced/out-2", "out"].map {
        try JSON(contentsOf: folder.appendingPathComponent("\($0)/eval_info.json"))["protocol"]?["seed"]
      }
      #expect(seeds == [1000, 7, 8])
      // The same evaluation goes on, here with nothing left to do.
      let same = try Program.succeed(other(8) + ["--overwrite"], in: folder)
      #expect(!same.errors.contains("starts over") && folder.appendingPathComponent("replaced").names().count == 2)
    }
  }
}
