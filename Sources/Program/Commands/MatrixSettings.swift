import Experiments
import LayeredSettings

/// What becomes of the stages of an experiment.
enum Scheduler: String, CaseIterable, ConfigurationValue { case local, slurm }

/// The settings of `lerobot-wm matrix` itself.
struct MatrixSettings: ConfigurationSection {
  @Setting("output_root", help: "where the runs go: E0_seed0/, …, logs/, report.html") var outputRoot =
    "outputs/train/libero_smolvla_world_parallel"
  @Setting(
    "experiments",
    help:
      "arms, by name: E0, E1, E2, oracle, shuffle, random, F2, F3a_state, F3a_prefix, F3b, wrist, horizon4, and those "
      + "of the file; empty takes all of the file, else E0,E1,E2")
  var experiments = ""
  @Setting("seeds", help: "training seeds, such as 0,1,2") var seeds = "0"
  @Setting("gpu_ids", help: "GPUs, as their driver counts; each takes one run at a time") var gpus = "0"
  @Setting("init_policy_path", help: "the SmolVLA checkpoint that every arm starts from; empty trains from scratch")
  var initialPolicy = ""
  @Setting("total_samples", in: 1...1 << 60, help: "samples of each run; sets --steps by --batch_size, rounded up")
  var totalSamples: Int?
  @Setting("precompute", help: "encode latents that are missing before the training") var precomputes = false
  @Setting(
    "ablations",
    help: "rollout ablations of every run, such as zero,shuffle; those that an arm cannot have are left out")
  var ablations = ""
  @Setting("chance", help: "also evaluate a policy that acts at random") var evaluatesChance = true
  @Setting("allow_differences", help: "entries of records in which arms may differ, for the report")
  var allowedDifferences = ""
  @Setting(
    "sequential", help: "register looks at the results after each seed, with verdicts at levels that allow for them")
  var isSequential = false
  @Setting(
    "stop_early",
    help: "with --sequential: start no further seeds once the treatment against the baseline has a verdict")
  var stopsEarly = false
  @Setting("scheduler", help: "run the stages here, or submit them to Slurm") var scheduler = Scheduler.local
  @SettingsGroup("slurm") var slurm = SlurmSettings()
  @Setting("dry_run", help: "check everything, print the stages, what they can find and how long they take, and stop")
  var isDryRun = false
  @Setting("status", help: "print how far the experiment in --output_root is, and stop") var showsStatus = false
  @Setting("assumed_success", in: 2...98, help: "success rate of the baseline that --dry_run plans with, in percent")
  var assumedSuccess = 85.0
  @Setting("assumed_seed_sd", in: 0...40, help: "deviation between training seeds that --dry_run plans with, in points")
  var assumedSeedDeviation = 3.0
  /// The flags that are passed on to `train` and `eval`.
  var forwardedFlags: [Arguments.Flag] = []
  /// The arms that a file defines.
  var definedArms: [Arm] = []

  func validate() throws(ConfigurationError) {
    let chosen = arms
    guard !chosen.isEmpty, chosen.allSatisfy({ $0 != nil }), Set(chosen.map { $0?.name }).count == chosen.count else {
      throw ConfigurationError(
        "experiments",
        "expected different ones of \(knownArms.map(\.name).joined(separator: ", ")), found \"\(experiments)\"")
    }
    guard chosen.count(where: { $0?.role == .baseline }) <= 1 else {
      throw ConfigurationError("experiments", "expected one baseline that the others are compared with")
    }
    let numbers = seedNumbers
    guard !numbers.isEmpty, Set(numbers).count == numbers.count, numbers.count == listedNames(seeds).count,
      numbers.allSatisfy({ $0 >= 0 })
    else { throw ConfigurationError("seeds", "expected different integers from 0, found \"\(seeds)\"") }
    guard !gpuNames.isEmpty, Set(gpuNames).count == gpuNames.count else {
      throw ConfigurationError("gpu_ids", "expected different GPUs such as 0,1, found \"\(gpus)\"")
    }
    guard isSequential || !stopsEarly else { throw ConfigurationError("stop_early", "needs --sequential") }
    guard scheduler == .local || !stopsEarly else {
      throw ConfigurationError(
        "stop_early", "needs --scheduler=local, because Slurm is given all seeds at once; leave one of the two out")
    }
    if let name = ablationNames.first(where: { RolloutAblation(name: $0) == nil }) {
      throw ConfigurationError("ablations", "expected \(RolloutAblation.typeDescription), found \"\(name)\"")
    }
  }

  private var knownArms: [Arm] {
    definedArms + Arm.known.filter { arm in !definedArms.contains { $0.name == arm.name } }
  }

  /// The arms that were chosen; nil for a name that is no arm's.
  private var arms: [Arm?] {
    let usual = definedArms.isEmpty ? Arm.usual : definedArms.map(\.name)
    let chosen = listedNames(experiments)
    return (chosen.isEmpty ? usual : chosen).map { name in knownArms.first { $0.name == name } }
  }

  var chosenArms: [Arm] { arms.compactMap(\.self) }
  var seedNumbers: [Int] { listedNames(seeds).compactMap { Int($0) } }
  var gpuNames: [String] { listedNames(gpus) }
  var ablationNames: [String] { listedNames(ablations) }
  var allowedDifferenceNames: [String] { listedNames(allowedDifferences) }
}

/// `--slurm.…`
struct SlurmSettings: ConfigurationSection {
  @Setting("options", help: "options of sbatch: --partition=gpu --gres=gpu:1 --time=24:00:00") var options = ""
  @Setting("cpu_options", help: "options of jobs that need no GPU, chance and report; null takes those above")
  var cpuOptions: String?

  static let title = "Slurm"
}
