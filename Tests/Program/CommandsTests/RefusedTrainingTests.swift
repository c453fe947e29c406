import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

/// Trainings that do not allow a verdict, each with a real run that had the fault.
struct RefusedTrainingTests {
  @Test(arguments: [
    (["--dataset.episodes=[0,1]"], "dataset.episodes differs"),
    (["--batch_size=8"], "sample budgets differ: E2_seed3 saw 8 samples, E0_seed3 saw 16"),
    (["--batch_size=8", "--steps=1"], "batch_size differs: 4 in E2_seed3, 8 in E0_seed3"),
    (["--seed=4"], "E0_seed3 was trained with seed 4"),
    (["--policy.optimizer_lr=1e-2"], "optimizer.lr differs"),
    (["--policy.train_expert_only=true"], "policy.train_expert_only differs"),
    (["--policy.resize_imgs_with_padding=[32,32]"], "policy.resize_imgs_with_padding differs"),
    (
      ["--policy.normalization_mapping={\"VISUAL\":\"IDENTITY\",\"STATE\":\"MIN_MAX\",\"ACTION\":\"MEAN_STD\"}"],
      "policy_preprocessor.json differs"
    ),
    (["--dataset.image_transforms.enable=true"], "image_transforms.enable differs"),
    (["--dataset.use_imagenet_stats=false"], "use_imagenet_stats differs"),
    (["--policy.path=\(Flags.checkpoint)"], "start_sha256 differs"),
    (["--dataset.root=other"], "dataset.sha256 differs"),
    (["--policy.vlm_model_name=other_models/backbone"], "tokenizer_sha256 differs"),
  ])
  func `runs that were trained differently are refused`(flags: [String], clue: String) throws {
    try ComparedRuns.within { folder in
      try prepare(flags, in: folder)
      // A start checkpoint brings its own settings.
      try ComparedRuns.train("E0", flags, in: folder)
      let outcome = try ComparedRuns.evaluate("E0", in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
      try ComparedRuns.expectRefusal(clue, in: folder)
    }
  }

  /// Another dataset, and the same backbone with another tokenizer.
  private func prepare(_ flags: [String], in folder: URL) throws {
    if flags.contains("--dataset.root=other") {
      try Program.succeed(
        ["record", "--dataset.root=other", "--dataset.num_episodes=4", "--seed=1"] + Flags.environment, in: folder)
    }
    if flags.contains(where: { $0.contains("other_models") }) {
      try FileManager.default.copyItem(
        at: Fixture.root().appendingPathComponent("models"), to: folder.appendingPathComponent("other_models"))
      let tokenizer = folder.appendingPathComponent("other_models/backbone/tokenizer.json")
      try (try Data(contentsOf: tokenizer) + Data(" ".utf8)).write(to: tokenizer)
    }
  }

  @Test(arguments: [
    (["--batch_size=8"], "batch_size differs: 4 before, 8"), (["--seed=5"], "seed differs: 3 before, 5"),
    (["--dataset.episodes=[0,1]"], "dataset.episodes differs"),
    (["--policy.optimizer_lr=1e-2"], "optimizer.lr differs"),
  ])
  func `a run that resumes with other settings is warned of, and refused`(flags: [String], clue: String) throws {
    try ComparedRuns.within { folder in
      for (arm, changed) in [("E0", flags), ("E2", [])] {
        let outcome = try Program.run(
          ["train", "--output_dir=out/\(arm)_seed3", "--resume", "--steps=4"] + changed, in: folder)
        try #require(outcome.status == 0, "\(outcome.errors)")
        // A longer run has another schedule of learning rates.
        for part in ["warning: the run resumes with other settings: ", "scheduled_steps differs: 2 before, 4"] {
          #expect(outcome.errors.contains(part), "\(outcome.errors)")
        }
        if !changed.isEmpty { #expect(outcome.errors.contains(clue), "\(outcome.errors)") }
        try #require(try ComparedRuns.evaluate(arm, in: folder).status == 0)
      }
      let text = try ComparedRuns.report(in: folder)
      #expect(text.contains("E2 is not compared with E0."), "\(text)")
      #expect(text.contains("Warning: E0_seed3 was resumed with other settings: from step 2 on, \(clue)"), "\(text)")
    }
  }

  @Test func `frames that were replaced are noticed by the latents and by a matrix`() throws {
    try Fixture.within(copying: ["data"]) { folder in
      let matrix =
        ["matrix", "--output_root=matrix", "--experiments=E0", "--seeds=3", "--gpu_ids=0", "--eval.n_episodes=2"]
        + Flags.train.filter { !$0.hasPrefix("--seed") } + Flags.environment + ["--steps=2"]
      try Program.succeed(matrix, in: folder)
      let file = folder.appendingPathComponent("data/data/chunk-000/file-000.parquet")
      // Within the picture of a frame, far from the columns that are read first.
      try ComparedRuns.flip(file, at: file.bytes().count / 2)
      let training = try Program.run(["train", "--output_dir=new"] + Flags.train + Flags.world, in: folder)
      #expect(training.status == 1 && training.errors.contains("other frames in data or videos"), "\(training.errors)")
      let again = try Program.run(matrix, in: folder)
      #expect(again.status == 1 && again.errors.contains("dataset.contents_sha256"), "\(again.errors)")
    }
  }

  @Test func `latents that were replaced are noticed by their sidecar`() throws {
    try Fixture.within(copying: ["cache"]) { folder in
      let cache = folder.appendingPathComponent("cache/shapes/train_world_latents_vjepa_m2.fp16.npy")
      try ComparedRuns.flip(cache)
      for command in [["train", "--output_dir=new"] + Flags.train + Flags.world, ["doctor", cache.path]] {
        let outcome = try Program.run(command, in: folder)
        #expect(outcome.status == 1 && (outcome.errors + outcome.output).contains("is not the file that its sidecar"))
      }
    }
  }

  @Test func `seeds that were trained on other latents are no method, with or without a sidecar`() throws {
    try ComparedRuns.within(copying: ["cache"]) { folder in
      let cache = folder.appendingPathComponent("cache/shapes/train_world_latents_vjepa_m2.fp16.npy")
      try FileManager.default.removeItem(at: cache.appendingPathExtension("json"))
      // The last bit of a latent.
      try ComparedRuns.flip(cache, at: cache.bytes().count - 2)
      for arm in ["E0", "E2"] {
        let world = arm == "E0" ? [] : Flags.world
        try Program.succeed(
          ["train", "--output_dir=out/\(arm)_seed4"] + Flags.train + world + ["--steps=2", "--seed=4"], in: folder)
        try Program.succeed(
          Flags.evaluate + [
            "--policy.path=out/\(arm)_seed4/checkpoints/last/pretrained_model", "--output_dir=out/\(arm)_seed4/eval",
          ], in: folder)
      }
      try ComparedRuns.expectRefusal("latents_sha256 differs", in: folder)
    }
  }

  @Test func `a policy's record names the published weights that it started from`() throws {
    try Fixture.within(copying: ["models"]) { folder in
      func start(_ flags: [String]) throws -> (start: JSON?, backbone: JSON?) {
        try Program.succeed(
          ["train", "--output_dir=run", "--overwrite"] + Flags.train + ["--steps=1"] + flags, in: folder)
        let record = folder.appendingPathComponent("run/checkpoints/last/pretrained_model/training_record.json")
        let segment = try JSON(contentsOf: record)["segments"]?.array?.first
        return (segment?["start_sha256"], segment?["backbone_sha256"])
      }
      let scratch = try start([])
      #expect(scratch.start == .null && scratch.backbone == .null)
      let weights = try publishBackbone(in: folder)
      let published = try start(["--policy.load_vlm_weights=true"])
      let hash = try MappedFile(weights).sha256
      #expect(published.start == .null && published.backbone == .string(hash))
      let checkpoint = try start(["--policy.path=\(Flags.checkpoint)"])
      #expect(checkpoint.start?.string?.count == 64 && checkpoint.backbone == .null)
    }
  }

  /// Puts the backbone's part of the run's weights beside its configuration, as a published backbone has it.
  private func publishBackbone(in folder: URL) throws -> URL {
    let checkpoint = folder.appendingPathComponent("run/checkpoints/last/pretrained_model/model.safetensors")
    let prefix = "model.vlm_with_expert.vlm."
    var published: StateDictionary = [:]
    for (name, tensor) in try Tensor.load(checkpoint) where name.hasPrefix(prefix) {
      published[String(name.dropFirst(prefix.count))] = tensor
    }
    let weights = folder.appendingPathComponent("models/backbone/model.safetensors")
    try Tensor.save(published, to: weights)
    return weights
  }

  @Test func `latents without a sidecar do not let another encoder or window in`() throws {
    try Fixture.within(copying: ["cache"]) { folder in
      let sidecar = folder.appendingPathComponent("cache/shapes/train_world_latents_vjepa_m2.fp16.npy.json")
      try FileManager.default.removeItem(at: sidecar)
      let training = try Program.succeed(
        ["train", "--output_dir=run"] + Flags.train + Flags.world + ["--steps=2"], in: folder)
      #expect(training.errors.contains("warning: ") && training.errors.contains("has no sidecar"))
      try Program.succeed(
        [
          "scratch", "--output_dir=others", "--image_size=16", "--hidden_size=16", "--num_heads=2", "--seed=9",
          "--num_vision_layers=1", "--encoder_hidden_size=16", "--encoder_image_size=16",
        ], in: folder)
      // The same weights, used otherwise.
      try FileManager.default.copyItem(
        at: Fixture.root().appendingPathComponent("models/encoder"), to: folder.appendingPathComponent("edited"))
      try ComparedRuns.edit(folder.appendingPathComponent("edited/config.json"), "1e-06", "1e-02")
      for (flag, clue) in [
        ("--policy.world_vision_model_name=others/encoder", "was trained with another encoder"),
        (
          "--policy.world_vision_model_name=edited",
          "encoder/config.json is not the file that the policy was trained with"
        ),
        ("--policy.latent_suffix=m1", "latent_suffix"), ("--policy.context_frames=1", "context_frames"),
      ] {
        let outcome = try Program.run(
          Flags.evaluate + ["--policy.path=run/checkpoints/last/pretrained_model", "--output_dir=eval", flag],
          in: folder)
        #expect(outcome.status == 1 && outcome.errors.contains(clue), "\(outcome.errors)")
      }
    }
  }

  @Test func `start states that were taken away are missed`() throws {
    try ComparedRuns.within { folder in
      let model = folder.appendingPathComponent(ComparedRuns.model("E2"))
      try FileManager.default.removeItem(at: model.appendingPathComponent("start_states.json"))
      let outcome = try ComparedRuns.evaluate("E2", ["--seed=0"], in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("start_states.json is missing or was changed"))
    }
  }

  @Test func `a matrix does not take an evaluation that was made by hand`() throws {
    try Fixture.within { folder in
      let matrix =
        ["matrix", "--output_root=out", "--experiments=E1", "--seeds=3", "--gpu_ids=0", "--eval.n_episodes=2"]
        + (Flags.train + Flags.world).filter { !$0.hasPrefix("--seed") && !$0.hasPrefix("--policy.type") }
        + Flags.environment + ["--steps=2"]
      try Program.succeed(matrix, in: folder)
      for (flags, clue) in [
        (["--policy.world_memory_mode_rollout=pred"], "is an ablation"), (["--policy.num_steps=1"], "has num_steps 1"),
        (["--env.image_size=32"], "image_size"),
      ] {
        try #require(try ComparedRuns.evaluate("E1", flags, in: folder).status == 0)
        let outcome = try Program.run(matrix, in: folder)
        #expect(outcome.status == 1 && outcome.errors.contains(clue), "\(outcome.errors)")
      }
    }
  }

  /// The memory of rollouts follows that of training.
  @Test func `a memory of zeros is evaluated with zeros`() throws {
    try Fixture.within { folder in
      try Program.succeed(
        ["train", "--output_dir=out/E1_seed3"] + Flags.train + Flags.world
          + ["--steps=2", "--policy.world_memory_mode_train=zero"], in: folder)
      try #require(try ComparedRuns.evaluate("E1", in: folder).status == 0)
      let information = try JSON(contentsOf: folder.appendingPathComponent("out/E1_seed3/eval/eval_info.json"))
      #expect(information["protocol"]?["world_memory_mode_rollout"] == "zero")
    }
  }
}
