import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

/// smolvla_world as a user runs it, with the gate as it starts: closed.
struct WorldRunTests {
  /// A learning rate of 0 leaves the weights as they were and the gate at 0.
  private static let untrained =
    Flags.train + Flags.world
    + [
      "--steps=1", "--policy.optimizer_lr=0", "--policy.scheduler_decay_lr=0",
      "--policy.init_from_policy_path=\(Flags.checkpoint)",
    ]
  private static let modes = ["pred", "zero", "random", "random_scaled", "shuffle", "signflip"]
  private static let recorded = Flags.evaluate + ["--eval.max_episodes_rendered=2"]

  @Test func `leaves the baseline's plans as they are, bit for bit, in every mode and without the cache`() throws {
    try Fixture.within(copying: ["cache"]) { folder in
      try Program.succeed(["train", "--output_dir=world"] + Self.untrained, in: folder)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("cache"))
      let world = "world/checkpoints/last/pretrained_model"
      try expectSameWeights(folder, Flags.checkpoint, world)
      try Program.succeed(Self.recorded + ["--output_dir=eval", "--policy.path=\(Flags.checkpoint)"], in: folder)
      let baseline = folder.appendingPathComponent("eval")
      let batch = try writeProbeBatch(to: folder)
      try Program.succeed(["probe", "--batch=\(batch)", "--output=p", "--policy.path=\(Flags.checkpoint)"], in: folder)
      let plans = try plannedActions(folder.appendingPathComponent("p"))
      #expect(Set(plans).count > 4)
      for mode in Self.modes {
        let flags = ["--policy.path=\(world)", "--policy.world_memory_mode_rollout=\(mode)"]
        try Program.succeed(["probe", "--batch=\(batch)", "--output=p_\(mode)"] + flags, in: folder)
        #expect(try plannedActions(folder.appendingPathComponent("p_\(mode)")) == plans, "\(mode)")
        try Program.succeed(Self.recorded + ["--output_dir=eval_\(mode)"] + flags, in: folder)
        let own = folder.appendingPathComponent("eval_\(mode)")
        #expect(try episodes(own) == episodes(baseline), "\(mode)")
        for video in ["eval_episode_0.mp4", "eval_episode_1.mp4"].map({ "videos/shapes_push_side/" + $0 }) {
          #expect(
            try own.appendingPathComponent(video).bytes() == baseline.appendingPathComponent(video).bytes(),
            "\(mode) \(video)")
        }
      }
    }
  }

  @Test func `does not hide an open one`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=open"] + Self.untrained + ["--policy.world_gate_init=1"], in: folder)
      let batch = try writeProbeBatch(to: folder)
      let world = "--policy.path=open/checkpoints/last/pretrained_model"
      try Program.succeed(["probe", "--batch=\(batch)", "--output=p", "--policy.path=\(Flags.checkpoint)"], in: folder)
      try Program.succeed(["probe", "--batch=\(batch)", "--output=w", world], in: folder)
      let plans = try ["w", "p"].map { try plannedActions(folder.appendingPathComponent($0)) }
      #expect(plans[0] != plans[1])
    }
  }

  @Test func `exchanges memories between the episodes that play, the same ones every time`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=open"] + Self.untrained + ["--policy.world_gate_init=1"], in: folder)
      let flags =
        Flags.evaluate + [
          "--policy.path=open/checkpoints/last/pretrained_model", "--policy.world_memory_mode_rollout=shuffle",
          "--eval.n_episodes=3", "--eval.max_episodes_rendered=3",
        ]
      for name in ["one", "two"] { try Program.succeed(flags + ["--output_dir=\(name)"], in: folder) }
      let (one, two) = (folder.appendingPathComponent("one"), folder.appendingPathComponent("two"))
      #expect(try episodes(one) == episodes(two))
      for number in 0..<3 {
        let video = "videos/shapes_push_side/eval_episode_\(number).mp4"
        #expect(try one.appendingPathComponent(video).bytes() == two.appendingPathComponent(video).bytes())
      }
      let alone = try Program.run(flags + ["--output_dir=alone", "--eval.batch_size=1"], in: folder)
      #expect(alone.status == 1 && alone.errors.contains("--eval.batch_size"), "\(alone.errors)")
    }
  }

  @Test func `does not let another encoder in than the one that made the latents`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=open"] + Self.untrained + ["--policy.world_gate_init=1"], in: folder)
      let world = "open/checkpoints/last/pretrained_model"
      let latents = try JSON(contentsOf: folder.appendingPathComponent(world + "/world_latents.json"))
      #expect(latents["encoder"]?["name"] == "models/encoder" && latents["dataset_repo_id"] == "shapes")
      try Program.succeed(
        ["scratch", "--output_dir=other", "--encoder_hidden_size=16", "--encoder_image_size=16", "--seed=1"], in: folder
      )
      let evaluate = Flags.evaluate + ["--policy.path=\(world)"]
      try Program.succeed(evaluate + ["--output_dir=eval"], in: folder)
      let outcome = try Program.run(
        evaluate + ["--output_dir=eval_other", "--policy.world_vision_model_name=other/encoder"], in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1)
      #expect(outcome.errors.contains("--policy.world_vision_model_name"), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("eval_other").path))
    }
  }

  @Test func `may open between two evaluations of one run`() throws {
    try Fixture.within { folder in
      let outcome = try Program.succeed(
        ["train", "--output_dir=world"] + Flags.train + Flags.world + Flags.environment
          + ["--steps=2", "--eval_freq=1", "--eval.n_episodes=1", "--eval.batch_size=1"], in: folder)
      #expect(!outcome.errors.contains("broke off"), "\(outcome.errors)")
      #expect(folder.appendingPathComponent("world/eval").names() == ["videos_step_000001", "videos_step_000002"])
    }
  }

  @Test func `does not make the true future known in closed loop`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=world"] + Self.untrained, in: folder)
      let outcome = try Program.run(
        Flags.evaluate + [
          "--output_dir=eval", "--policy.path=world/checkpoints/last/pretrained_model",
          "--policy.world_memory_mode_rollout=oracle",
        ], in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.sentences.count == 1)
      #expect(outcome.errors.contains("--policy.world_memory_mode_rollout") && outcome.errors.contains("oracle"))
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("eval").path))
    }
  }

  private func expectSameWeights(_ folder: URL, _ baseline: String, _ world: String) throws {
    let own = try Tensor.load(folder.appendingPathComponent(world + "/model.safetensors"))
    for (name, tensor) in try Tensor.load(folder.appendingPathComponent(baseline + "/model.safetensors")) {
      let same = try #require(own[name]).to(.float32).scalars(Float.self) == tensor.to(.float32).scalars(Float.self)
      #expect(same, "\(name)")
    }
    let gate = try #require(own.first { $0.key.hasPrefix("model.world_inject.") && $0.key.hasSuffix("gate") }).value
    #expect(try gate.scalars(Float.self).allSatisfy { $0 == 0 })
  }

  private func episodes(_ evaluation: URL) throws -> JSON? {
    try JSON(contentsOf: evaluation.appendingPathComponent("eval_info.json"))["per_task"]
  }
}
