import Foundation
import ModelFiles
import Testing

/// Other encoders and cameras, as a user names them.
struct WorldSourceTests {
  private static let name = "cache2/shapes/train_world_latents_"
  private static let open = ["--policy.world_gate_init=1", "--policy.cache_dir=cache2", "--steps=2", "--save_freq=2"]
  private static let evaluate = Flags.evaluate + ["--policy.path=run/checkpoints/last/pretrained_model"]

  @Test func `dino is precomputed, trained on and evaluated in closed loop`() throws {
    try Fixture.within { folder in
      try Program.succeed(
        [
          "scratch", "--output_dir=dino", "--world_latents_source=dino", "--encoder_hidden_size=16",
          "--encoder_image_size=16",
        ], in: folder)
      let dino = ["--world_latents_source=dino", "--cache_dir=cache2", "--world_vision_model_name=dino/encoder"]
      try Program.succeed(Flags.precompute + dino, in: folder)
      let sidecar = try JSON(contentsOf: folder.appendingPathComponent(Self.name + "dino_m2.fp16.npy.json"))
      #expect(sidecar["encoder"]?["source"] == "dino" && sidecar["preprocessing"]?["shortest_edge"] == 16)
      #expect(sidecar["written_by"]?.string?.hasPrefix("lerobot-wm ") == true)
      let world = Flags.train + Flags.world + Self.open + ["--policy.world_latents_source=dino"]
      let named = ["--policy.world_vision_model_name=dino/encoder"]
      try Program.succeed(["train", "--output_dir=run"] + world + named, in: folder)
      // Rollouts encode for themselves.
      try FileManager.default.removeItem(at: folder.appendingPathComponent("cache2"))
      try Program.succeed(Self.evaluate + ["--output_dir=eval"], in: folder)
      // The other kind of encoder is no replacement.
      let outcome = try Program.run(
        Self.evaluate + ["--output_dir=other", "--policy.world_vision_model_name=models/encoder"], in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("holds other weights"), "\(outcome.errors)")
    }
  }

  @Test func `the wrist camera has a cache of its own, and the front does not train on it`() throws {
    try Fixture.within { folder in
      let wrist = ["--image_key=observation.images.image2", "--cache_dir=cache2", "--latent_suffix=m2_wrist"]
      try Program.succeed(Flags.precompute + wrist, in: folder)
      #expect(FileManager.default.fileExists(atPath: folder.path + "/" + Self.name + "vjepa_m2_wrist.fp16.npy"))
      let world = Flags.train + Flags.world + Self.open + ["--policy.latent_suffix=m2_wrist"]
      let front = try Program.run(["train", "--output_dir=front"] + world, in: folder)
      #expect(front.status == 1 && front.sentences.count == 1)
      #expect(front.errors.contains("--policy.world_camera"), "\(front.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("front").path))
      try Program.succeed(["train", "--output_dir=run", "--policy.world_camera=wrist"] + world, in: folder)
      try Program.succeed(Self.evaluate + ["--output_dir=eval"], in: folder)
      for flag in ["--policy.world_camera=front", "--policy.latent_suffix=m1", "--policy.world_latents_source=dino"] {
        let outcome = try Program.run(Self.evaluate + ["--output_dir=other", flag], in: folder)
        #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(flag.prefix { $0 != "=" }), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("other").path))
      }
    }
  }

  @Test func `a gate that opens during training is evaluated with its memory`() throws {
    try Fixture.within { folder in
      let flags = Flags.train + Flags.world + Flags.environment + ["--eval_freq=2", "--eval.n_episodes=1", "--steps=2"]
      try Program.succeed(["train", "--output_dir=run"] + flags, in: folder)
      let figures = try metrics(folder.appendingPathComponent("run")).filter { $0["eval/pc_success"] != nil }
      #expect(figures.count == 1)
      // An encoder that is not there is missed before the first step.
      let outcome = try Program.run(
        ["train", "--output_dir=other"] + flags + ["--policy.world_vision_model_name=absent/encoder"], in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1 && outcome.errors.contains("absent/encoder"))
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("other").path))
    }
  }

  @Test(arguments: [
    (["--world_latents_source=dino"], "--world_latents_source"), (["--latent_suffix=wrist"], "--latent_suffix"),
    (["--temporal_window=0"], "--temporal_window"), (["--world_latents_source=clip"], "--world_latents_source"),
    (["--world_vision_model_name=models/backbone"], "model.safetensors"),
  ]) func `what does not fit is refused in one sentence`(flags: [String], clue: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(Flags.precompute + ["--cache_dir=cache2"] + flags, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(clue), "\(outcome.errors)")
    }
  }
}
