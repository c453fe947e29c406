import Foundation
import ModelFiles
import OrderedCollections

/// A run's settings as two files: `train_config.json` with what LeRobot 0.4.4 has, whose parser refuses any other key,
/// and `lerobot_wm.json` beside it with the rest.
struct TrainConfigurationFiles {
  /// The file beside `train_config.json`.
  static let ownName = "lerobot_wm.json"

  let leRobots, own: JSON

  /// Splits settings.
  init(_ settings: JSON) {
    var (theirs, own): (OrderedDictionary<String, JSON>, OrderedDictionary<String, JSON>) = ([:], [:])
    Self.split(settings.object ?? [:], below: "", Self.names(of: settings), &theirs, &own)
    (leRobots, self.own) = (.object(theirs), .object(own))
  }

  /// The settings that `file` and the file beside it give together.
  ///
  /// - Parameter file: `train_config.json`, a folder that holds it, or any other JSON file of settings.
  static func read(_ file: URL) throws -> JSON {
    let settings = try JSON(contentsOf: file)
    let beside = file.deletingLastPathComponent().appendingPathComponent(ownName)
    guard file.lastPathComponent == "train_config.json", FileManager.default.fileExists(atPath: beside.path) else {
      return settings
    }
    return merged(settings, try JSON(contentsOf: beside))
  }

  private static func merged(_ base: JSON, _ top: JSON) -> JSON {
    guard let members = base.object, let others = top.object else { return top }
    return .object(members.merging(others, uniquingKeysWith: merged))
  }

  private static func split(
    _ members: OrderedDictionary<String, JSON>, below path: String, _ names: Set<String>,
    _ theirs: inout OrderedDictionary<String, JSON>, _ own: inout OrderedDictionary<String, JSON>
  ) {
    for (key, value) in members {
      let place = path + key
      if names.contains(place), value != .null || !needed.contains(place) {
        theirs[key] = value
      } else if let inner = value.object, names.contains(where: { $0.hasPrefix(place + ".") }) {
        var (below, beside): (OrderedDictionary<String, JSON>, OrderedDictionary<String, JSON>) = ([:], [:])
        split(inner, below: place + ".", names, &below, &beside)
        theirs[key] = .object(below)
        if !beside.isEmpty { own[key] = .object(beside) }
      } else {
        own[key] = value
      }
    }
  }

  /// What LeRobot does not take for null, though it may be so here.
  private static let needed: Set = ["dataset.video_backend", "policy.resize_imgs_with_padding"]

  /// The settings that LeRobot has, by their dotted names.
  private static func names(of settings: JSON) -> Set<String> {
    var names = sections
    switch settings["policy"]?["type"]?.string {
    case "smolvla": names.formUnion(policy.map { "policy.\($0)" })
    // LeRobot has no such policy; the file is then for this program alone.
    default: names.insert("policy")
    }
    if settings["env"] == .null { names.insert("env") }
    if settings["env"]?["type"] == "libero" { names.formUnion(libero.map { "env.\($0)" }) }
    return names
  }

  private static let sections: Set = [
    "dataset.repo_id", "dataset.root", "dataset.episodes", "dataset.image_transforms", "dataset.revision",
    "dataset.use_imagenet_stats", "dataset.video_backend", "dataset.streaming", "output_dir", "job_name", "resume",
    "seed", "num_workers", "batch_size", "steps", "eval_freq", "log_freq", "tolerance_s", "save_checkpoint",
    "save_freq", "use_policy_training_preset", "optimizer", "scheduler", "eval.n_episodes", "eval.batch_size",
    "eval.use_async_envs", "wandb.enable", "wandb.disable_artifact", "wandb.project", "wandb.entity", "wandb.notes",
    "wandb.run_id", "wandb.mode", "peft", "use_rabc", "rabc_progress_path", "rabc_kappa", "rabc_epsilon",
    "rabc_head_mode", "rename_map", "checkpoint_path",
  ]

  private static let policy = [
    "type", "n_obs_steps", "input_features", "output_features", "device", "use_amp", "use_peft", "push_to_hub",
    "repo_id", "private", "tags", "license", "pretrained_path", "chunk_size", "n_action_steps",
    "normalization_mapping", "max_state_dim", "max_action_dim", "resize_imgs_with_padding", "empty_cameras",
    "adapt_to_pi_aloha", "use_delta_joint_actions_aloha", "tokenizer_max_length", "num_steps", "use_cache",
    "freeze_vision_encoder", "train_expert_only", "train_state_proj", "optimizer_lr", "optimizer_betas",
    "optimizer_eps", "optimizer_weight_decay", "optimizer_grad_clip_norm", "scheduler_warmup_steps",
    "scheduler_decay_steps", "scheduler_decay_lr", "vlm_model_name", "load_vlm_weights", "add_image_special_tokens",
    "attention_mode", "prefix_length", "pad_language_to", "num_expert_layers", "num_vlm_layers",
    "self_attn_every_n_layers", "expert_width_multiplier", "min_period", "max_period", "rtc_config", "compile_model",
    "compile_mode",
  ]

  private static let libero = [
    "type", "task", "task_ids", "fps", "episode_length", "obs_type", "render_mode", "camera_name", "init_states",
    "camera_name_mapping", "observation_height", "observation_width", "features", "features_map", "control_mode",
    "max_parallel_tasks", "disable_env_checker",
  ]
}
