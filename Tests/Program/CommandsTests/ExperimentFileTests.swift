import Foundation
import ModelFiles
import Testing

struct ExperimentFileTests {
  private static let arms = """
    arms:
      - E0
      - name: E2_short
        title: predicted memory of one frame
        like: E2
        settings: {policy: {future_offset: 1}}
    """

  private func run(_ more: String, _ flags: [String] = [], in folder: URL) throws -> Outcome {
    try MatrixFixture.write(in: folder, output: "out", more: more)
    return try Program.run(MatrixFixture.command + ["--ablations="] + flags, in: folder)
  }

  @Test func `names arms, which matrix.json keeps, and flags override it`() throws {
    try Fixture.within { folder in
      let outcome = try run(Self.arms, ["--seeds=4", "--steps=2", "--save_freq=2", "--chance=false"], in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
      let root = folder.appendingPathComponent("out")
      #expect(root.names().filter { $0.contains("_seed") } == ["E0_seed4", "E2_short_seed4"])
      #expect(!root.names().contains("random"))
      let report = try String(contentsOf: root.appendingPathComponent("report.md"), encoding: .utf8)
      #expect(report.contains("| E2_short · predicted memory of one frame |"), "\(report)")
      let matrix = try JSON(contentsOf: root.appendingPathComponent("matrix.json"))
      #expect(matrix["arms"]?["E2_short"]?["settings"]?["policy.future_offset"] == "1")
      #expect(matrix["plan"]?["primary_comparison"] == "E2_short - E0")
      #expect(matrix["training"]?["E2_short"]?["policy"]?["future_offset"] == 1)
      #expect(matrix["training"]?["E2_short"]?["policy"]?["world_memory_mode_train"] == "pred")
      // The same name for something else.
      let changed = Self.arms.replacingOccurrences(of: "future_offset: 1", with: "future_offset: 2")
      let other = try run(changed, ["--seeds=4", "--steps=2", "--save_freq=2", "--chance=false"], in: folder)
      #expect(other.status == 1 && other.errors.contains("future_offset"), "\(other.errors)")
    }
  }

  @Test func `has the latents encoded that are missing, before the runs that need them`() throws {
    try Fixture.within { folder in
      let flags = ["--policy.cache_dir=new", "--precompute", "--experiments=E0,E2", "--steps=1", "--chance=false"]
      let planned = try run("", flags + ["--dry_run"], in: folder)
      #expect(planned.output.contains("latents_vjepa_m2: latents on CPU slot 0"), "\(planned.errors)")
      #expect(
        planned.output.contains("E2_seed0: training, then evaluation on CPU slot 1, after latents_vjepa_m2 latents"))
      #expect(!planned.output.contains("E0_seed0: training, then evaluation on CPU slot 0, after"))
      let outcome = try run("", flags, in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
      let cache = "shapes/train_world_latents_vjepa_m2.fp16.npy"
      #expect(
        try folder.appendingPathComponent("new/\(cache)").bytes()
          == folder.appendingPathComponent("cache/\(cache)").bytes())
      // They are there now, and what is recorded of them does not stand in the way.
      #expect(try run("", flags, in: folder).status == 0)
      #expect(try run("", flags + ["--dry_run"], in: folder).output.contains("report: finished"))
    }
  }

  @Test func `has its flags named as train and eval have them`() throws {
    try Fixture.within { folder in
      let outcome = try run("", ["--policy.latent_suffix=m3", "--dry_run"], in: folder)
      #expect(outcome.status == 1)
      let fix = "or fix --policy.cache_dir, --policy.world_latents_source and --policy.latent_suffix"
      #expect(outcome.errors.contains(fix), "\(outcome.errors)")
    }
  }

  /// What the file adds, and what the error must name; nothing may have been written.
  @Test(arguments: [
    ("arms: [E9]", "E9"), ("arms: [E0, {name: A, like: E8}]", "there are E0, E1, E2, oracle"),
    ("arms: E0", "list"), ("arms: [E0, E0]", "twice"),
    ("arms: [{title: x}]", "name"), ("arms: [{name: A, like: E2, steps: 3}]", "steps"),
    ("arms: [{name: A, like: E2, role: boss}]", "treatment"), ("arms: [{name: A}]", "role"),
    ("arms: [{name: A, role: check}]", "policy.type"),
    ("arms: [{name: E2, like: E2, settings: {policy: {future_offset: 1}}}]", "name of another arm"),
    ("arms: [{name: ../A, like: E2}]", "letters"), ("arms: [E0, {name: A, like: E0}]", "one baseline"),
    ("arms: [{name: A, like: E2, settings: {seed: 3}}]", "--seeds"),
    ("arms: [{name: A, like: E2, settings: {policy: {n_action_steps: 1}}}]", "evaluation"),
    ("arms: [E0, {name: A, like: E2, settings: {policy: {futur_offset: 1}}}]", "future_offset"),
    (
      "policy.type: smolvla_world\nseed: 3",
      "--policy.type, --seed are different for each run; set --experiments, --seeds"
    ),
    ("polcy: {device: cpu}", "polcy.device"), ("more: [x", "YAML"), ("steps: 1\nsteps: 2", "YAML"),
  ]) func `is refused where it is wrong`(more: String, named: String) throws {
    try Fixture.within { folder in
      let outcome = try run(more, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(named), "\(outcome.errors)")
      #expect(!folder.names().contains("out"))
    }
  }

  @Test func `has every difference between arms told at once`() throws {
    try Fixture.within { folder in
      // A policy section without a checkpoint to start from is E0's own.
      let arms = "arms: [E0, {name: A, like: E2, settings: {policy: {optimizer_lr: 0.01}, batch_size: 2}}]"
      let outcome = try run(arms, ["--dry_run"], in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.errors.contains("A differs beyond its world modality, in policy.optimizer_lr, batch_size"),
        "\(outcome.errors)")
    }
  }

  @Test func `is shown in the examples as it works`() throws {
    try Fixture.within { folder in
      let example = Program.checkout.appendingPathComponent("Examples/experiment.yaml")
      let flags = [
        "--config_path=\(example.path)", "--dry_run", "--init_policy_path=", "--gpu_ids=0", "--scheduler=local",
        "--experiments=E0,E1,E2,E2_lambda1",
      ]
      let small = (Flags.data + Flags.model + Flags.world + Flags.environment).filter {
        !$0.hasPrefix("--policy.type") && !$0.hasPrefix("--seed")
      }
      let outcome = try Program.run(["matrix"] + flags + small, in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("E2_lambda1_seed2: training"))
    }
  }
}
