import Foundation
import ModelFiles
import Testing
import TestSupport

/// The runbook's commands, typed as it prints them, against a hub that serves small repositories under the published
/// names: LeRobot's and transformers' own files with random weights. Only sizes are changed, by flags after the command.
@Suite(.serialized)
struct RunbookTests {
  static let precompute = """
    lerobot-wm-precompute --dataset_name HuggingFaceVLA/libero --image_key observation.images.image --cache_dir cache \\
      --world_latents_source vjepa --temporal_window 4 --device cuda
    """
  private static let baseline = """
    lerobot-wm-train --dataset.repo_id=HuggingFaceVLA/libero --policy.path=lerobot/smolvla_base --policy.device=cuda \\
      --batch_size=64 --steps=200000 --output_dir outputs/train/libero_smolvla_baseline_seed0 --seed=0 \\
      --wandb.enable=false
    """
  static let world = """
    lerobot-wm-train --dataset.repo_id=HuggingFaceVLA/libero --policy.type=smolvla_world --policy.device=cuda \\
      --policy.init_from_policy_path=lerobot/smolvla_base --policy.dataset_repo_id=HuggingFaceVLA/libero \\
      --policy.cache_dir=cache --policy.world_latents_source=vjepa --policy.latent_suffix=m4 \\
      --policy.world_latent_dim=1024 --policy.context_frames=4 --policy.future_offset=8 --policy.lambda_world=0.2 \\
      --policy.world_memory_mode_train=pred --policy.enable_world_injection=true --batch_size=64 --steps=200000 \\
      --output_dir outputs/train/libero_smolvla_world_seed0 --seed=0 --wandb.enable=false
    """
  private static let evaluation = """
    lerobot-wm-eval --policy.path outputs/train/libero_smolvla_world_seed0/checkpoints/200000/pretrained_model \\
      --policy.device=cuda --env.type=libero --env.task=libero_spatial --eval.n_episodes=50 --eval.batch_size=10
    """
  private static let launcher =
    #"GPU_IDS="0,1,2,3" SEEDS="0 1 2" STEPS=200000 ./scripts/launch_parallel_mi300x_smolvla_world.sh"#

  static let worldSizes = ["--policy.world_latent_dim=24", "--policy.world_inject_num_heads=2"]
  private static let small = [
    "--policy.device=cpu", "--batch_size=2", "--steps=2", "--num_workers=1", "--num_compute_threads=1", "--log_freq=1",
  ]
  private static let episode = [
    "--env.task_ids=[0]", "--env.episode_length=5", "--eval.n_episodes=1", "--eval.max_episodes_rendered=0",
    "--env.observation_height=32", "--env.observation_width=32", "--num_compute_threads=1",
  ]

  @Test(arguments: ["README.md", "docs/runbook.md"]) func `is what the documentation prints`(document: String) throws {
    func words(_ text: String) -> String {
      text.replacing("\\\n", with: " ").split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let text = words(try String(contentsOf: Program.checkout.appendingPathComponent(document), encoding: .utf8))
    for command in [Self.precompute, Self.baseline, Self.world, Self.evaluation, Self.launcher] {
      let isThere = text.contains(words(command))
      #expect(isThere, "\(command)")
    }
  }

  @Test func `works as it is written, from the hub to the report`() throws {
    let folder = try RunbookFolder()
    defer { folder.remove() }

    try folder.run(Self.precompute, ["--device=cpu", "--num_compute_threads=1"])
    let latents = folder.file("cache/HuggingFaceVLA/libero/train_world_latents_vjepa_m4.fp16.npy")
    let cache = try NumpyFile(latents)
    #expect(cache.element == .float16 && cache.shape == [18, 24])
    let sidecar = try JSON(contentsOf: latents.appendingPathExtension("json"))
    #expect(sidecar["encoder"]?["name"] == "facebook/vjepa2-vitl-fpc64-256" && sidecar["temporal_window"] == 4)

    let said = try folder.run(Self.baseline, Self.small)
    // The published checkpoint names three other cameras, and other sizes of state and action.
    #expect(said.contains("camera1") && said.contains("give way to the dataset's"), "\(said)")
    try expectRun(folder.file("outputs/train/libero_smolvla_baseline_seed0"), of: "smolvla", isWorld: false)

    try folder.run(Self.world, Self.small + Self.worldSizes)
    let world = folder.file("outputs/train/libero_smolvla_world_seed0")
    try expectRun(world, of: "smolvla_world", isWorld: true)

    // Nothing large was fetched twice, and what follows needs no hub.
    let fetched = folder.hub.requests.filter { $0.hasPrefix("GET store") }
    #expect(fetched.count >= 4 && Set(fetched).count == fetched.count, "\(fetched)")
    folder.hub.stop()
    // The runbook's step, which so few steps never reach.
    try FileManager.default.createSymbolicLink(
      atPath: world.appendingPathComponent("checkpoints/200000").path, withDestinationPath: "000002")
    guard try folder.prepareLibero() else {
      let outcome = try folder.start(Self.evaluation, Self.episode).wait()
      #expect(outcome.status == 1 && outcome.errors.contains("lerobot/libero-assets"), "\(outcome.errors)")
      print("evaluation in LIBERO skipped: its scene assets are not on this machine")
      return
    }
    try folder.run(Self.evaluation, ["--policy.device=cpu", "--output_dir=outputs/eval/world"] + Self.episode)
    try expectEvaluation(folder.file("outputs/eval/world/eval_info.json"))

    // Four lanes, one seed of the three.
    try folder.run(
      Self.launcher,
      Self.small + Self.worldSizes + ["--seeds=0", "--policy.n_action_steps=5"]
        + Self.episode.filter { !$0.hasPrefix("--num") })
    let root = folder.file("outputs/train/libero_smolvla_world_parallel")
    for (name, gpu) in [("E0_seed0", 0), ("E1_seed0", 1), ("E2_seed0", 2)] {
      let log = try String(contentsOf: root.appendingPathComponent("logs/\(name).log"), encoding: .utf8)
      #expect(log.contains("(HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=\(gpu) CUDA_VISIBLE_DEVICES=\(gpu))"))
      try expectRun(
        root.appendingPathComponent(name), of: name == "E0_seed0" ? "smolvla" : "smolvla_world",
        isWorld: name != "E0_seed0")
      try expectEvaluation(root.appendingPathComponent("\(name)/eval/eval_info.json"))
    }
    #expect(root.names().contains("report.html"))
  }

  /// A finished run in LeRobot's layout that learnt from LIBERO's features.
  private func expectRun(_ run: URL, of type: String, isWorld: Bool) throws {
    let checkpoints = run.appendingPathComponent("checkpoints")
    #expect(checkpoints.names().contains("000002"))
    let last = checkpoints.appendingPathComponent("last")
    let model = Set(last.appendingPathComponent("pretrained_model").names())
    #expect(
      model.isSuperset(of: [
        "config.json", "model.safetensors", "train_config.json", "policy_preprocessor.json",
        "policy_preprocessor_step_5_normalizer_processor.safetensors", "policy_postprocessor.json",
        "policy_postprocessor_step_0_unnormalizer_processor.safetensors",
      ]), "\(model)")
    let state = Set(last.appendingPathComponent("training_state").names())
    #expect(
      state.isSuperset(of: [
        "training_step.json", "optimizer_state.safetensors", "optimizer_param_groups.json", "scheduler_state.json",
      ]), "\(state)")
    let config = try JSON(contentsOf: last.appendingPathComponent("pretrained_model/config.json"))
    #expect(config["type"]?.string == type)
    let inputs = config["input_features"]
    #expect(
      Set((inputs?.object ?? [:]).keys) == [
        "observation.images.image", "observation.images.image2", "observation.state",
      ])
    #expect(inputs?["observation.state"]?["shape"] == [8])
    #expect(config["output_features"]?["action"]?["shape"] == [7])
    let lines = try metrics(run)
    #expect(lines.count == 2 && lines.allSatisfy { $0["loss"]?.double?.isFinite == true })
    #expect((lines.last?["world_cos"] != nil) == isWorld)
  }

  private func expectEvaluation(_ file: URL) throws {
    let information = try JSON(contentsOf: file)
    #expect(information["overall"]?["n_episodes"] == 1)
    #expect(information["per_task"]?.array?.first?["task_group"] == "libero_spatial")
    #expect(information["per_task"]?.array?.first?["metrics"]?["problems"] == [nil])
  }
}

/// A machine with an empty Hugging Face cache, and a hub in its reach.
struct RunbookFolder {
  let hub: LoopbackHub
  let folder: URL
  /// Further variables of the commands' environment.
  var environment: [String: String] = [:]

  init() throws {
    hub = try LoopbackHub()
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-runbook-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try hub.add(
      .dataset, "HuggingFaceVLA/libero", folder: Checkout.tests("Program/CommandsTests/Goldens/libero"),
      tags: ["v3.0"])
    try hub.add(
      .model, "facebook/vjepa2-vitl-fpc64-256",
      folder: Checkout.tests("Policies/WorldModalityTests/Goldens/vjepa2_single"))
    // The published checkpoint's backbone is a repository of its own; the golden carries it inside.
    let name = "SmolVLM2-500M-Video-Instruct"
    let base = Checkout.tests("Policies/WorldModalityTests/CheckpointGoldens/smolvla_base")
    try hub.add(.model, "HuggingFaceTB/\(name)", folder: base.appendingPathComponent(name))
    var files: [String: Data] = [:]
    for file in base.names() where file != name && file != "numbers.safetensors" {
      var content = try base.appendingPathComponent(file).bytes()
      if file.hasSuffix(".json") {
        let text = String(decoding: content, as: UTF8.self).replacing("\"\(name)\"", with: "\"HuggingFaceTB/\(name)\"")
        content = Data(text.utf8)
      }
      files[file] = content
    }
    hub.add(.model, "lerobot/smolvla_base", files: files)
  }

  func remove() {
    hub.stop()
    try? FileManager.default.removeItem(at: folder)
  }

  func file(_ path: String) -> URL { folder.appendingPathComponent(path) }

  func start(_ command: String, _ flags: [String]) throws -> Program.Running {
    let home = file("huggingface").path
    return try Program.shell(
      command + #" "$@""#, ["runbook"] + flags, in: folder,
      environment: [
        "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "", "HF_HOME": home, "HF_HUB_CACHE": home + "/hub",
        "TRANSFORMERS_CACHE": home + "/hub", "HF_LEROBOT_HOME": "", "HF_TOKEN": "", "MUJOCO_GL": "osmesa",
        "LIBERO_CONFIG_PATH": file("libero").path,
      ].merging(environment) { $1 })
  }

  /// Runs a command to its successful end and gives what it said.
  @discardableResult
  func run(_ command: String, _ flags: [String]) throws -> String {
    let outcome = try start(command, flags).wait()
    try #require(outcome.status == 0, "\(command): \(outcome.errors)")
    return outcome.errors
  }

  /// Names LIBERO's assets in its `config.yaml`; false where this machine has none.
  func prepareLibero() throws -> Bool {
    guard let assets = LiberoAssetFolder.url else { return false }
    try FileManager.default.createDirectory(at: file("libero"), withIntermediateDirectories: true)
    try "assets: \(assets.path)\n".write(to: file("libero/config.yaml"), atomically: true, encoding: .utf8)
    return true
  }
}
