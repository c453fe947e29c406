import Failures
import Foundation
import LayeredSettings
import LeRobotDatasets
import LiberoSimulation
import ModelFiles
import RobotEnvironments
import RobotPolicies

/// `lerobot-wm replay`: an episode of LIBERO with given actions, written down so that anyone can compare the numbers.
enum ReplayCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("init_state", in: 0...1_000_000, help: "which initial state to begin with") var initialState = 0
    @Setting("seed", in: 0...1 << 53, help: "where the fixtures stand; evaluation takes its seed plus the episode")
    var seed = 0
    @Setting("actions", help: "NumPy file of actions, steps × 7; else --dataset.root has them")
    var actions = ""
    @SettingsGroup("dataset") var dataset = ReplayedEpisodeSection()
    @Setting("images", help: "steps at which to draw, such as 0,60,150") var images = ""
    @Setting("output", help: "safetensors to write; null writes none") var output: String?
    @Setting("overwrite", help: "replace the output file") var overwrites = false
    @SettingsGroup("env", title: "EnvConfig", help: "kind of environment", of: EnvironmentSettings.kinds)
    var environment = EnvironmentSettings.libero(LiberoSection())

    func validate() throws(ConfigurationError) {
      guard actions.isEmpty != (dataset.root == nil) else {
        throw ConfigurationError("actions", "give either --actions or --dataset.root and --dataset.episode")
      }
    }
  }

  static let name = "replay"
  static let summary = "play given or recorded actions in a LIBERO task and write what happens"
  static let examples = [
    "lerobot-wm replay --env.type=libero --env.task=libero_spatial --env.task_ids=[0] --init_state 0 --seed 0 "
      + "--actions ACTIONS.npy --images 0,60,150 --output TRACE.safetensors",
    "lerobot-wm replay --env.type=libero --env.task=libero_spatial --env.task_ids=[0] --init_state 3 "
      + "--dataset.root=data/libero --dataset.episode=3",
  ]

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    guard case .libero(let chosen) = settings.environment else {
      throw Failure("replay plays LIBERO's tasks; give --env.type=libero")
    }
    let output = settings.output.map { URL(fileURLWithPath: $0) }
    if let output, !settings.overwrites, FileManager.default.fileExists(atPath: output.path) {
      throw FileError.exists(output.path)
    }
    let actions = try settings.dataset.actions() ?? actions(settings.actions)
    let tasks = try chosen.suite()
    guard tasks.taskNames.count == 1, let task = tasks.taskNames.first else {
      throw Failure(
        "replay plays one task, and the flags name \(tasks.taskNames.count); give --env.task=SUITE --env.task_ids=[T]")
    }
    let trace = try LiberoTrace(
      tasks.makeLiberoEnvironment(task: task), actions: actions, initialState: settings.initialState,
      seed: settings.seed, imageSteps: imageSteps(settings.images))
    let steps = counted(actions.count, "step")
    say("\(task): \(trace.firstSuccess.map { "success at step \($0) of \(steps)" } ?? "no success in \(steps)")")
    if let output {
      try writeSafetensors(trace.tensors, metadata: ["task": task], to: output, overwrite: settings.overwrites)
      print(output.path)
    }
    return 0
  }

  private static func imageSteps(_ text: String) throws -> Set<Int> {
    let words = text.split { ",[] ".contains($0) }
    return Set(
      try words.map { word in
        guard let step = Int(word) else {
          throw ConfigurationError("images", "expected steps such as 0,60,150, found \(text)")
        }
        return step
      })
  }

  private static func actions(_ path: String) throws -> [[Double]] {
    let file = try NumpyFile(URL(fileURLWithPath: path))
    guard file.shape.count == 2, file.shape[1] == 7 else {
      throw Failure("\(path) should hold steps × 7 numbers, and its shape is \(file.shape)")
    }
    let numbers: [Double] = try file.withBytes { bytes throws in
      switch file.element {
      case .float32:
        return (0..<bytes.count / 4).map { Double(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) }
      case .float64:
        return (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
      default: throw FileError.unsupported(path, "an array of \(file.element.rawValue)")
      }
    }
    return stride(from: 0, to: numbers.count, by: 7).map { Array(numbers[$0..<$0 + 7]) }
  }
}

/// A dataset's episode, by LeRobot's names.
struct ReplayedEpisodeSection: ConfigurationSection {
  @Setting("root", help: "folder of a dataset, to play the actions of one of its episodes") var root: String?
  @Setting("episode", in: 0...1 << 40, help: "which of its episodes") var episode = 0

  /// The episode's actions; nil without a dataset.
  func actions() throws -> [[Double]]? {
    guard let root else { return nil }
    let dataset = try LeRobotDataset(root: URL(fileURLWithPath: root, isDirectory: true), episodes: [episode])
    let values = try dataset.values(of: BatchKey.action, at: Array(0..<dataset.count)).map(Double.init)
    let size = values.count / max(1, dataset.count)
    guard size == 7 else { throw Failure("the actions in \(root) have \(size) numbers, LIBERO's robot takes 7") }
    return stride(from: 0, to: values.count, by: size).map { Array(values[$0..<$0 + size]) }
  }
}
