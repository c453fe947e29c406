import LayeredSettings
import ModelFiles

/// LeRobot's settings, of its versions 0.3 to 0.6 and of its main branch, that this program does not have, with the values
/// at which both do the same.
enum LeRobotSettings {
  static let ofTraining =
    [
      ForeignSetting("checkpoint_path", nil), ForeignSetting("cudnn_deterministic", [false]),
      ForeignSetting("prefetch_factor", [4, 2]), ForeignSetting("persistent_workers", [true, false]),
      ForeignSetting("dataloader_multiprocessing_context", ["spawn", "fork"]),
      ForeignSetting("job", [job]), ForeignSetting("reward_model", changesResults: true),
      ForeignSetting("sample_weighting", changesResults: true),
      ForeignSetting("parallelism"), ForeignSetting("checkpoint_format"),
      ForeignSetting("accelerator.mixed_precision", ["no"], changesResults: true),
      ForeignSetting("accelerator.fsdp"), ForeignSetting("accelerator.ddp"), ForeignSetting("accelerator.compile"),
      ForeignSetting("accelerator.activation_checkpointing"),
      ForeignSetting("dataset.repo_type", ["dataset"]), ForeignSetting("dataset.return_uint8", [false, true]),
      ForeignSetting("dataset.depth_output_unit", ["mm", "m"]),
      ForeignSetting("wandb.add_tags", [true]),
      // Evaluations while training record nothing there either.
      ForeignSetting("eval.recording", [false]), ForeignSetting("eval.recording_repo_id"),
      ForeignSetting("eval.recording_private", [false]),
    ] + ofEvaluation

  static let ofEvaluation =
    [
      ForeignSetting("policy.pretrained_revision"), ForeignSetting("trust_remote_code", [false]),
    ] + ofEnvironments

  private static let ofEnvironments = [
    ForeignSetting("env.render_mode", ["rgb_array"]),
    ForeignSetting("env.is_libero_plus", [false], changesResults: true),
    ForeignSetting("env.features", nil), ForeignSetting("env.features_map", nil),
    // All tasks' episodes are in one queue, whose results do not depend on how many run at once.
    ForeignSetting("env.max_parallel_tasks", nil), ForeignSetting("env.disable_env_checker", [true, false]),
    // What an environment of another kind has.
    ForeignSetting("env.fps", nil), ForeignSetting("env.obs_type", nil),
  ]

  /// A file's settings as this program means them: LeRobot 0.4.4, which has no `hard_reset`, says that LIBERO runs at 30 Hz
  /// and steps it at 20 all the same.
  static func adopted(_ settings: JSON) -> JSON {
    guard let environment = settings["env"], environment["type"] == "libero", environment["hard_reset"] == nil,
      environment["fps"]?.double == 30, var members = settings.object
    else { return settings }
    members["env"] = environment.without(["fps"])
    return .object(members)
  }

  private static let job: JSON = [
    "target": nil, "image": "huggingface/lerobot-gpu:latest", "timeout": "2d", "detach": false, "tags": [],
  ]
}
