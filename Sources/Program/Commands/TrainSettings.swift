import Foundation
import LayeredSettings
import OrderedCollections
import PolicyTraining
import PretrainedPolicies
import SmolVLA
import WorldModality

/// LeRobot's `TrainPipelineConfig`, as far as it applies.
struct TrainSettings: ConfigurationSection {
  var dataset = DatasetSettings()
  var environment: EnvironmentSettings?
  var policy = PolicySettings.smolvla(SmolVLAConfiguration())
  var outputDirectory: String?
  var jobName: String?
  var resumes = false
  var overwrites = false
  var seed = 1000
  var workers = 4
  var computeThreads = 0
  var batchSize = 8
  var steps = 100_000
  var evaluationFrequency = 20_000
  var logFrequency = 200
  var savesCheckpoint = true
  var saveFrequency = 20_000
  var tolerance = 1e-4
  var renameMap: OrderedDictionary<String, String> = [:]
  var evaluation = TrainingEvaluationSection()
  var wandb = WandBSection()
  var usesPolicyPreset = true
  var optimizer: OptimizerSettings?
  var scheduler: SchedulerSettings?
  var inert = InertTrainSettings()
  /// The checkpoint whose `train_config.json` a resumed run was given; the newest where it was given none.
  var checkpoint: URL?

  static let title = "TrainPipelineConfig"
  static var fields: [Field<Self>] {
    [
      .init("output_dir", \.outputDirectory, help: "where the run goes; else outputs/train/DATE/TIME_JOB"),
      .init("job_name", \.jobName, help: "the run's name; else the types of environment and policy"),
      .init("resume", \.resumes, help: "continue from the last checkpoint in --output_dir"),
      .init("overwrite", \.overwrites, owner: .program, help: "replace the run that lies in --output_dir"),
      .init("seed", \.seed, help: "everything drawn follows from it"),
      .init("num_workers", \.workers, help: "threads that load and decode; changes no result"),
      .init(
        "num_compute_threads", \.computeThreads, owner: .program,
        help: "threads of one CPU operation; 0 takes all cores"),
      .init("batch_size", \.batchSize, help: "samples of one update"),
      .init("steps", \.steps, help: "updates in all"),
      .init("eval_freq", \.evaluationFrequency, help: "steps between evaluations in --env.type; 0 for none"),
      .init("log_freq", \.logFrequency, help: "steps between log lines"),
      .init("save_checkpoint", \.savesCheckpoint, help: "whether to write checkpoints"),
      .init("save_freq", \.saveFrequency, help: "steps between checkpoints"),
      .init("tolerance_s", \.tolerance, help: "seconds that a frame of the dataset may lie off its time"),
      .init("rename_map", \.renameMap, help: renameMapHelp("the dataset's")),
      .section("dataset", \.dataset),
      .optionalChoice(
        "env", \.environment, title: "EnvConfig", help: "environment to evaluate in while training; null for none",
        of: EnvironmentSettings.choices),
      .choice("policy", \.policy, title: "PreTrainedConfig", help: "kind of policy", of: PolicySettings.choices),
      .init(
        "use_policy_training_preset", \.usesPolicyPreset,
        help: "the policy's own optimizer_… and scheduler_… hold; false: the sections below"),
      .choice(
        "optimizer", \.optimizer, title: "OptimizerConfig", help: "kind of optimizer", of: OptimizerSettings.choices),
      .choice(
        "scheduler", \.scheduler, title: "LRSchedulerConfig", help: "kind of schedule", of: SchedulerSettings.choices),
      .section("eval", \.evaluation),
      .section("wandb", \.wandb),
      .embedded(\.inert),
    ]
  }

  func validate() throws(ConfigurationError) {
    for (name, value) in [
      ("batch_size", batchSize), ("steps", steps), ("log_freq", logFrequency), ("save_freq", saveFrequency),
    ]
    where value < 1 {
      throw ConfigurationError(name, "expected an integer from 1, found \(value)")
    }
    guard workers >= 0, computeThreads >= 0 else { throw ConfigurationError("num_workers", "expected 0 or more") }
    guard tolerance >= 0 else { throw ConfigurationError("tolerance_s", "expected 0 or more, found \(tolerance)") }
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
  /// The sections, where they count and are there; else the policy's preset.
  var optimization: Optimization {
    guard !usesPolicyPreset, let optimizer, let scheduler else { return Optimization(presetOf: policy.smolvla) }
    return Optimization(optimizer, scheduler)
  }

  /// The run's name, LeRobot's where none is given.
  var name: String { jobName ?? ((environment.map { [$0.type] } ?? []) + [policy.type]).joined(separator: "_") }

  /// What the training loop takes of these settings.
  var training: TrainingSettings {
    let optimization = optimization
    var training = TrainingSettings(schedule: optimization.cosine(steps: steps))
    training.steps = steps
    training.batchSize = batchSize
    training.logFrequency = logFrequency
    training.saveFrequency = saveFrequency
    training.evaluationFrequency = evaluationFrequency
    training.savesCheckpoints = savesCheckpoint
    training.seed = seed
    training.optimizer = optimization.adamW.settings
    // LeRobot's rule: 0 stands for no limit.
    training.gradientClip = optimization.adamW.gradientClip > 0 ? optimization.adamW.gradientClip : .infinity
    return training
  }
}
