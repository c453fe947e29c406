import Foundation
import ModelFiles
import Testing

struct AblateTests {
  private static let world = "world/checkpoints/last/pretrained_model"
  private static let memories = ["zero", "random", "random_scaled", "shuffle", "signflip"]

  /// A world policy whose gate is 0 or open.
  private func train(_ folder: URL, gate: Int) throws {
    try Program.succeed(
      ["train", "--output_dir=world"] + Flags.train + Flags.world
        + [
          "--steps=1", "--policy.optimizer_lr=0", "--policy.scheduler_decay_lr=0", "--policy.world_gate_init=\(gate)",
          "--policy.init_from_policy_path=\(Flags.checkpoint)",
        ], in: folder)
  }

  private func flags(_ policy: String, _ ablations: [String]) -> [String] {
    ["ablate"] + Flags.evaluate.dropFirst() + [
      "--eval.n_episodes=4", "--policy.path=\(policy)", "--output_dir=eval",
      "--ablations=\(ablations.joined(separator: ","))",
    ]
  }

  private func information(_ folder: URL, _ path: String) throws -> JSON {
    try JSON(contentsOf: folder.appendingPathComponent(path).appendingPathComponent("eval_info.json"))
  }

  @Test func `with the gate closed no memory changes an episode`() throws {
    try Fixture.within { folder in
      try train(folder, gate: 0)
      let outcome = try Program.succeed(flags(Self.world, Self.memories), in: folder)
      let plain = try information(folder, "eval")
      #expect(plain["protocol"]?["ablation"] == "none")
      for mode in Self.memories {
        let ablated = try information(folder, "eval/ablations/\(mode)")
        #expect(ablated["outcomes_sha256"] != nil && ablated["outcomes_sha256"] == plain["outcomes_sha256"], "\(mode)")
        #expect(ablated["protocol"]?["ablation"]?.string == mode)
        #expect(ablated["protocol"]?["world_memory_mode_rollout"]?.string == mode)
        #expect(ablated["protocol"]?["world"]?["world_memory_mode_rollout"]?.string == mode)
      }
      #expect(outcome.output.components(separatedBy: "all 4 episodes end as they do without").count == 6)
      let study = try JSON(contentsOf: folder.appendingPathComponent("eval/ablations/ablations.json"))
      #expect(study["conditions"]?.array?.count == 5)
    }
  }

  @Test func `each condition gives what eval gives under it alone`() throws {
    try Fixture.within { folder in
      try train(folder, gate: 1)
      let names = ["shuffle", "garbled_instruction", "blank_image.image2", "state_noise.2"]
      try Program.succeed(flags(Self.world, names) + ["--eval.max_episodes_rendered=1"], in: folder)
      let film = "videos/shapes_push_side/eval_episode_0.mp4"
      let plain = try folder.appendingPathComponent("eval/\(film)").bytes()
      for name in names {
        let own = folder.appendingPathComponent("eval/ablations/\(name)")
        // The letters' order means little to a policy that has hardly been trained.
        if name != "garbled_instruction" {
          #expect(try own.appendingPathComponent(film).bytes() != plain, "\(name) changes what the policy does")
        }
        let again = try Program.succeed(
          ["reproduce", "eval/ablations/\(name)/eval_info.json", "--output_dir=again_\(name)"], in: folder)
        #expect(again.output.contains("reproduced: 4 of 4"), "\(again.errors)")
        #expect(!again.errors.contains("not as recorded"), "\(again.errors)")
        #expect(
          try folder.appendingPathComponent("again_\(name)/\(film)").bytes()
            == own.appendingPathComponent(film).bytes(), "\(name)")
      }
      let fewer = try Program.run(
        ["reproduce", "eval/ablations/shuffle/eval_info.json", "--output_dir=fewer", "--eval.batch_size=3"], in: folder)
      #expect(fewer.status == 1 && fewer.errors.contains("batch_size differs: 2 recorded, 3 now"), "\(fewer.errors)")
      // The same ablation by the policy's own setting has the same name.
      try Program.succeed(
        Flags.evaluate + [
          "--policy.path=\(Self.world)", "--output_dir=byhand", "--policy.world_memory_mode_rollout=zero",
        ], in: folder)
      #expect(try information(folder, "byhand")["protocol"]?["ablation"] == "zero")
    }
  }

  @Test func `goes on where it was stopped, and repeats nothing that is finished`() throws {
    try Fixture.within { folder in
      try train(folder, gate: 1)
      let command = flags(Self.world, ["zero", "shuffle", "blank_images"])
      try Program.succeed(command, in: folder)
      let names = ["eval"] + ["zero", "shuffle", "blank_images"].map { "eval/ablations/\($0)" }
      let before = try names.map { try information(folder, $0) }
      // Killed within two conditions, of which one exchanges memories and so begins again.
      for name in ["eval/ablations/shuffle", "eval/ablations/blank_images"] {
        let place = folder.appendingPathComponent(name)
        let log = place.appendingPathComponent("episodes.jsonl")
        let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
        try (lines.prefix(3).joined(separator: "\n") + "\n{\"task\"").write(to: log, atomically: true, encoding: .utf8)
        try FileManager.default.removeItem(at: place.appendingPathComponent("eval_info.json"))
      }
      let outcome = try Program.succeed(command, in: folder)
      #expect(outcome.errors.contains("no ablation: finished before"))
      #expect(outcome.errors.contains("the ablation zero: finished before"))
      let after = try names.map { try information(folder, $0) }
      #expect(after[0] == before[0] && after[1] == before[1])
      #expect(after.map { $0["outcomes_sha256"] } == before.map { $0["outcomes_sha256"] })
      let other = try Program.run(command + ["--seed=7"], in: folder)
      #expect(other.status == 1 && other.errors.contains("seed differs: 1000 there, 7 now"), "\(other.errors)")
      // An edited outcome is not finished, and is not overwritten unless told to.
      let file = folder.appendingPathComponent("eval/ablations/zero/eval_info.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      let edited = text.replacingOccurrences(of: "\"push the block left\"", with: "\"push the block right\"")
      try #require(edited != text)
      try edited.write(to: file, atomically: true, encoding: .utf8)
      let refused = try Program.run(command, in: folder)
      #expect(refused.status == 1 && refused.errors.contains("was edited"), "\(refused.errors)")
      try Program.succeed(command + ["--overwrite"], in: folder)
      #expect(try information(folder, "eval/ablations/zero")["outcomes_sha256"] == before[1]["outcomes_sha256"])
      #expect(try information(folder, "eval") == before[0])
    }
  }

  @Test func `leaves out what does not apply, and refuses what is not known`() throws {
    try Fixture.within { folder in
      let outcome = try Program.succeed(flags(Flags.checkpoint, ["zero", "garbled_instruction"]), in: folder)
      #expect(outcome.errors.contains("zero is left out: the policy reads no memory"))
      #expect(folder.appendingPathComponent("eval/ablations").names() == ["ablations.json", "garbled_instruction"])
      for (arguments, reason) in [
        (flags(Flags.checkpoint, ["zeros"]), "--ablations: expected one of pred, zero"),
        (flags(Flags.checkpoint, ["blank_image.wrist"]), "no camera wrist, only image, image2"),
        (flags(Flags.checkpoint, []) + ["--eval.planner=random"], "give --ablations alone"),
        (
          Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=x", "--eval.ablation=zero"],
          "--eval.ablation=zero: the policy reads no memory"
        ),
      ] {
        let refused = try Program.run(arguments, in: folder)
        #expect(refused.status == 1 && refused.errors.contains(reason), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("x").path))
      }
    }
  }
}
