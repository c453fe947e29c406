import Foundation
import LayeredSettings
import OrderedCollections
import PolicyTraining
import PretrainedPolicies
import SmolVLA
import WorldModality

/// LeRobot's `TrainPipelineConfig`, as far as it applies.
struct TrainSettings: ConfigurationSection {
  @Setting("output_dir", help: "folder of the run; default outputs/train/DATE/TIME_JOB") var outputDirectory: String?
  @Setting("job_name", help: "name of the run; default the types of environment and policy") var jobName: String?
  @Setting("resume", help: "resume from the last checkpoint in --output_dir") var resumes = false
  @Setting("overwrite", owner: .program, help: "replace the run in --output_dir") var overwrites = false
  @Setting("seed", in: 0...1 << 53, help: "random seed") var seed = 1000
  @Setting("num_workers", in: 0...256, help: "threads that load and decode; does not change results") var workers = 4
  @Setting(
    "num_compute_threads", in: 0...4096, owner: .program, help: "threads of one CPU operation; 0 takes all cores")
  var computeThreads = 0
  @Setting("batch_size", in: 1...1 << 20, help: "samples per update") var batchSize = 8
  @Setting("steps", in: 1...1 << 40, help: "updates in total") var steps = 100_000
  @Setting(
    "eval_freq", in: -1...1 << 40, owner: .program,
    help: "steps between evaluations in --env.type; 0 for none (LeRobot 0.6 calls it env_eval_freq)")
  var evaluationFrequency = 20_000
  @Setting(
    "eval_steps", in: 0...1 << 40, owner: .program, help: "steps between measurements of the held-out loss; 0 for none")
  var heldOutFrequency = 0
  @Setting(
    "max_eval_samples", in: 0...1 << 40, owner: .program,
    help: "frames that the held-out loss is measured on, equally many of each task; 0 for all that are held out")
  var heldOutSamples = 0
  @Setting("log_freq", in: 1...1 << 40, help: "steps between log lines") var logFrequency = 200
  @Setting("save_checkpoint", help: "whether to write checkpoints") var savesCheckpoint = true
  @Setting("save_freq", in: -1...1 << 40, help: "steps between checkpoints; 0 saves the last step only")
  var saveFrequency = 20_000
  @Setting(
    "keep_last_checkpoints", in: 0...1 << 40, owner: .program,
    help: "newest checkpoints that stay on the disk; 0 for all")
  var keptCheckpoints = 0
  @Setting(
    "keep_best_checkpoints", in: 0...1 << 40, owner: .program,
    help: "and how many of the others: the best by success in --env.type, else by the held-out loss")
  var bestCheckpoints = 0
  @Setting(
    "save_checkpoint_to_hub", owner: .program,
    help: "upload each checkpoint to --policy.repo_id, which --resume --config_path=REPO_ID resumes")
  var uploadsCheckpoints = false
  @Setting(
    "checkpoint_mirror", owner: .program,
    help: "folder on another disk: each checkpoint and the log are copied to NAME_OF_THE_RUN in it; --resume finds them"
  )
  var checkpointMirror: String?
  @Setting("tolerance_s", in: 0...1e9, help: "seconds that a frame may deviate from its timestamp") var tolerance = 1e-4
  @Setting("profile", owner: .program, help: Profile.help("updates")) var profile: String?
  @Setting(
    "feature_cache_dir", owner: .program,
    help:
      "folder that keeps what the frozen vision tower gives for each frame, so that it is computed once; null for none")
  var featureCacheDirectory: String?
  @Setting("rename_map", help: renameMapHelp("the dataset's")) var renameMap: OrderedDictionary<String, String> = [:]
  @SettingsGroup("dataset") var dataset = DatasetSettings()
  @SettingsGroup(
    "env", title: "EnvConfig", help: "environment to evaluate in while training; null for none",
    of: EnvironmentSettings.kinds) var environment: EnvironmentSettings?
  @SettingsGroup("policy", title: "PreTrainedConfig", help: "kind of policy", of: PolicySettings.kinds) var policy =
    PolicySettings.smolvla(SmolVLAConfiguration())
  @Setting(
    "use_policy_training_preset", help: "use the policy's optimizer_… and scheduler_…; false uses the sections below")
  var usesPolicyPreset = true
  @SettingsGroup("optimizer", title: "OptimizerConfig", help: "kind of optimizer", of: OptimizerSettings.kinds)
  var optimizer: OptimizerSettings?
  @SettingsGroup("scheduler", title: "LRSchedulerConfig", help: "kind of schedule", of: SchedulerSettings.kinds)
  var scheduler: SchedulerSettings?
  @SettingsGroup("eval") var evaluation = TrainingEvaluationSection()
  @SettingsGroup("wandb") var wandb = WandBSection()
  @SettingsGroup("peft") var adapter: AdapterSettings?
  @SettingsGroup("accelerator") var accelerator = AcceleratorSettings()
  @SettingsGroup("ema") var average = WeightAverageSettings()
  @SettingsGroup var compatibility = LeRobotTrainingCompatibilitySettings()
  /// The checkpoint whose `train_config.json` a resumed run was given; the newest where it was given none.
  var checkpoint: URL?

  static let title = "TrainPipelineConfig"

  func validate() throws(ConfigurationError) {
    guard heldOutFrequency == 0 || dataset.heldOutFraction > 0 else {
      throw ConfigurationError(
        "eval_steps", "needs episodes to measure the loss on; hold some out, as with --dataset.eval_split=0.1")
    }
    try requireMeasuredBest()
    guard !uploadsCheckpoints || (savesCheckpoint && policy.smolvla.compatibility.repoID != nil) else {
      throw ConfigurationError(
        "save_checkpoint_to_hub", "needs --policy.repo_id=OWNER/NAME, and checkpoints (--save_checkpoint=true)")
    }
    guard steps.isMultiple(of: accelerator.accumulation.steps) else {
      throw ConfigurationError(
        "steps",
        "expected a multiple of --accelerator.gradient_accumulation.steps=\(accelerator.accumulation.steps), "
          + "found \(steps)")
    }
    guard !resumes || outputDirectory != nil else { throw ConfigurationError("output_dir", "is needed with --resume") }
    guard usesPolicyPreset || (optimizer != nil && scheduler != nil) else {
      throw ConfigurationError(
        "use_policy_training_preset",
        "false needs both sections: --optimizer.type=adamw and --scheduler.type=cosine_decay_with_warmup")
    }
    guard !dataset.repoID.isEmpty || dataset.root != nil else {
      throw ConfigurationError("dataset.repo_id", "is needed, or --dataset.root")
    }
  }
}

extension TrainSettings {
  /// Refuses to keep the best of what is all kept, or never measured.
  private func requireMeasuredBest() throws(ConfigurationError) {
    guard bestCheckpoints > 0 else { return }
    guard keptCheckpoints > 0 else {
      throw ConfigurationError(
        "keep_best_checkpoints", "has no effect while all are kept; give --keep_last_checkpoints=1 or more")
    }
    guard heldOutFrequency > 0 || (environment != nil && evaluationFrequency > 0) else {
      throw ConfigurationError(
        "keep_best_checkpoints",
        "needs measurements: give --env.type and --eval_freq, or --dataset.eval_split and --eval_steps")
    }
  }

  /// The sections, where they count and are there; else the policy's preset.
  var optimization: Optimization {
    guard !usesPolicyPreset, let optimizer, let scheduler else { return Optimization(presetOf: policy.smolvla) }
    return Optimization(optimizer, scheduler)
  }

  /// The run's name, LeRobot's where none is given.
  var name: String { jobName ?? ((environment.map { [$0.type] } ?? []) + [policy.type]).joined(separator: "_") }

  /// The checkpoints that are still to come after a step.
  func checkpointCount(after step: Int = 0) -> Int {
    guard savesCheckpoint, step < steps else { return 0 }
    let count = saveFrequency > 0 ? (steps - step + saveFrequency - 1) / saveFrequency : 1
    return min(count, training.retention.most ?? count)
  }

  /// What the training loop takes of these settings.
  var training: TrainingSettings {
    let optimization = optimization
    var training = TrainingSettings(schedule: optimization.cosine(steps: steps))
    training.steps = steps
    training.batchSize = batchSize
    training.logFrequency = logFrequency
    training.saveFrequency = saveFrequency
    training.evaluationFrequency = evaluationFrequency
    training.heldOutFrequency = heldOutFrequency
    training.savesCheckpoints = savesCheckpoint
    (training.retention.newest, training.retention.best) = (keptCheckpoints, bestCheckpoints)
    training.batchesPerUpdate = accelerator.accumulation.steps
    training.average = average
    training.seed = seed
    training.optimizer = optimization.adamW
    return training
  }
}
