import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles
import RobotPolicies
import TerminalOutput

/// `lerobot-wm matrix`: trains and evaluates every arm with every seed, on as many GPUs as there are.
enum MatrixCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("output_root", help: "where the runs go: E0_seed0/, …, logs/, report.html") var outputRoot =
      "outputs/train/libero_smolvla_world_parallel"
    @Setting(
      "experiments",
      help: "arms: E0 the baseline, E1 a memory of zeros, E2 a predicted memory; also oracle, shuffle, random")
    var experiments = "E0,E1,E2"
    @Setting("seeds", help: "training seeds, such as 0,1,2") var seeds = "0"
    @Setting("gpu_ids", help: "GPUs, as their driver counts; each takes one run at a time") var gpus = "0"
    @Setting("init_policy_path", help: "the SmolVLA checkpoint that every arm starts from; empty trains from scratch")
    var initialPolicy = ""
    @Setting("total_samples", help: "samples of each run; sets --steps by --batch_size, rounded up") var totalSamples:
      Int?
    @Setting(
      "sequential", help: "register looks at the results after each seed, with verdicts at levels that allow for them")
    var isSequential = false
    @Setting("stop_early", help: "with --sequential: start no further seeds once E2 against E0 has a verdict")
    var stopsEarly = false
    @Setting("dry_run", help: "check everything, print the jobs, what they can find and how long they take, and stop")
    var isDryRun = false
    @Setting("assumed_success", help: "success rate of E0 that --dry_run plans with, in percent") var assumedSuccess =
      85.0
    @Setting("assumed_seed_sd", help: "deviation between training seeds that --dry_run plans with, in points")
    var assumedSeedDeviation = 3.0
    /// The flags that are passed on to `train` and `eval`.
    var forwardedFlags: [Arguments.Flag] = []

    func validate() throws(ConfigurationError) {
      guard !arms.isEmpty, Set(arms).count == arms.count, arms.count == words(experiments).count else {
        throw ConfigurationError(
          "experiments",
          "expected different ones of \(Experiment.allCases.map(\.rawValue).joined(separator: ", ")), found "
            + "\"\(experiments)\"")
      }
      let numbers = seedNumbers
      guard !numbers.isEmpty, Set(numbers).count == numbers.count, numbers.count == words(seeds).count,
        numbers.allSatisfy({ $0 >= 0 })
      else { throw ConfigurationError("seeds", "expected different integers from 0, found \"\(seeds)\"") }
      guard !gpuNames.isEmpty, Set(gpuNames).count == gpuNames.count else {
        throw ConfigurationError("gpu_ids", "expected different GPUs such as 0,1, found \"\(gpus)\"")
      }
      guard (1...99).contains(assumedSuccess), (0...40).contains(assumedSeedDeviation) else {
        throw ConfigurationError("assumed_success", "expected 1 to 99 percent, and assumed_seed_sd 0 to 40 points")
      }
      guard isSequential || !stopsEarly else { throw ConfigurationError("stop_early", "needs --sequential") }
      if let totalSamples, totalSamples < 1 {
        throw ConfigurationError("total_samples", "expected an integer from 1, found \(totalSamples)")
      }
    }

    var arms: [Experiment] { words(experiments).compactMap(Experiment.init(rawValue:)) }
    var seedNumbers: [Int] { words(seeds).compactMap { Int($0) } }
    var gpuNames: [String] { words(gpus) }

    private func words(_ text: String) -> [String] {
      text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }
  }

  static let name = "matrix"
  static let summary = "train and evaluate every arm with every seed, side by side on several GPUs"
  static let extraFlags = [
    ("dataset.…, --policy.…, --steps, …", "every other flag is passed on to train: see its --help"),
    ("env.…, --eval.…", "are passed on to eval: see its --help"),
  ]
  static let examples = [
    "lerobot-wm matrix --gpu_ids=0,1,2,3 --seeds=0,1,2 --steps=200000 --batch_size=64 "
      + "--init_policy_path=lerobot/smolvla_base --dataset.repo_id=HuggingFaceVLA/libero --policy.cache_dir=cache "
      + "--policy.n_action_steps=10 --env.type=libero --env.task=libero_spatial --eval.n_episodes=50"
  ]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    let own = Settings().json.object ?? [:]
    configured.value.forwardedFlags = arguments.flags.filter { own[$0.name] == nil }
    arguments.flags.removeAll { own[$0.name] == nil }
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let root = URL(fileURLWithPath: settings.outputRoot, isDirectory: true).standardizedFileURL
    let matrix = try MatrixPreparation(settings, root: root)
    if settings.isDryRun {
      matrix.notices.forEach(say)
      matrix.design(settings).forEach { print($0) }
      return 0
    }
    let folder = try MatrixFolder(root)
    try folder.agree(on: matrix.common)
    let jobs = matrix.jobs
    matrix.notices.forEach(say)

    let runner = MatrixRunner(executable: try executable(), programName: CommandLineProgram.name, root: root)
    let interruption = Interruption(endsOnSecond: false)
    let runs = jobs.map(matrix.run)
    func steps() -> Int { runs.reduce(0) { $0 + min($1.loggedStep, matrix.steps) } }
    let progress = ProgressBar("matrix", total: jobs.count * matrix.steps, first: steps())
    var endings: [MatrixRunner.Ending] = []
    for wave in waves(of: jobs, settings) {
      endings += try runner.run(
        wave, interruption: { interruption.signalNumber.map { ($0, interruption.requests) } }
      ) { running, messages in
        messages.forEach(progress.say)
        if !running.isEmpty { progress.update(steps(), note: running.joined(separator: ", ")) }
      }
      guard interruption.signalNumber == nil, !isDecided(root, settings) else { break }
    }
    progress.finish()
    let isReported = report(root)
    print(matrixTable(jobs, endings, root: root, steps: matrix.steps))
    if let signal = interruption.signalNumber {
      say("stopped; run the same command to resume")
      return 128 + signal
    }
    return isReported && endings.allSatisfy { $0 == .finished || $0 == .skipped } ? 0 : 1
  }

  /// Writes the report, over an old one; returns false if that fails.
  private static func report(_ root: URL) -> Bool {
    do {
      let page = root.appendingPathComponent("report.html")
      try ExperimentReport(root: root).write(to: page, overwrite: true)
      print(page.path)
      return true
    } catch {
      say("no report: \(error)")
      return false
    }
  }

  /// The jobs that start together: all, or with looks after which the matrix may stop those up to the next look.
  private static func waves(of jobs: [MatrixJob], _ settings: Settings) -> [[MatrixJob]] {
    guard settings.stopsEarly else { return [jobs] }
    let seeds = settings.seedNumbers
    let looks = [Array(seeds.prefix(2))] + seeds.dropFirst(2).map { [$0] }
    return looks.map { look in jobs.filter { look.contains($0.seed) } }
  }

  /// Whether the runs that are there have the verdict after which no more are wanted.
  private static func isDecided(_ root: URL, _ settings: Settings) -> Bool {
    guard settings.stopsEarly, let report = try? ExperimentReport(root: root), report.isDecided else { return false }
    say("E2 against E0 has a verdict: no further seed is started")
    return true
  }

  private static func executable() throws -> String {
    let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw Failure("the program's executable \(path) does not exist; build it again")
    }
    return path
  }
}
