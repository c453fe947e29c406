import ModelFiles

/// What records and settings hold that changes no result, kept once for everyone who compares them.
public enum IncidentalEntries {
  /// When, where and by whom something was run. What matters of the variables and the folders has entries of its own.
  private static let circumstances = ["command_line", "working_directory", "date", "variables", "folders"]
  /// The machine and the program, whose results should be equal but need not be.
  public static let machine = ["program", "versions", "hardware", "device"]

  /// Training with features from a cache is bit-equal to training without.
  private static let keptFeatures = ["image_features"]

  /// Of an evaluation that is run again: an episode is the same however many are played at once, unless memories are
  /// exchanged between the episodes that play side by side.
  public static func ofRepeatedEvaluation(_ manifest: JSON) -> [String] {
    let always = circumstances + ["compute_threads", "policy_path"]
    return manifest["world_memory_mode_rollout"] == "shuffle" ? always : always + ["batch_size"]
  }

  /// Of an evaluation that is resumed; these two are known only when it ends.
  public static func ofResumedEvaluation(_ manifest: JSON) -> [String] {
    ofRepeatedEvaluation(manifest) + ["renderer", "dropped_memories"]
  }

  private static let ofAllEvaluations =
    circumstances + ["batch_size", "compute_threads", "policy_path", "dropped_memories"]
  /// Of evaluations that are compared: the weights, in which compared policies differ.
  static let ofEvaluation =
    ofAllEvaluations + [
      "step", "model_sha256", "sha256.model.safetensors", "sha256.adapter_model.safetensors",
      "sha256.adapter_config.json", "sha256.config.json", "sha256.world_latents.json", "sha256.training_record.json",
    ]
  /// Of the rollouts of one checkpoint under ablations; the weights are not among them.
  static let ofAblations =
    ofAllEvaluations + [
      "ablation", "world_memory_mode_rollout", "world.world_memory_mode_rollout", "sha256.encoder",
      "sha256.encoder/config.json",
    ]

  /// Of training runs that are compared.
  static let ofTraining = circumstances + keptFeatures
  /// Of a training run that is resumed, perhaps on another machine.
  ///
  /// The processors' steps follow from their files; earlier versions did not note them.
  public static let ofResumedTraining = circumstances + machine + keptFeatures + ["first_step", "processor_steps"]
  /// Settings of a training run.
  public static let ofTrainingSettings = [
    "seed", "output_dir", "job_name", "resume", "overwrite", "num_workers", "num_compute_threads", "feature_cache_dir",
    "log_freq", "save_freq", "eval_freq", "eval_steps", "max_eval_samples",
    "keep_last_checkpoints", "keep_best_checkpoints", "wandb", "checkpoint_mirror",
    "policy.device", "dataset.image_memory_in_mb",
  ]

  /// Entries in which the arms of an experiment differ by design.
  static let ofArms = [
    "policy_type", "world", "world_memory_mode_rollout", "sha256.encoder", "sha256.encoder/config.json",
    "latents_sha256",
    "encoder_config_sha256",
  ]
}
