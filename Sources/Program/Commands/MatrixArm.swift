import Experiments
import LayeredSettings
import ModelFiles
import SmolVLA
import WorldModality

/// An arm with its flags of `train`, and the settings that `train` parses from them.
struct MatrixArm {
  let experiment: Experiment
  /// The flags, without seed and folder.
  let flags: [String]
  let settings: TrainSettings

  /// The arms of a matrix, all of the same number of steps.
  static func all(_ matrix: MatrixCommand.Settings) throws -> [MatrixArm] {
    try refuseReserved(matrix.forwardedFlags)
    let steps = try matrix.totalSamples.map { try Self.steps(samples: $0, matrix) }
    return try matrix.arms.map { try MatrixArm($0, matrix, steps: steps) }
  }

  private static func steps(samples: Int, _ matrix: MatrixCommand.Settings) throws -> Int {
    let batch = try MatrixArm(.baseline, matrix, steps: nil).settings.batchSize
    let steps = (samples - 1) / batch + 1
    let given = matrix.forwardedFlags.last { $0.name == "steps" }?.text
    guard given == nil || given == String(steps) else {
      throw ConfigurationError(
        "total_samples",
        "\(samples) samples in batches of \(batch) are \(steps) steps, not --steps=\(given ?? ""); set one of the two")
    }
    return steps
  }

  private init(_ experiment: Experiment, _ matrix: MatrixCommand.Settings, steps: Int?) throws {
    self.experiment = experiment
    let isWorld = experiment.isWorld
    let own = matrix.forwardedFlags.filter { !$0.isOfEvaluation && (isWorld || !$0.isOfWorldOnly) }
    var flags = experiment.flags + own.map(\.word)
    if let steps { flags.append("--steps=\(steps)") }
    if !matrix.initialPolicy.isEmpty {
      flags.append((isWorld ? "--policy.init_from_policy_path=" : "--policy.path=") + matrix.initialPolicy)
    }
    self.flags = flags

    var arguments = Arguments(flags)
    var configured = Configured<TrainSettings>()
    try TrainCommand.layers(&configured, &arguments)
    try configured.apply(arguments, also: Array((MatrixCommand.Settings().json.object ?? [:]).keys))
    settings = try configured.validated()
  }

  /// The flags that the matrix sets itself, and its own flags for them.
  private static let reserved = [
    "seed": "--seeds", "output_dir": "--output_root", "job_name": "--output_root", "policy.type": "--experiments",
    "policy.path": "--init_policy_path", "policy.pretrained_path": "--init_policy_path",
    "policy.init_from_policy_path": "--init_policy_path", "policy.world_memory_mode_train": "--experiments",
    "policy.world_memory_mode_rollout": "--experiments", "wandb.run_id": "--experiments and --seeds",
  ]

  private static func refuseReserved(_ flags: [Arguments.Flag]) throws(ConfigurationError) {
    for flag in flags {
      if let own = reserved[flag.name] {
        throw ConfigurationError(flag.name, "is different for each run; set it with \(own)")
      }
      if ["resume", "overwrite"].contains(flag.name) {
        throw ConfigurationError(
          flag.name,
          "is not needed: finished runs are skipped and broken ones resumed; delete a run's folder to start it again")
      }
      if flag.name == "policy.push_to_hub", flag.text != "false" {
        throw ConfigurationError(flag.name, "would upload all runs to one repository; upload the chosen one afterward")
      }
      if flag.name == "save_checkpoint", flag.text == "false" {
        throw ConfigurationError(flag.name, "is needed: the last checkpoint is what is evaluated")
      }
    }
  }
}

extension Arguments.Flag {
  /// The flag as one argument of a command line.
  var word: String { text.map { "--\(name)=\($0)" } ?? "--\(name)" }

  /// Whether it is a flag of `eval` and not of `train`.
  var isOfEvaluation: Bool { name.hasPrefix("env.") || name.hasPrefix("eval.") }

  /// Whether the baseline does not have the setting.
  fileprivate var isOfWorldOnly: Bool {
    guard name.hasPrefix("policy."), let key = name.split(separator: ".").dropFirst().first.map(String.init) else {
      return false
    }
    return WorldModalityConfiguration().json[key] != nil && SmolVLAConfiguration().json[key] == nil
  }
}

extension Experiment {
  /// The flags of `lerobot-wm train` that make the arm what it is.
  fileprivate var flags: [String] {
    func world(train: String, rollout: String) -> [String] {
      [
        "--policy.type=smolvla_world", "--policy.world_memory_mode_train=\(train)",
        "--policy.world_memory_mode_rollout=\(rollout)",
      ]
    }
    return switch self {
    case .baseline: ["--policy.type=smolvla"]
    case .zeroMemory: world(train: "zero", rollout: "zero")
    case .predictedMemory: world(train: "pred", rollout: "pred")
    case .oracle: world(train: "oracle", rollout: "pred")
    case .shuffle: world(train: "shuffle", rollout: "shuffle")
    case .random: world(train: "random", rollout: "random")
    }
  }
}
