import Experiments
import Failures
import LayeredSettings
import ModelFiles
import OrderedCollections
import SmolVLA
import WorldModality

/// An arm with its flags of `train`, and the settings that `train` parses from them.
struct MatrixArm {
  let arm: Arm
  /// The flags, without seed and folder.
  let flags: [String]
  let settings: TrainSettings

  /// The arms of a matrix, all of the same number of steps.
  static func all(_ matrix: MatrixSettings) throws -> [MatrixArm] {
    try refuseReserved(matrix.forwardedFlags)
    for arm in matrix.chosenArms { try refuseReserved(ofArm: arm) }
    return try matrix.chosenArms.map { arm in
      let steps = try matrix.totalSamples.map { try Self.steps(samples: $0, arm, matrix) }
      return try MatrixArm(arm, matrix, steps: steps)
    }
  }

  private static func steps(samples: Int, _ arm: Arm, _ matrix: MatrixSettings) throws -> Int {
    let batch = try MatrixArm(arm, matrix, steps: nil).settings.batchSize
    let steps = (samples - 1) / batch + 1
    let given = matrix.forwardedFlags.last { $0.name == "steps" }?.text
    guard given == nil || given == String(steps) else {
      throw ConfigurationError(
        "total_samples",
        "\(samples) samples in batches of \(batch) are \(steps) steps, not --steps=\(given ?? ""); set one of the two")
    }
    return steps
  }

  private init(_ arm: Arm, _ matrix: MatrixSettings, steps: Int?) throws {
    self.arm = arm
    let shared = matrix.forwardedFlags.filter { flag in
      !flag.isOfEvaluation && (arm.isWorld || !flag.isOfWorldOnly) && arm.settings[flag.name] == nil
    }
    var flags = arm.settings.map { "--\($0)=\($1)" } + shared.map(\.word)
    if let steps { flags.append("--steps=\(steps)") }
    if !matrix.initialPolicy.isEmpty {
      flags.append((arm.isWorld ? "--policy.init_from_policy_path=" : "--policy.path=") + matrix.initialPolicy)
    }
    self.flags = flags

    var arguments = Arguments(flags)
    var configured = Configured<TrainSettings>()
    try TrainCommand.layers(&configured, &arguments)
    try configured.apply(arguments, also: MatrixCommand.settingNames)
    settings = try configured.validated()
  }

  /// The flags that the matrix sets itself, and its own flags for them.
  private static let reserved = [
    "seed": "--seeds", "output_dir": "--output_root", "job_name": "--output_root", "policy.type": "--experiments",
    "policy.path": "--init_policy_path", "policy.pretrained_path": "--init_policy_path",
    "policy.init_from_policy_path": "--init_policy_path", "policy.world_memory_mode_train": "--experiments",
    "policy.world_memory_mode_rollout": "--experiments", "wandb.run_id": "--experiments and --seeds",
  ]

  private static func refuseReserved(_ flags: [Arguments.Flag]) throws {
    let found = flags.filter { reserved[$0.name] != nil }
    if !found.isEmpty {
      let names = OrderedSet(found.map { "--\($0.name)" }), own = OrderedSet(found.compactMap { reserved[$0.name] })
      throw Failure(
        "\(names.joined(separator: ", ")) \(names.count == 1 ? "is" : "are") different for each run; set "
          + "\(own.joined(separator: ", ")) instead")
    }
    for flag in flags {
      if ["resume", "overwrite"].contains(flag.name) {
        throw ConfigurationError(
          flag.name,
          "is not needed: finished runs are skipped and broken ones resumed; delete a run's folder to start it again")
      }
      if flag.name == "profile" {
        throw ConfigurationError(flag.name, "would have all runs write one file; give it to `lerobot-wm train`")
      }
      if flag.name == "policy.push_to_hub", flag.text != "false" {
        throw ConfigurationError(flag.name, "would upload all runs to one repository; upload the chosen one afterward")
      }
      if flag.name == "save_checkpoint", flag.text == "false" {
        throw ConfigurationError(flag.name, "is needed: the last checkpoint is what is evaluated")
      }
    }
  }

  /// Refuses settings that an arm cannot change: where it starts, and how it is evaluated.
  private static func refuseReserved(ofArm arm: Arm) throws {
    let kind = ["policy.type", "policy.world_memory_mode_train", "policy.world_memory_mode_rollout"]
    let flags = Arguments(arm.settings.map { "--\($0)=\($1)" }).flags.filter { !kind.contains($0.name) }
    try refuseReserved(flags)
    let shared = ["policy.n_action_steps", "policy.num_steps", "policy.device"]
    if let flag = flags.first(where: { $0.isOfEvaluation || shared.contains($0.name) }) {
      throw Failure(
        "--\(flag.name) of the arm \(arm.name) is part of the evaluation, which is the same for every arm; set it for all"
      )
    }
  }

  /// What decides the arm's data, policy and latents; arms with the same kind need not all be opened.
  var kind: String {
    var policy = settings.policy.json.object ?? [:]
    for key in ["world_memory_mode_train", "world_memory_mode_rollout"] { policy[key] = nil }
    return JSON.array([.object(policy), settings.dataset.json, .string(settings.policy.type)]).text(.compact)
  }

  /// The settings in which the arm differs beyond its world modality.
  var declaredDifferences: [String] {
    Arguments(arm.settings.map { "--\($0)=\($1)" }).flags.filter { $0.name != "policy.type" && !$0.isOfWorldOnly }
      .map(\.name)
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
