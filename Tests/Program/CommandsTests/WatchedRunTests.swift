import Foundation
import ModelFiles
import Testing

struct WatchedRunTests {
  private static let evaluation =
    Flags.environment + ["--eval_freq=4", "--eval.n_episodes=2"]
  private static let wandb = ["--wandb.enable=true", "--wandb.mode=offline"]

  /// The truth is `eval` on the checkpoints, a program of its own that loads them from the disk.
  ///
  /// A world modality's gate opens with the first step, and only then does the policy want to see the past.
  @Test(arguments: [[], Flags.world])
  func `is evaluated while it trains as its checkpoints are afterwards`(policy: [String]) throws {
    try Fixture.within { folder in
      try Program.succeed(
        ["train", "--output_dir=run"] + Flags.train + Self.evaluation + ["--save_freq=2"] + policy, in: folder)
      let run = folder.appendingPathComponent("run")
      #expect(run.appendingPathComponent("eval").names() == ["videos_step_000004", "videos_step_000006"])
      for (step, line) in zip(1..., try metrics(run)) {
        let isEvaluated = step == 4 || step == 6
        for name in ["eval/pc_success", "eval/avg_sum_reward"] {
          #expect((line[name]?.double != nil) == isEvaluated, "\(name) at step \(step)")
        }
        guard isEvaluated else { continue }
        let own = run.appendingPathComponent("eval/videos_step_00000\(step)")
        #expect(own.names() == ["eval_info.json", "shapes_push_side"])
        #expect(
          own.appendingPathComponent("shapes_push_side").names() == ["eval_episode_0.mp4", "eval_episode_1.mp4"])
        try Program.succeed(
          [
            "eval", "--policy.path=run/checkpoints/00000\(step)/pretrained_model", "--output_dir=eval\(step)",
            "--seed=3", "--eval.n_episodes=2", "--num_compute_threads=1", "--policy.device=cpu",
          ] + Flags.environment, in: folder)
        let other = folder.appendingPathComponent("eval\(step)")
        #expect(try episodes(own) == episodes(other))
        let video = "shapes_push_side/eval_episode_1.mp4"
        #expect(
          try own.appendingPathComponent(video).bytes() == other.appendingPathComponent("videos/" + video).bytes())
        let overall = try JSON(contentsOf: own.appendingPathComponent("eval_info.json"))["overall"]
        #expect(line["eval/avg_sum_reward"] == overall?["avg_sum_reward"])
      }
      // Being evaluated changes nothing that is learned.
      let plain = folder.appendingPathComponent("plain")
      try Program.succeed(["train", "--output_dir=plain"] + Flags.train + policy, in: folder)
      #expect(try lastState(run) == lastState(plain))
    }
  }

  /// As a kill in the middle of an evaluation leaves the run: the checkpoint is there, the figures are not.
  @Test func `makes up for an evaluation that a kill broke off`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=run"] + Flags.train + Self.evaluation, in: folder)
      let run = folder.appendingPathComponent("run")
      let whole = try metrics(run)
      let step = run.appendingPathComponent("eval/videos_step_000006")
      let before = try episodes(step)
      try FileManager.default.moveItem(at: step, to: run.appendingPathComponent("eval/.videos_step_000006.partial"))
      let log = run.appendingPathComponent("metrics.jsonl")
      var lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
      let last = try #require(lines.last)
      let figures = try #require(last.range(of: ",\"eval/"))
      lines[lines.count - 1] = last[..<figures.lowerBound] + "}\n"
      try lines.joined(separator: "\n").write(to: log, atomically: true, encoding: .utf8)
      try Program.succeed(["train", "--output_dir=run", "--resume"], in: folder)
      #expect(try metrics(run) == whole)
      #expect(try episodes(step) == before)
      #expect(run.appendingPathComponent("eval").names() == ["videos_step_000004", "videos_step_000006"])
    }
  }

  @Test func `continues when an evaluation breaks`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let run = folder.appendingPathComponent("E0")
      try Data().write(to: run.appendingPathComponent("eval"))
      let outcome = try Program.succeed(
        ["train", "--output_dir=E0", "--resume", "--steps=8"] + Self.evaluation, in: folder)
      #expect(outcome.errors.contains("warning: the evaluation at step 8 failed: "))
      #expect(try metrics(run).map { $0["step"]?.integer } == (1...8).map { $0 })
    }
  }

  @Test(arguments: [
    (["--env.type=shapes", "--env.task=push_sid"], "push_sid"),
    (["--env.type=maze"], "--env.type"), (["--env.type=shapes", "--eval.n_episodes=0"], "--eval.n_episodes"),
    (["--wandb.enable=true"], "--wandb.mode=offline"), (["--wandb.enable=true", "--wandb.mode=online"], "wandb sync"),
    (["--wandb.enable=true", "--wandb.mode=offlin"], "--wandb.mode"),
    (["--wandb.enable=true", "--wandb.mode=offline", "--wandb.run_id=../x"], "--wandb.run_id"),
  ])
  func `is refused before it begins`(flags: [String], named: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(
        ["train", "--output_dir=out"] + Flags.train + flags, in: folder, environment: ["WANDB_MODE": ""])
      #expect(outcome.status == 1)
      #expect(outcome.sentences.count == 1 && outcome.errors.contains(named), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("out").path))
    }
  }

  @Test(arguments: [("offline", true), ("dryrun", true), ("disabled", false)])
  func `heeds WANDB_MODE, and keeps its key to itself`(mode: String, writes: Bool) throws {
    try Fixture.within { folder in
      let key = String(repeating: "5ec3e7", count: 7)
      let outcome = try Program.run(
        ["train", "--output_dir=out", "--wandb.enable=true"] + Flags.train, in: folder,
        environment: ["WANDB_MODE": mode, "WANDB_API_KEY": key])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let run = folder.appendingPathComponent("out")
      #expect(run.names().contains("wandb") == writes)
      #expect(run.names().contains("tensorboard"))
      for case let path as String in FileManager.default.enumerator(atPath: run.path) ?? .init() {
        let bytes = (try? run.appendingPathComponent(path).bytes()) ?? Data()
        #expect(bytes.range(of: Data(key.utf8)) == nil, "\(path)")
      }
      #expect(!(outcome.output + outcome.errors).contains(key))
    }
  }

  /// Killed and resumed, so that whoever reads the logs meets what a real run leaves. `oracle/parity/run_logs.py` reads
  /// what lies in WM_PARITY_RUNS with TensorBoard and wandb.
  @Test func `leaves logs for the official readers`() throws {
    try Fixture.within { folder in
      let kept = ProcessInfo.processInfo.environment["WM_PARITY_RUNS"]
      let run =
        kept.map { URL(fileURLWithPath: $0).appendingPathComponent("resumed") }
        ?? folder.appendingPathComponent("resumed")
      let flags = Flags.train + Self.evaluation + Self.wandb + ["--steps=24", "--save_freq=6"]
      let running = try Program.start(["train", "--output_dir=\(run.path)"] + flags, in: folder)
      let last = run.appendingPathComponent("checkpoints/last").path
      while running.process.isRunning, (try? FileManager.default.destinationOfSymbolicLink(atPath: last)) == nil {
        usleep(1_000)
      }
      kill(running.process.processIdentifier, SIGKILL)
      _ = running.wait()
      let wandb = run.appendingPathComponent("wandb")
      let before = wandb.names()
      try Program.succeed(["train", "--output_dir=\(run.path)", "--resume"], in: folder)
      #expect(try metrics(run).map { $0["step"]?.integer } == (1...24).map { $0 })
      #expect(try metrics(run).filter { $0["eval/pc_success"] != nil }.count == 6)
      // The same run continues, and LeRobot would find its identifier where it looks for it.
      #expect(wandb.names() == before && before.count == 2)
      let settings = try JSON(
        contentsOf: run.appendingPathComponent("checkpoints/last/pretrained_model/train_config.json"))
      // LeRobot refuses a settings file with more environments than episodes.
      #expect(settings["eval"]?["batch_size"]?.integer == 2)
      let runID = try #require(settings["wandb"]?["run_id"]?.string)
      #expect(wandb.appendingPathComponent("latest-run").names().contains("run-\(runID).wandb"))
      #expect(run.appendingPathComponent("tensorboard").names().count == 2)
    }
  }

  /// What happened in each task, without what a clock or a place decides.
  private func episodes(_ folder: URL) throws -> [JSON] {
    let tasks = try #require(JSON(contentsOf: folder.appendingPathComponent("eval_info.json"))["per_task"]?.array)
    return try tasks.map { task in
      var members = try #require(task["metrics"]?.object)
      members["video_paths"] = nil
      return .object(members)
    }
  }
}
