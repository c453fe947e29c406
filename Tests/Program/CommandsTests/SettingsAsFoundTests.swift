import Foundation
import LayeredSettings
import ModelFiles
import OrderedCollections
import RobotPolicies
import Testing

@testable import Commands

/// Files of settings and flags as LeRobot's users have them, of its versions 0.3 to 0.6.
struct SettingsAsFoundTests {
  /// What `train` makes of a file's text.
  private func train(_ text: String, _ flags: String...) throws -> Configured<TrainSettings> {
    try within(text) { file in
      var configured = Configured<TrainSettings>()
      var arguments = Arguments(["--config_path=\(file.path)"] + flags)
      try TrainCommand.layers(&configured, &arguments)
      try configured.apply(arguments, foreign: TrainCommand.foreignSettings)
      return configured
    }
  }

  private func within<Value>(_ text: String, _ body: (URL) throws -> Value) throws -> Value {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("wm-settings-\(UUID().uuidString).json")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file)
  }

  @Test(arguments: [
    (#"{"batch_sise":2}"#, "batch_sise", "batch_size"),
    (#"{"dataset":{"episods":[0]}}"#, "dataset.episods", "episodes"),
    (#"{"policy":{"type":"smolvla","optimizer_Ir":0.5}}"#, "policy.optimizer_Ir", "optimizer_lr"),
    (#"{"eval":{"n_episode":1}}"#, "eval.n_episode", "n_episodes"),
    (#"{"env":{"type":"libero","task_id":[0]}}"#, "env.task_id", "task_ids"),
    (#"{"prefetch_facter":4}"#, "prefetch_facter", "prefetch_factor"),
  ])
  func `a mistyped key of a file is an error with the nearest name`(text: String, key: String, name: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try train(text) }
    let sentence = error?.description ?? ""
    #expect(sentence.contains("json: \(key): ") && sentence.contains(name), "\(sentence)")
    let evaluated = ["eval.", "env.", "policy."].contains { key.hasPrefix($0) }
    guard evaluated else { return }
    try within(text) { file in
      let error = #expect(throws: ConfigurationError.self) {
        try EvalCommand.settings(from: Arguments(["--config_path=\(file.path)"]).flags)
      }
      #expect(error?.description.contains(key) == true)
    }
  }

  @Test func `what LeRobot 0.6 writes by default is read without a word`() throws {
    let configured = try train(
      """
      {"cudnn_deterministic": false, "prefetch_factor": 4, "persistent_workers": true, "eval_steps": 0,
      "dataloader_multiprocessing_context": "spawn", "env_eval_freq": 20000, "max_eval_samples": 0,
      "save_checkpoint_to_hub": false, "sample_weighting": null, "reward_model": null, "checkpoint_path": null,
      "job": {"target": null, "image": "huggingface/lerobot-gpu:latest", "timeout": "2d", "detach": false, "tags": []},
      "dataset": {"repo_id": "a/b", "repo_type": "dataset", "return_uint8": false, "depth_output_unit": "mm",
      "eval_split": 0.0}, "wandb": {"add_tags": true},
      "eval": {"n_episodes": 50, "recording": false, "recording_repo_id": null, "recording_private": false},
      "env": {"type": "libero", "fps": 20, "obs_type": "pixels_agent_pos", "render_mode": "rgb_array", "init_states": true,
      "camera_name": "agentview_image,robot0_eye_in_hand_image", "hard_reset": true, "camera_name_mapping": null,
      "is_libero_plus": false, "features": {"action": {}}, "features_map": {"action": "action"}, "max_parallel_tasks": 1,
      "disable_env_checker": true}, "policy": {"type": "smolvla", "pretrained_revision": null}}
      """)
    #expect(configured.withoutEffect.isEmpty, "\(configured.withoutEffect)")
    // They are written again, for LeRobot.
    #expect(configured.json["prefetch_factor"] == 4 && configured.json["env"]?["fps"] == 20)
  }

  @Test func `settings of LeRobot's that ask for what is not done here are listed`() throws {
    let configured = try train(
      #"{"sample_weighting":{"type":"rabc"},"accelerator":{"mixed_precision":"bf16"},"persistent_workers":false}"#)
    #expect(
      configured.withoutEffect == [#"sample_weighting={"type": "rabc"}"#, #"accelerator.mixed_precision="bf16""#])
  }

  @Test func `as many environments play side by side as asked for, and by LeRobot's rule where none are`() throws {
    let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    // LeRobot: min(max(1, floor(0.7 cores)), n_episodes, 64); here two at least.
    let automatic = min(max(2, cores * 7 / 10), 64)
    for (flags, count) in [
      (["--eval.n_episodes=500"], automatic), (["--eval.n_episodes=500", "--eval.batch_size=0"], automatic),
      (["--eval.n_episodes=1"], 1), (["--eval.n_episodes=500", "--eval.batch_size=90"], 90),
      (["--eval.n_episodes=3", "--eval.batch_size=90"], 3),
    ] {
      var configured = Configured<EvalCommand.Settings>()
      try configured.apply(Arguments(flags))
      #expect(configured.value.evaluation.lerobot.environments == count, "\(flags)")
    }
  }

  @Test func `evaluations while training are asked for under both versions' names`() throws {
    #expect(try train(#"{"env_eval_freq":7}"#).value.evaluationFrequency == 7)
    #expect(try train(#"{"eval_freq":5}"#).value.evaluationFrequency == 5)
    #expect(try train("{}", "--env_eval_freq=9").value.evaluationFrequency == 9)
    #expect(try train(#"{"env_eval_freq":7}"#, "--eval_freq=3").value.evaluationFrequency == 3)
  }

  @Test func `a seed of null gives way to the default, or to the flag`() throws {
    #expect(try train(#"{"seed":null}"#).value.seed == TrainSettings().seed)
    #expect(try train(#"{"seed":null}"#, "--seed=3").value.seed == 3)
    try within(#"{"seed":null}"#) { file in
      let flags = Arguments(["--config_path=\(file.path)", "--env.type=shapes"]).flags
      let seed = try EvalCommand.settings(from: flags).seed
      #expect(seed == EvalCommand.Settings().seed)
    }
  }

  @Test func `LIBERO runs at the rate of the file's version`() throws {
    func rate(_ environment: String) throws -> Int? {
      guard case .libero(let section)? = try train(#"{"env":\#(environment)}"#).value.environment else { return nil }
      return section.framesPerSecond
    }
    // Version 0.4.4 writes 30, and steps at 20.
    #expect(try rate(#"{"type":"libero","fps":30}"#) == 20)
    #expect(try rate(#"{"type":"libero","fps":10,"hard_reset":true}"#) == 10)
  }

  @Test func `LIBERO's images have the size that the policy was trained on, unless flags say otherwise`() throws {
    func shown(
      _ shapes: [String: [Int]], _ change: (inout LiberoSection) -> Void = { _ in }
    ) -> (size: [Int?], notice: String?, record: JSON) {
      var section = LiberoSection()
      change(&section)
      let inputs = PolicyFeatures(
        uniqueKeysWithValues: shapes.map { ("observation.images.\($0.key)", PolicyFeature(.visual, $0.value)) })
      let found = section.showing(inputs, renaming: ["observation.images.image2": "observation.images.wrist"])
      return ([found.section.height, found.section.width], found.notice, found.section.recorded)
    }
    let trained = shown(["image": [3, 360, 360], "wrist": [3, 360, 360], "empty_camera_0": [3, 480, 640]])
    #expect(trained.size == [360, 360] && trained.record["observation_height"] == 360)
    #expect(trained.notice?.contains("360 × 360, as the policy was trained on") == true)
    #expect(trained.record["fps"] == nil && trained.record["task"] == "libero_10")
    #expect(shown(["image": [3, 128, 96]]).size == [128, 96])
    let mixed = shown(["image": [3, 360, 360], "wrist": [3, 256, 256]])
    #expect(mixed.size == [256, 256] && mixed.notice?.contains("no one size") == true)
    #expect(shown([:]).size == [256, 256])
    let given = shown(["image": [3, 360, 360]]) { ($0.height, $0.width) = (64, 32) }
    #expect(given.size == [64, 32] && given.notice == nil)
    let renamed = shown(["front": [3, 200, 200]]) { $0.cameraNameMapping = ["agentview_image": "front"] }
    #expect(renamed.size == [200, 200] && renamed.record["camera_name_mapping"] != nil)
  }

  @Test func `LeRobot's flags of LIBERO are taken where they say what is done anyway`() throws {
    func settings(_ flags: String...) throws -> EvalCommand.Settings {
      try EvalCommand.settings(from: Arguments(["--env.type=libero"] + flags).flags)
    }
    let usual = [
      "--env.max_parallel_tasks=1", "--env.obs_type=pixels_agent_pos", "--env.fps=20", "--env.init_states=true",
      "--env.camera_name_mapping={\"agentview_image\": \"image\", \"robot0_eye_in_hand_image\": \"image2\"}",
    ]
    for flag in usual { _ = try settings(flag) }
    _ = try settings("--env.max_parallel_tasks=4")
    let error = #expect(throws: ConfigurationError.self) { try settings("--env.is_libero_plus=true") }
    #expect(error?.description.contains("is known and not supported") == true, "\(error?.description ?? "")")
    for (flag, words) in [
      ("--env.obs_type=pixels", "expected pixels_agent_pos"), ("--env.fps=30", "LeRobot 0.4 has 30 and steps at 20"),
      ("--env.hard_reset=false", "leave it at true"),
      ("--env.camera_name=agentview_image", "expected agentview_image,"),
      ("--env.camera_name_mapping={\"agentview_image\": \"image2\"}", "expected two different names"),
      ("--env.camera_name_mapping={\"front\": \"image\"}", "found front"), ("--env.observation_width=8", "16 to 1024"),
    ] {
      let error = #expect(throws: ConfigurationError.self) { try settings(flag) }
      #expect(error?.description.contains(words) == true, "\(flag): \(error?.description ?? "")")
    }
  }
}
