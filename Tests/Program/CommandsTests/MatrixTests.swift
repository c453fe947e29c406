import Foundation
import ModelFiles
import Testing

/// The experiment matrix as the runbook starts it, on a CPU with two lanes.
struct MatrixTests {
  private static let script = "./scripts/launch_parallel_mi300x_smolvla_world.sh"
  /// The runbook's variables.
  private static let variables = [
    "GPU_IDS": "0,1", "SEEDS": "3", "STEPS": "6", "BATCH_SIZE": "4", "OUTPUT_ROOT": "out", "EVAL_TASK": "push_side",
    "EVAL_EPISODES": "2", "EVAL_BATCH_SIZE": "2", "EVAL_ENV": "shapes", "DATASET_REPO_ID": "shapes",
    "DATASET_ROOT": "data", "CACHE_DIR": "cache", "LATENT_SUFFIX": "m2", "WORLD_LATENT_DIM": "16", "DEVICE": "cpu",
    "INIT_POLICY_PATH": Flags.checkpoint, "N_ACTION_STEPS": "2",
  ]
  private static let decided = [
    "--seed", "--steps", "--batch_size", "--dataset.", "--policy.device", "--policy.type", "--policy.cache_dir",
    "--policy.latent_suffix", "--policy.world_latent_dim", "--policy.dataset_repo_id", "--policy.n_action_steps",
  ]
  /// Flags without a variable.
  private static let further =
    ["--env.image_size=16", "--eval.max_episodes_rendered=0"]
    + (Flags.train + Flags.world).filter { flag in !decided.contains { flag.hasPrefix($0) } }

  private static func start(
    in folder: URL, _ changed: [String: String] = [:], also: [String] = []
  ) throws -> Program.Running {
    try Program.shell(
      "exec \(script) \"$@\"", ["launcher"] + further + also, in: folder, environment: variables.merging(changed) { $1 }
    )
  }

  @Test func `trains and evaluates every run, each with its own GPU visible, and then has nothing left to do`() throws {
    try Fixture.within { folder in
      let outcome = try Self.start(in: folder).wait()
      try #require(outcome.status == 0, "\(outcome.errors)")
      let root = folder.appendingPathComponent("out")
      for (name, gpu) in [("E0_seed3", 0), ("E1_seed3", 1), ("E2_seed3", 0)] {
        let log = try text(root.appendingPathComponent("logs/\(name).log"))
        let seen = "HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=\(gpu) CUDA_VISIBLE_DEVICES=\(gpu)"
        #expect(log.contains("device cpu (\(seen)), torch"), "\(name)")
        let run = root.appendingPathComponent(name)
        #expect(run.appendingPathComponent("checkpoints").names() == ["000003", "000006", "last"])
        let evaluation = try JSON(contentsOf: run.appendingPathComponent("eval/eval_info.json"))
        #expect(evaluation["protocol"]?["n_action_steps"] == 2 && evaluation["protocol"]?["seed"] == 1000)
        #expect(evaluation["overall"]?["n_episodes"] == 2)
        #expect(outcome.output.contains("\(name)"))
        #expect(outcome.errors.contains("\(name): training on CPU slot \(gpu), process "), "\(outcome.errors)")
      }
      let matrix = try JSON(contentsOf: root.appendingPathComponent("matrix.json"))
      let start = folder.appendingPathComponent(Flags.checkpoint + "/model.safetensors")
      #expect(matrix["init_policy_sha256"]?.string == (try MappedFile(start).sha256))
      #expect(
        matrix["latents"]?["train_world_latents_vjepa_m2.fp16.npy"]?["camera"] == "observation.images.image")
      #expect(matrix["arms"]?["E1"]?["role"] == "control")
      #expect(
        try JSON(contentsOf: root.appendingPathComponent("random/eval_info.json"))["protocol"]?["planner"] == "random")
      #expect(root.names().contains("report.html"))

      let logs = try logs(root)
      let again = try Self.start(in: folder, ["STEPS": "", "TOTAL_SAMPLES": "22"]).wait()
      #expect(again.status == 0, "\(again.errors)")
      #expect(try self.logs(root) == logs)

      try FileManager.default.removeItem(at: root.appendingPathComponent("E1_seed3/eval"))
      let third = try Self.start(in: folder).wait()
      #expect(
        third.status == 0
          && root.appendingPathComponent("E1_seed3/eval").names() == ["episodes.jsonl", "eval_info.json"])
      #expect(
        try self.logs(root).keys.filter { try self.logs(root)[$0] != logs[$0] }.sorted() == [
          "E1_seed3.log", "report.log",
        ])
      #expect(!third.errors.contains("E1_seed3: training"))
    }
  }

  @Test func `a dry run says what the experiment can find, and writes nothing`() throws {
    try Fixture.within { folder in
      let outcome = try Self.start(in: folder, ["SEEDS": "0 1 2"], also: ["--dry_run", "--assumed_seed_sd=1"]).wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("E2_seed2: training, then evaluation on CPU slot"))
      #expect(outcome.output.contains("Then 3 seeds per arm give the verdict in 80 % of experiments"))
      #expect(outcome.output.contains("2 points take") && outcome.output.contains("54 steps to do in 9 stages"))
      #expect(!folder.names().contains("out"))
    }
  }

  @Test func `continues when a run fails, and repeats only that run`() throws {
    try Fixture.within { folder in
      let root = folder.appendingPathComponent("out")
      try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
      // A file where the run's folder should be.
      try Data("x".utf8).write(to: root.appendingPathComponent("E1_seed3"))
      let outcome = try Self.start(in: folder).wait()
      #expect(outcome.status == 1)
      let table = outcome.output.split(separator: "\n")
      #expect(table.contains { $0.hasPrefix("E1_seed3") && $0.contains("training failed: ") })
      // The reason is the sentence that the run printed.
      let log = try text(root.appendingPathComponent("logs/E1_seed3.log"))
      let sentence = try #require(log.split(separator: "\n").last { $0.hasPrefix("lerobot-wm: ") })
      #expect(table.contains { $0.contains("training failed: \(sentence.dropFirst("lerobot-wm: ".count)); see logs/") })
      #expect(!log.contains("eval --output_dir"))
      for name in ["E0_seed3", "E2_seed3"] {
        #expect(table.contains { $0.hasPrefix(name) && $0.hasSuffix("finished") })
      }
      let finished = try lastState(root.appendingPathComponent("E0_seed3"))

      try FileManager.default.removeItem(at: root.appendingPathComponent("E1_seed3"))
      let again = try Self.start(in: folder).wait()
      #expect(again.status == 0, "\(again.errors)")
      #expect(!again.errors.contains("E0_seed3"))
      #expect(try lastState(root.appendingPathComponent("E0_seed3")) == finished)
      #expect(root.appendingPathComponent("E1_seed3/eval").names() == ["episodes.jsonl", "eval_info.json"])
    }
  }

  @Test func `lets its runs save when it is stopped, and resumes them`() throws {
    try Fixture.within { folder in
      let long = ["STEPS": "100", "EVAL_EPISODES": "1"]
      let flags = ["--experiments=E0,E2", "--save_freq=50"]
      let launcher = try Self.start(in: folder, long, also: flags)
      let root = folder.appendingPathComponent("out")
      let runs = ["E0_seed3", "E2_seed3"].map { root.appendingPathComponent($0) }
      // Early: the other one may not even have begun.
      try wait(of: launcher) { runs[0].appendingPathComponent("metrics.jsonl").hasLines }
      kill(launcher.process.processIdentifier, SIGINT)
      let outcome = launcher.wait()
      #expect(outcome.status == 128 + SIGINT, "\(outcome.errors)")
      let identifiers = reportedProcesses(outcome.errors)
      #expect(!identifiers.isEmpty && identifiers.allSatisfy { kill($0, 0) != 0 })
      #expect(runs[0].appendingPathComponent("checkpoints").names().contains("last"))

      let again = try Self.start(in: folder, long, also: flags).wait()
      #expect(again.status == 0, "\(again.errors)")
      let whole = try Self.start(in: folder, long.merging(["OUTPUT_ROOT": "whole"]) { $1 }, also: flags).wait()
      #expect(whole.status == 0, "\(whole.errors)")
      for run in runs {
        let other = folder.appendingPathComponent("whole/\(run.lastPathComponent)")
        #expect(try lastState(run) == lastState(other))
        #expect(try metrics(run) == metrics(other))
      }
      #expect(try text(root.appendingPathComponent("logs/E0_seed3.log")).contains("--resume"))
    }
  }

  @Test func `starts nothing beside runs that outlived their launcher`() throws {
    try Fixture.within { folder in
      let long = ["STEPS": "20000"]
      let flags = ["--experiments=E0", "--save_freq=10000", "--chance=false"]
      let launcher = try Self.start(in: folder, long, also: flags)
      let root = folder.appendingPathComponent("out")
      try wait(of: launcher) { root.appendingPathComponent("E0_seed3/metrics.jsonl").hasLines }
      kill(launcher.process.processIdentifier, SIGKILL)
      let again = try Self.start(in: folder, long, also: flags).wait()
      #expect(
        again.status == 1 && again.errors.contains("out is in use by process "), "\(again.errors)")
      // Foundation waits until all holders of the launcher's descriptors end, its orphan included.
      let started = reportedProcesses(launcher.errorsSoFar)
      #expect(started.count == 1 && started.allSatisfy { again.errors.contains("process \($0) (train of E0_seed3)") })
      started.forEach { kill($0, SIGTERM) }
      #expect(launcher.wait().status == -SIGKILL)
      #expect(root.appendingPathComponent("E0_seed3/checkpoints").names().contains("last"))
    }
  }

  /// What is wrong, and what the error message must name; nothing may have been written.
  @Test(arguments: [
    (["CACHE_DIR": "elsewhere"], [], ["lerobot-wm-precompute", "elsewhere"]),
    (["LATENT_SUFFIX": "m4"], [], ["m4", "does not exist"]),
    (["WORLD_LATENT_DIM": "32"], [], ["--policy.world_latent_dim=16"]),
    (["INIT_POLICY_PATH": "nowhere"], [], ["nowhere"]),
    (["DATASET_ROOT": "models"], [], ["meta/info.json"]),
    (["EVAL_TASK": "fly"], [], ["fly"]),
    (["SEEDS": "1 1"], [], ["--seeds"]),
    (["GPU_IDS": ""], ["--gpu_ids="], ["--gpu_ids"]),
    (["TOTAL_SAMPLES": "400"], [], ["--total_samples", "100"]),
    ([:], ["--seed=1"], ["--seeds"]),
    ([:], ["--policy.path=E0"], ["--init_policy_path"]),
    ([:], ["--resume"], ["resumed"]),
    ([:], ["--eval.ablation=blank_images"], ["--eval.ablation", "lerobot-wm ablate"]),
    ([:], ["--policy.push_to_hub=true", "--policy.repo_id=user/name"], ["--policy.push_to_hub"]),
    ([:], ["--profile=profile.json"], ["--profile", "one file"]),
    ([:], ["--wandb.enable=true", "--wandb.mode=online"], ["--wandb.mode=offline"]),
    ([:], ["--save_checkpoint=false"], ["--save_checkpoint"]),
    (["STEPS": "9000000000000000000"], [], ["--steps"]),
    (["STEPS": "1000000000000"], ["--save_freq=1"], ["--save_freq", "GB"]),
    ([:], ["--policy.world_vision_model_name=models/none"], ["models/none"]),
    ([:], ["--policy.chunk_sise=4"], ["--policy.chunk_size"]),
    ([:], ["--experiments=E0,E9"], ["E0, E1, E2"]),
    ([:], ["--ablations=zerro"], ["--ablations", "signflip"]),
    (
      [:], [#"--rename_map={"observation.images.imag":"observation.images.a"}"#],
      ["--rename_map", "observation.images.imag, which"]
    ),
  ]) func `starts nothing that would fail`(
    variables: [String: String], flags: [String], named: [String]
  ) throws {
    try Fixture.within { folder in
      let outcome = try Self.start(in: folder, variables, also: flags).wait()
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      for name in named { #expect(outcome.errors.contains(name), "\(outcome.errors)") }
      #expect(!folder.names().contains("out"))
    }
  }

  @Test func `refuses runs that cannot be compared`() throws {
    try Fixture.within { folder in
      let flags = ["--experiments=E0"]
      try #require(try Self.start(in: folder, also: flags).wait().status == 0)
      let root = folder.appendingPathComponent("out")
      for (variables, named) in [
        (["STEPS": "7"], "training.E0.steps 6, now it is 7"), (["EVAL_EPISODES": "3"], "n_episodes 2"),
        (["INIT_POLICY_PATH": ""], "policy.precision"), (["N_ACTION_STEPS": "1"], "n_action_steps 2"),
      ] {
        let outcome = try Self.start(in: folder, variables, also: flags).wait()
        #expect(outcome.status == 1 && outcome.errors.contains(named), "\(outcome.errors)")
      }
      // An evaluation made by hand, under another protocol.
      try FileManager.default.removeItem(at: root.appendingPathComponent("E0_seed3/eval"))
      try Program.succeed(
        Flags.evaluate + [
          "--eval.n_episodes=1", "--output_dir=out/E0_seed3/eval",
          "--policy.path=out/E0_seed3/checkpoints/last/pretrained_model",
        ], in: folder)
      let outcome = try Self.start(in: folder, also: flags).wait()
      #expect(outcome.status == 1 && outcome.errors.contains("n_episodes 1, the matrix 2"), "\(outcome.errors)")
    }
  }

  private func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }

  private func logs(_ root: URL) throws -> [String: String] {
    let folder = root.appendingPathComponent("logs")
    return try Dictionary(
      uniqueKeysWithValues: folder.names().map { ($0, try text(folder.appendingPathComponent($0))) })
  }

  private func wait(of run: Program.Running, until condition: () -> Bool) throws {
    for _ in 0..<30_000 {
      if condition() { return }
      try #require(run.process.isRunning, "the launcher ended early")
      usleep(1_000)
    }
    Issue.record("nothing within 30 s")
  }
}

extension URL {
  fileprivate var hasLines: Bool { (try? Data(contentsOf: self))?.contains(UInt8(ascii: "\n")) ?? false }
}
