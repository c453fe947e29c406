import Foundation
import ModelFiles
import Testing

/// What a run can be asked for beside its policy: updates of several batches, averaged weights, fewer checkpoints.
struct TrainingOptionsTests {
  @Test func `a run that saves nothing prints no folder`() throws {
    try Fixture.within { folder in
      let outcome = try Program.succeed(
        ["train", "--output_dir=run", "--save_checkpoint=false"] + Flags.train, in: folder)
      #expect(outcome.output.isEmpty, "\(outcome.output)")
      #expect(!folder.appendingPathComponent("run").names().contains("checkpoints"))
      let saved = try Program.succeed(["train", "--output_dir=other"] + Flags.train, in: folder)
      #expect(saved.output.hasSuffix("other/checkpoints/000006\n"), "\(saved.output)")
    }
  }

  private func train(_ name: String, _ flags: [String], in folder: URL) throws -> URL {
    try Program.succeed(["train", "--output_dir=\(name)"] + Flags.train + flags, in: folder)
    return folder.appendingPathComponent(name)
  }

  @Test func `the average of the weights is a checkpoint of its own, and training goes on as without`() throws {
    try Fixture.within { folder in
      let run = try train("averaged", ["--ema.enable=true", "--ema.decay=0.5"], in: folder)
      #expect(try lastState(run) == lastState(folder.appendingPathComponent("E0")))
      let last = run.appendingPathComponent("checkpoints/last")
      #expect(
        last.appendingPathComponent("pretrained_model_ema").names()
          == last.appendingPathComponent("pretrained_model").names())
      // LeRobot's released versions have no such setting.
      let file = try JSON(contentsOf: last.appendingPathComponent("pretrained_model/train_config.json"))
      #expect(file["ema"] == nil && file["accelerator"] == nil)
      try Program.succeed(
        Flags.evaluate + ["--output_dir=eval", "--policy.path=averaged/checkpoints/last/pretrained_model_ema"],
        in: folder)
      let average = try last.appendingPathComponent("pretrained_model_ema/model.safetensors").bytes()
      let half = try train("half", ["--ema.enable=true", "--ema.decay=0.5", "--steps=3"], in: folder)
      try Program.succeed(["train", "--output_dir=half", "--resume", "--steps=6"], in: folder)
      #expect(
        try half.appendingPathComponent("checkpoints/last/pretrained_model_ema/model.safetensors").bytes().count
          == average.count)
      // An average of another run, or none, is not continued.
      let weights = half.appendingPathComponent("checkpoints/last/pretrained_model_ema/model.safetensors")
      try ComparedRuns.flip(weights)
      for _ in 1...2 {
        let outcome = try Program.run(["train", "--output_dir=half", "--resume", "--steps=9"], in: folder)
        #expect(outcome.status != 0 && outcome.errors.contains("pretrained_model_ema"), "\(outcome.errors)")
        try? FileManager.default.removeItem(at: weights)
      }
    }
  }

  @Test func `several batches make an update, and the run resumes with them`() throws {
    try Fixture.within { folder in
      let flags = ["--accelerator.gradient_accumulation.steps=2", "--steps=8", "--save_freq=4"]
      let run = try train("whole", flags, in: folder)
      #expect(try metrics(run).map { $0["step"]?.integer } == [2, 4, 6, 8])
      let state = run.appendingPathComponent("checkpoints/last/training_state/training_step.json")
      #expect(
        try JSON(contentsOf: state) == ["step": 8, "num_processes": 1, "batch_size": 4, "grad_accum_steps": 2])
      let whole = try (lastState(run), metrics(run))
      let checkpoints = run.appendingPathComponent("checkpoints")
      for name in ["last", "000008"] {
        try FileManager.default.removeItem(at: checkpoints.appendingPathComponent(name))
      }
      try Program.succeed(["train", "--output_dir=whole", "--resume"], in: folder)
      #expect(try lastState(run) == whole.0 && metrics(run) == whole.1)
    }
  }

  @Test func `the newest checkpoints stay, in the mirror too`() throws {
    try Fixture.within { folder in
      let flags = [
        "--save_freq=1", "--keep_last_checkpoints=2", "--keep_best_checkpoints=1", "--dataset.eval_split=0.5",
        "--eval_steps=2", "--checkpoint_mirror=mirror",
      ]
      let run = try train("run", flags, in: folder)
      let losses = try metrics(run).compactMap { row in
        row["eval/eval_loss"]?.double.map { ($0, row["step"]?.integer ?? 0) }
      }
      let best = try #require(losses.min { $0.0 < $1.0 }).1
      let kept = Set([best, 5, 6]).sorted().map { "00000\($0)" } + ["last"]
      #expect(run.appendingPathComponent("checkpoints").names() == kept)
      #expect(folder.appendingPathComponent("mirror/run/checkpoints").names() == kept)
    }
  }

  @Test(arguments: [
    (["--keep_best_checkpoints=1"], "--keep_best_checkpoints: has no effect while all are kept"),
    (["--keep_best_checkpoints=1", "--keep_last_checkpoints=1"], "--keep_best_checkpoints: needs measurements"),
    (["--keep_last_checkpoints=-1"], "--keep_last_checkpoints"), (["--ema.power=0"], "--ema.power"),
    (["--ema.decay=0.5", "--ema.min_decay=0.1"], "--ema.decay: excludes"),
    (["--accelerator.gradient_accumulation.steps=4"], "--steps: expected a multiple of"),
    (["--accelerator.gradient_accumulation.steps=0"], "--accelerator.gradient_accumulation.steps"),
  ]) func `what contradicts itself is refused before anything starts`(flags: [String], words: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(["train", "--output_dir=run"] + Flags.train + flags, in: folder)
      #expect(outcome.status != 0 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!folder.names().contains("run"))
    }
  }
}
