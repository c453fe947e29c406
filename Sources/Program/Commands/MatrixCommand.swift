import Experiments
import Failures
import Foundation
import LayeredSettings
import TerminalOutput

/// `lerobot-wm matrix`: trains and evaluates every arm with every seed, on as many GPUs as there are or through Slurm.
enum MatrixCommand: Command {
  typealias Settings = MatrixSettings

  static let name = "matrix"
  static let summary = "train and evaluate every arm with every seed, on several GPUs or through Slurm"
  static let operands = [("status OUTPUT_ROOT", "print how far the experiment in that folder is, and stop")]
  static let extraFlags = [
    ("config_path", "the experiment's file, YAML or JSON: these settings in sections, and arms of one's own"),
    ("dataset.…, --policy.…, --steps, …", "every other flag is passed on to train: see its --help"),
    ("env.…, --eval.…", "are passed on to eval: see its --help"),
  ]
  static var passesFlagsTo: [any Command.Type] { [TrainCommand.self, EvalCommand.self] }
  static let examples = [
    "lerobot-wm matrix --gpu_ids=0,1,2,3 --seeds=0,1,2 --steps=200000 --batch_size=64 "
      + "--init_policy_path=lerobot/smolvla_base --dataset.repo_id=HuggingFaceVLA/libero --policy.cache_dir=cache "
      + "--policy.n_action_steps=10 --env.type=libero --env.task=libero_spatial --eval.n_episodes=50",
    "lerobot-wm matrix --config_path=experiment.yaml --dry_run",
    "lerobot-wm matrix status outputs/experiment",
  ]

  /// The file ← flags; what is not a setting of this command is passed on.
  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    if arguments.positional.first == "status" {
      if let flag = arguments.flags.first(where: { !["output_root", "config_path"].contains($0.name) }) {
        throw ConfigurationError(
          flag.name,
          "has no effect on matrix status, which takes the experiment's folder or --config_path; leave it out")
      }
      let root = arguments.positional.dropFirst().prefix(1).map { "--output_root=\($0)" }
      let surplus = Array(arguments.positional.dropFirst(2))
      arguments = Arguments(arguments.flags.map(\.word) + root + ["--status"])
      arguments.positional = surplus
    }
    let own = Set(Settings().namesOfEveryKind)
    if let path = arguments.take("config_path") {
      let leaves = own.union(TrainCommand.settingNames).union(EvalCommand.settingNames)
      let file = try ExperimentFile(path, own: own, leaves: leaves)
      configured.value.definedArms = file.arms
      arguments.flags = file.flags + arguments.flags
    }
    configured.value.forwardedFlags = arguments.flags.filter { !own.contains($0.name) }
    arguments.flags.removeAll { !own.contains($0.name) }
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let root = URL(fileURLWithPath: settings.outputRoot, isDirectory: true).standardizedFileURL
    if settings.showsStatus {
      try MatrixStatus(root).lines.forEach { print($0) }
      return 0
    }
    let matrix = try MatrixPreparation(settings, root: root)
    if settings.isDryRun {
      matrix.notices.forEach(say)
      matrix.design(settings).forEach { print($0) }
      return 0
    }
    let folder = try MatrixFolder(root)
    let queue = try SlurmQueue(root)
    guard settings.scheduler == .slurm || queue.isEmpty else {
      throw Failure(
        "stages of \(root.path) are queued or run in Slurm; wait for them, cancel them with scancel, or give --scheduler=slurm"
      )
    }
    try matrix.checkMirror()
    try folder.agree(on: matrix.common)
    try StagePlan.write(matrix.stages, below: root)
    (matrix.notices + (try matrix.makeRoom())).forEach(say)
    switch settings.scheduler {
    case .local: return try run(matrix)
    case .slurm: return try submit(matrix, settings.slurm, queue)
    }
  }

  /// Runs the stages here.
  private static func run(_ matrix: MatrixPreparation) throws -> Int32 {
    let (root, stages) = (matrix.root, matrix.stages)
    let runner = StageRunner(
      executable: try executable(), programName: CommandLineProgram.name, root: root, places: matrix.places)
    let interruption = Interruption(endsOnSecond: false)
    let runs = matrix.runs.map(\.folder)
    func steps() -> Int { runs.reduce(0) { $0 + min($1.loggedStep, matrix.steps) } }
    var (lastLook, done, left): (ContinuousClock.Instant?, Int, String) = (nil, steps(), "?")
    let progress = ProgressBar("matrix", total: runs.count * matrix.steps, first: done, unit: .named("steps"))
    var endings: [StageRunner.Ending] = []
    for wave in waves(matrix) {
      endings += try runner.run(
        wave, interruption: { interruption.signalNumber.map { ($0, interruption.requests) } }
      ) { running, messages in
        messages.forEach(progress.say)
        // All logs are read for both.
        if lastLook.map({ $0.duration(to: .now) > .seconds(2) }) ?? true {
          let work = RemainingWork(stages, in: root)
          left = work.text(work.seconds(stages, places: matrix.places.count)) ?? "?"
          (done, lastLook) = (steps(), .now)
        }
        if !running.isEmpty { progress.update(done, note: running.joined(separator: ", "), estimate: left) }
      }
      // There is no look at seeds whose runs failed.
      guard endings.allSatisfy(\.isSuccess), try !isDecided(matrix) else { break }
    }
    progress.finish()
    try MatrixStatus(root).lines.forEach { print($0) }
    let page = root.appendingPathComponent("report.html")
    if FileManager.default.fileExists(atPath: page.path) { print(page.path) }
    if let signal = interruption.signalNumber {
      say("stopped; run the same command to resume")
      return 128 + signal
    }
    return endings.allSatisfy(\.isSuccess) ? 0 : 1
  }

  /// Submits the stages to Slurm and leaves.
  private static func submit(
    _ matrix: MatrixPreparation, _ slurm: SlurmSettings, _ queue: SlurmQueue
  ) throws -> Int32 {
    let options = words(ofLine: slurm.options)
    let scheduler = SlurmScheduler(
      executable: try executable(), programName: CommandLineProgram.name, root: matrix.root, options: options,
      otherOptions: slurm.cpuOptions.map(words(ofLine:)) ?? options)
    try scheduler.submit(matrix.stages, queue: queue) { print($0) }
    try MatrixStatus(matrix.root).lines.forEach { print($0) }
    return 0
  }

  /// The stages that start together: all, or with looks after which the matrix may stop those up to the next look.
  private static func waves(_ matrix: MatrixPreparation) -> [[Stage]] {
    guard matrix.settings.stopsEarly else { return [matrix.stages] }
    let seeds = Dictionary(uniqueKeysWithValues: matrix.runs.map { ($0.name, $0.seed) })
    let planned = matrix.settings.seedNumbers
    let looks = [Array(planned.prefix(2))] + planned.dropFirst(2).map { [$0] }
    return looks.enumerated().map { number, look in
      matrix.stages.filter { stage in
        seeds[stage.subject].map(look.contains) ?? (number == 0 || stage.kind == .report)
      }
    }
  }

  /// Whether the runs that are there have the verdict after which no more are wanted.
  private static func isDecided(_ matrix: MatrixPreparation) throws -> Bool {
    guard matrix.settings.stopsEarly else { return false }
    let allowed = matrix.settings.allowedDifferenceNames
    guard try ExperimentReport(root: matrix.root, allowedDifferences: allowed).isDecided else { return false }
    say("the primary comparison has a verdict: no further seed is started")
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
