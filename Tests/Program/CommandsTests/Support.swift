import Foundation
import ModelFiles
import Testing
import TestSupport

/// How a run of the program ended.
struct Outcome {
  let status: Int32
  let output, errors: String

  /// The lines of standard error that are the program's verdict, not its progress.
  var sentences: [Substring] { errors.split(separator: "\n").filter { $0.hasPrefix("lerobot-wm: ") } }
}

/// The built program, run as a user runs it.
enum Program {
  /// Beside the test bundle.
  static let executable: URL = {
    let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let candidates = [
      bundle.deletingLastPathComponent(),
      URL(fileURLWithPath: CommandLine.arguments.first ?? "").deletingLastPathComponent(),
      checkout.appendingPathComponent(".build/debug"),
    ].map { $0.appendingPathComponent("lerobot-wm") }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? candidates[0]
  }()

  static let checkout = Checkout.url

  /// The `bin` folder of a Python environment that has the package, whose console scripts shells find in the program's place.
  static let consoleScripts = ProcessInfo.processInfo.environment["WM_CONSOLE_SCRIPTS"].map {
    URL(fileURLWithPath: $0, isDirectory: true)
  }

  /// A running program; its output goes to files, so that no pipe can fill up.
  struct Running {
    let process: Process
    fileprivate let folder: URL

    /// What has come on standard output and on standard error so far.
    var outputSoFar: String { text("out") }
    var errorsSoFar: String { text("err") }

    private func text(_ name: String) -> String {
      (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
    }

    /// Waits for the end.
    func wait() -> Outcome {
      process.waitUntilExit()
      defer { try? FileManager.default.removeItem(at: folder) }
      let status = process.terminationStatus
      return Outcome(
        status: process.terminationReason == .uncaughtSignal ? -status : status, output: text("out"),
        errors: text("err"))
    }
  }

  /// Starts the program in `folder`.
  ///
  /// - Parameter fileLimit: the size in KiB that no file may exceed, which writes meet like a full disk.
  static func start(
    _ arguments: [String], in folder: URL, environment: [String: String] = [:], fileLimit: Int? = nil
  ) throws -> Running {
    guard let fileLimit else { return try start(executable, arguments, in: folder, environment: environment) }
    return try shell(
      "ulimit -f \(fileLimit); exec \"$0\" \"$@\"", [executable.path] + arguments, in: folder,
      environment: environment)
  }

  /// Starts a command line in a shell that finds the program under all its names, and `scripts/` in `folder`.
  static func shell(
    _ line: String, _ arguments: [String] = [], in folder: URL, environment: [String: String] = [:]
  ) throws -> Running {
    let files = FileManager.default
    let names = folder.appendingPathComponent(".bin")
    if !files.fileExists(atPath: names.path) {
      try files.createDirectory(at: names, withIntermediateDirectories: true)
      for name in ["lerobot-wm", "lerobot-wm-train", "lerobot-wm-eval", "lerobot-wm-precompute"] {
        try files.createSymbolicLink(
          at: names.appendingPathComponent(name),
          withDestinationURL: consoleScripts.map { $0.appendingPathComponent(name) } ?? executable)
      }
      try files.createSymbolicLink(
        at: folder.appendingPathComponent("scripts"), withDestinationURL: checkout.appendingPathComponent("scripts"))
    }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let scripts = consoleScripts.map { ":\($0.path)" } ?? ""
    let own = [
      "PATH": "\(names.path)\(scripts):\(path)", "LEROBOT_WM": names.appendingPathComponent("lerobot-wm").path,
    ]
    return try start(
      URL(fileURLWithPath: "/bin/bash"), ["-c", line] + arguments, in: folder,
      environment: own.merging(environment) { $1 })
  }

  private static func start(
    _ program: URL, _ arguments: [String], in folder: URL, environment: [String: String]
  ) throws -> Running {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    // Whoever tests the hub brings one.
    process.environment = ProcessInfo.processInfo.environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
      .merging(environment) { $1 }
    let scratch = folder.appendingPathComponent(".output-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    for (name, path) in [("out", \Process.standardOutput), ("err", \Process.standardError)] {
      let file = scratch.appendingPathComponent(name)
      try Data().write(to: file)
      process[keyPath: path] = try FileHandle(forWritingTo: file)
    }
    try process.run()
    return Running(process: process, folder: scratch)
  }

  /// Runs the program to its end.
  @discardableResult
  static func run(
    _ arguments: [String], in folder: URL, environment: [String: String] = [:], fileLimit: Int? = nil
  ) throws -> Outcome {
    try start(arguments, in: folder, environment: environment, fileLimit: fileLimit).wait()
  }

  /// Runs the program and expects success.
  @discardableResult
  static func succeed(_ arguments: [String], in folder: URL) throws -> Outcome {
    let outcome = try run(arguments, in: folder)
    try #require(outcome.status == 0, "\(arguments.joined(separator: " ")): \(outcome.errors)")
    return outcome
  }
}

/// What most tests need, made once by the program itself: a tiny backbone and encoder, four demonstrations, their
/// latents, and a trained baseline.
struct Fixture {
  static let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-commands-\(getpid())")
  private static let made = Result { try Fixture() }

  /// The fixture's folder; tests only read in it.
  static func root() throws -> URL {
    _ = try made.get()
    return folder
  }

  private init() throws {
    let files = FileManager.default
    try files.createDirectory(at: Self.folder, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(at: Fixture.folder) }
    try Program.succeed(
      [
        "scratch", "--output_dir=models", "--image_size=16", "--hidden_size=16", "--num_heads=2",
        "--num_vision_layers=1", "--encoder_hidden_size=16", "--encoder_image_size=16",
      ], in: Self.folder)
    try Program.succeed(
      ["record", "--dataset.root=data", "--dataset.num_episodes=4"] + Flags.environment, in: Self.folder)
    try Program.succeed(Flags.precompute, in: Self.folder)
    try Program.succeed(["train", "--output_dir=E0"] + Flags.train, in: Self.folder)
  }

  /// A fresh folder that shows the fixture's parts under their names, and goes with the test.
  static func within(copying copied: [String] = [], _ body: (URL) throws -> Void) throws {
    let root = try root()
    let files = FileManager.default
    let folder = files.temporaryDirectory.appendingPathComponent("wm-commands-\(UUID().uuidString)")
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: folder) }
    for name in ["models", "data", "cache", "E0"] {
      let (source, target) = (root.appendingPathComponent(name), folder.appendingPathComponent(name))
      if copied.contains(name) {
        try files.copyItem(at: source, to: target)
      } else {
        try files.createSymbolicLink(at: target, withDestinationURL: source)
      }
    }
    try body(folder)
  }
}

/// Flags of the smallest job that still is one.
enum Flags {
  static let environment = ["--env.type=shapes", "--env.task=push_side", "--env.image_size=16"]
  static let precompute = [
    "precompute", "--dataset_name=shapes", "--dataset_root=data", "--cache_dir=cache", "--device=cpu",
    "--world_vision_model_name=models/encoder", "--temporal_window=2", "--num_compute_threads=1",
  ]
  static let data = [
    "--dataset.repo_id=shapes", "--dataset.root=data", "--policy.device=cpu", "--num_compute_threads=1",
    "--batch_size=4", "--log_freq=1", "--seed=3",
  ]
  static let model = [
    "--policy.vlm_model_name=models/backbone", "--policy.num_vlm_layers=2", "--policy.resize_imgs_with_padding=[16,16]",
    "--policy.chunk_size=4", "--policy.n_action_steps=2", "--policy.max_state_dim=4", "--policy.max_action_dim=4",
    "--policy.expert_width_multiplier=1.0", "--policy.num_steps=2", "--policy.freeze_vision_encoder=false",
    "--policy.train_expert_only=false", "--policy.optimizer_lr=1e-3",
  ]
  static let train = data + model + ["--steps=6", "--save_freq=3", "--num_workers=1"]
  static let world = [
    "--policy.type=smolvla_world", "--policy.dataset_repo_id=shapes", "--policy.cache_dir=cache",
    "--policy.latent_suffix=m2", "--policy.world_latent_dim=16", "--policy.context_frames=2",
    "--policy.future_offset=2",
    "--policy.world_inject_num_heads=2", "--policy.prophet_heads=2", "--policy.world_vision_model_name=models/encoder",
  ]
  static let checkpoint = "E0/checkpoints/last/pretrained_model"
  static let evaluate =
    ["eval", "--eval.n_episodes=2", "--eval.batch_size=2", "--eval.max_episodes_rendered=0", "--num_compute_threads=1"]
    + environment
}

extension URL {
  /// What the file holds.
  func bytes() throws -> Data { try Data(contentsOf: self) }

  /// Names in the folder, sorted.
  func names() -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// The lines of a run's `metrics.jsonl` without what a clock decides.
func metrics(_ run: URL) throws -> [JSON] {
  let text = try String(contentsOf: run.appendingPathComponent("metrics.jsonl"), encoding: .utf8)
  return try text.split(separator: "\n").map { line in
    var members = try #require(try JSON(parsing: String(line)).object)
    members["update_s"] = nil
    for name in ["dataloading_s", "step_s", "samples_per_s"] { members[name] = nil }
    members["eval/eval_s"] = nil
    return .object(members)
  }
}

/// Weights and optimizer state of a run's last checkpoint.
func lastState(_ run: URL) throws -> [Data] {
  let last = run.appendingPathComponent("checkpoints/last")
  return try ["pretrained_model/model.safetensors", "training_state/optimizer_state.safetensors"].map {
    try last.appendingPathComponent($0).bytes()
  }
}
