import Configuration
import NeuralNetworks
import OrderedCollections
import SmolVLA
import Training
import WorldModality

/// LeRobot's `TrainPipelineConfig`, as far as it applies.
struct TrainSettings: ConfigurationSection {
  var dataset = DatasetSettings()
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
  var logFrequency = 200
  var savesCheckpoint = true
  var saveFrequency = 20_000
  var tolerance = 1e-4
  var renameMap: OrderedDictionary<String, String> = [:]
  var wandb = WandBSettings()

  static var fields: [Field<Self>] {
    [
      .init("output_dir", \.outputDirectory, help: "where the run goes; else outputs/train/DATE/TIME_JOB"),
      .init("job_name", \.jobName, help: "the run's name; else the policy's type"),
      .init("resume", \.resumes, help: "go on from the last checkpoint in --output_dir"),
      .init("overwrite", \.overwrites, help: "replace the run that lies in --output_dir"),
      .init("seed", \.seed, help: "everything drawn follows from it"),
      .init("num_workers", \.workers, help: "threads that load and decode; changes no result"),
      .init("num_compute_threads", \.computeThreads, help: "threads of one CPU operation; 0 takes all cores"),
      .init("batch_size", \.batchSize, help: "samples of one update"),
      .init("steps", \.steps, help: "updates in all"),
      .init("log_freq", \.logFrequency, help: "steps between log lines"),
      .init("save_checkpoint", \.savesCheckpoint, help: "whether to write checkpoints"),
      .init("save_freq", \.saveFrequency, help: "steps between checkpoints"),
      .init("tolerance_s", \.tolerance, help: "seconds that a frame of the dataset may lie off its time"),
      .init("rename_map", \.renameMap, help: "the dataset's feature names to the policy's"),
      .section("dataset", \.dataset),
      .choice("policy", \.policy, help: "kind of policy", of: PolicySettings.choices),
      .section("wandb", \.wandb),
    ]
  }

  func validate() throws(ConfigurationError) {
    for (name, value) in [
      ("batch_size", batchSize), ("steps", steps), ("log_freq", logFrequency), ("save_freq", saveFrequency),
    ]
    where value < 1 {
      throw ConfigurationError(name, "expected a whole number from 1, found \(value)")
    }
    guard workers >= 0, computeThreads >= 0 else { throw ConfigurationError("num_workers", "expected 0 or more") }
    guard tolerance >= 0 else { throw ConfigurationError("tolerance_s", "expected 0 or more, found \(tolerance)") }
    guard !resumes || outputDirectory != nil else { throw ConfigurationError("output_dir", "is needed with --resume") }
    guard !dataset.repoID.isEmpty || dataset.root != nil else {
      throw ConfigurationError("dataset.repo_id", "is needed, or --dataset.root")
    }
  }
}

/// `--wandb.…`; metrics are always in metrics.jsonl.
struct WandBSettings: ConfigurationSection {
  var isEnabled = false

  static var fields: [Field<Self>] { [.init("enable", \.isEnabled, help: "not supported yet; see metrics.jsonl")] }

  func validate() throws(ConfigurationError) {
    guard !isEnabled else { throw ConfigurationError("enable", "is not supported yet; metrics are in metrics.jsonl") }
  }
}

extension TrainSettings {
  /// What the training loop takes of these settings.
  var training: TrainingSettings {
    let policy = self.policy.smolvla
    var training = TrainingSettings(
      schedule: CosineSchedule(
        peak: policy.learningRate, final: policy.finalLearningRate, warmupSteps: policy.warmupSteps,
        decaySteps: policy.decaySteps, steps: steps))
    training.steps = steps
    training.batchSize = batchSize
    training.logFrequency = logFrequency
    training.saveFrequency = saveFrequency
    training.savesCheckpoints = savesCheckpoint
    training.seed = seed
    training.optimizer = AdamWSettings(
      beta1: policy.betas[0], beta2: policy.betas[1], epsilon: policy.epsilon, weightDecay: policy.weightDecay)
    training.gradientClip = policy.gradientClip
    return training
  }
}
