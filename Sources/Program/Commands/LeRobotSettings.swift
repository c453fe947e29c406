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

  /// Version 0.4.4 has an `fps` of 30 and steps LIBERO at 20 Hz all the same.
  private static let ofEnvironments = [
    ForeignSetting("env.fps", [20, 30], changesResults: true),
    ForeignSetting("env.obs_type", ["pixels_agent_pos"], changesResults: true),
    ForeignSetting("env.render_mode", ["rgb_array"]),
    ForeignSetting("env.camera_name", ["agentview_image,robot0_eye_in_hand_image"], changesResults: true),
    ForeignSetting("env.init_states", [true], changesResults: true),
    ForeignSetting(
      "env.camera_name_mapping", [["agentview_image": "image", "robot0_eye_in_hand_image": "image2"]],
      changesResults: true),
    ForeignSetting("env.hard_reset", [true], changesResults: true),
    ForeignSetting("env.is_libero_plus", [false], changesResults: true),
    ForeignSetting("env.features", nil), ForeignSetting("env.features_map", nil),
    ForeignSetting("env.max_parallel_tasks", [1]), ForeignSetting("env.disable_env_checker", [true, false]),
  ]

  private static let job: JSON = [
    "target": nil, "image": "huggingface/lerobot-gpu:latest", "timeout": "2d", "detach": false, "tags": [],
  ]
}
