import Foundation
import LibTorch
import ModelFiles
import Testing

/// The places where the memory can enter, as a user trains and evaluates them: with a frozen backbone.
struct WorldFusionRunTests {
  private static let train =
    Flags.train + Flags.world + ["--policy.train_expert_only=true", "--policy.world_prefix_num_heads=2"]
  private static let still = ["--steps=1", "--policy.optimizer_lr=0", "--policy.scheduler_decay_lr=0"]
  private static let last = "checkpoints/last/pretrained_model"

  /// Flags of each place, its scope below `model.` and the end of its log keys.
  private static let places: [(flags: [String], scope: String, suffix: String)] = [
    (["world_inject_suffix_in=true", "enable_world_injection=false"], "world_inject_suffix_in", "_suffix_in"),
    (["world_prefix_tokens=2"], "world_prefix_tokens", "_prefix"),
    (["world_prefix_tokens=1", "world_prefix_block=prefix"], "world_prefix_tokens", "_prefix"),
    (["world_prefix_cross_attn=true"], "world_prefix_cross_attn", "_prefix_cross"),
  ]

  @Test(arguments: places)
  func `is trained, resumed and evaluated`(place: (flags: [String], scope: String, suffix: String)) throws {
    try Fixture.within { folder in
      let run = folder.appendingPathComponent("run")
      let flags = place.flags.map { "--policy.\($0)" }
      try Program.succeed(["train", "--output_dir=run"] + Self.train + flags, in: folder)
      let lines = try metrics(run)
      let gates = lines.compactMap { $0["world_gate" + place.suffix]?.double }
      #expect(gates.count == 6 && gates[0] == 0 && !gates.dropFirst().contains(0), "\(gates)")
      // The gate alone has a gradient at first, then also what it let in.
      let gradients = lines.compactMap { $0["grad_" + place.scope]?.double }
      #expect(gradients.count == 6 && gradients.allSatisfy { $0 > 0 }, "\(gradients)")
      #expect(lines.allSatisfy { $0["world_ctx_norm" + place.suffix] != nil })
      let weights = try Tensor.load(run.appendingPathComponent(Self.last + "/model.safetensors"))
      #expect(try weights["model.\(place.scope).gate"]?.item() != 0)

      let whole = try lastState(run)
      try Program.succeed(
        ["train", "--resume=true", "--config_path=run/checkpoints/000003/pretrained_model/train_config.json"],
        in: folder)
      #expect(try lastState(run) == whole)
      #expect(try metrics(run) == lines)

      try Program.succeed(
        Flags.evaluate + ["--output_dir=eval", "--policy.path=run/" + Self.last, "--eval.n_episodes=1"], in: folder)
      let world = try JSON(contentsOf: folder.appendingPathComponent("eval/eval_info.json"))["protocol"]?["world"]
      #expect(world?["world_prefix_tokens"]?.integer == (place.suffix == "_prefix" ? gatedTokens(place.flags) : 0))
      // What was trained to read a memory is not quietly evaluated without.
      let name = place.scope == "world_prefix_tokens" ? "world_prefix_tokens=0" : place.scope + "=false"
      let without = try Program.run(
        Flags.evaluate + [
          "--output_dir=without", "--policy.path=run/" + Self.last, "--policy.\(name)",
          "--policy.world_prefix_block=state",
        ], in: folder)
      #expect(without.status == 1 && without.sentences.count == 1, "\(without.errors)")
      #expect(without.errors.contains("unexpected: model.\(place.scope)."), "\(without.errors)")
    }
  }

  private func gatedTokens(_ flags: [String]) -> Int? { flags.first.flatMap { Int($0.suffix(1)) } }

  @Test(arguments: places)
  func `starts from a run of the default injection, whose plans it keeps until its own gate opens`(
    place: (flags: [String], scope: String, suffix: String)
  ) throws {
    try Fixture.within { folder in
      let open = Self.train + Self.still + ["--policy.world_gate_init=1"]
      try Program.succeed(["train", "--output_dir=F1"] + open, in: folder)
      let flags = place.flags.filter { !$0.hasPrefix("enable") }.map { "--policy.\($0)" }
      // The gates' first value is for new ones, so both starting points leave the trained gate where it is.
      for (name, start) in [("init", "--policy.init_from_policy_path"), ("path", "--policy.path")] {
        try Program.succeed(
          ["train", "--output_dir=\(name)", "\(start)=F1/\(Self.last)", "--policy.world_gate_init=0"] + Self.train
            + Self.still + flags, in: folder)
      }
      let batch = try writeProbeBatch(to: folder)
      for run in ["F1", "init", "path"] {
        try Program.succeed(
          ["probe", "--batch=\(batch)", "--output=\(run).p", "--policy.path=\(run)/\(Self.last)"], in: folder)
      }
      let plans = try plannedActions(folder.appendingPathComponent("F1.p"))
      for run in ["init", "path"] {
        #expect(try plannedActions(folder.appendingPathComponent("\(run).p")) == plans, "\(run)")
        let weights = try Tensor.load(folder.appendingPathComponent("\(run)/\(Self.last)/model.safetensors"))
        #expect(try weights["model.world_inject.gate"]?.item() == 1)
        #expect(try weights["model.\(place.scope).gate"]?.item() == 0)
      }
      // A checkpoint that has no such place does not get an untrained one in an evaluation.
      let without = try Program.run(
        Flags.evaluate + ["--output_dir=eval", "--policy.path=F1/" + Self.last] + flags, in: folder)
      #expect(without.status == 1 && without.errors.contains("missing: model.\(place.scope)."), "\(without.errors)")
    }
  }

  @Test(arguments: [
    ("world_prefix_tokens=3", "world_prefix_tokens"), ("world_prefix_block=prefix", "world_prefix_block"),
    ("world_prefix_block=images", "world_prefix_block"),
  ]) func `what cannot be is refused in one sentence`(flag: String, clue: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(["train", "--output_dir=run", "--policy.\(flag)"] + Self.train, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("--policy." + clue), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run").path))
    }
  }

  @Test(arguments: [1, 2, 4])
  func `a horizon needs no cache of its own, and a checkpoint keeps it`(frames: Int) throws {
    try Fixture.within { folder in
      let horizon = "--policy.future_offset=\(frames)"
      try Program.succeed(
        ["train", "--output_dir=run"] + Self.train + ["--steps=2", "--policy.world_gate_init=1", horizon], in: folder)
      let weights = try Tensor.load(folder.appendingPathComponent("run/\(Self.last)/model.safetensors"))
      #expect(weights["prophet.query_slots"]?.shape == [1, frames, 16])
      let evaluate = Flags.evaluate + ["--policy.path=run/" + Self.last, "--eval.n_episodes=1"]
      try Program.succeed(evaluate + ["--output_dir=eval"], in: folder)
      let info = try JSON(contentsOf: folder.appendingPathComponent("eval/eval_info.json"))
      #expect(info["protocol"]?["world"]?["future_offset"]?.integer == frames)
      let other = try Program.run(
        evaluate + ["--output_dir=other", "--policy.future_offset=\(frames + 1)"], in: folder)
      #expect(other.status == 1 && other.errors.contains("prophet.query_slots"), "\(other.errors)")
    }
  }
}
