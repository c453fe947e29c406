import Failures
import Foundation
import LayeredSettings
import LiberoSimulation
import ModelFiles
import RobotEnvironments

/// `lerobot-wm replay`: an episode of LIBERO with given actions, written down so that anyone can compare the numbers.
enum ReplayCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("init_state", help: "which initial state to begin with") var initialState = 0
    @Setting("seed", help: "where the fixtures stand; evaluation takes its seed plus the episode") var seed = 0
    @Setting("actions", help: "NumPy file of actions: single or double precision, steps × 7") var actions = ""
    @Setting("images", help: "steps at which to draw, such as 0,60,150") var images = ""
    @Setting("output", help: "safetensors to write") var output = ""
    @Setting("overwrite", help: "replace the output file") var overwrites = false
    @SettingsGroup("env", title: "EnvConfig", help: "kind of environment", of: EnvironmentSettings.kinds)
    var environment = EnvironmentSettings.libero(LiberoSection())

    func validate() throws(ConfigurationError) {
      guard !actions.isEmpty, !output.isEmpty else { throw ConfigurationError("actions", "and --output are needed") }
      guard initialState >= 0 else {
        throw ConfigurationError("init_state", "expected 0 or more, found \(initialState)")
      }
    }
  }

  static let name = "replay"
  static let summary = "play given actions in a LIBERO task and write positions, sensors and images"
  static let examples = [
    "lerobot-wm replay --env.type=libero --env.task=libero_spatial --env.task_ids=[0] --init_state 0 --seed 0 "
      + "--actions ACTIONS.npy --images 0,60,150 --output TRACE.safetensors"
  ]

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    guard case .libero(let chosen) = settings.environment else {
      throw Failure("replay plays LIBERO's tasks; give --env.type=libero")
    }
    let output = URL(fileURLWithPath: settings.output)
    guard settings.overwrites || !FileManager.default.fileExists(atPath: output.path) else {
      throw FileError.exists(settings.output)
    }
    let tasks = try chosen.suite()
    guard tasks.taskNames.count == 1, let task = tasks.taskNames.first else {
      throw Failure(
        "replay plays one task, and the flags name \(tasks.taskNames.count); give --env.task=SUITE --env.task_ids=[T]")
    }
    let actions = try actions(settings.actions)
    let trace = try LiberoTrace(
      tasks.makeLiberoEnvironment(task: task), actions: actions, initialState: settings.initialState,
      seed: settings.seed, imageSteps: imageSteps(settings.images))
    try writeSafetensors(trace.tensors, metadata: ["task": task], to: output, overwrite: settings.overwrites)
    print(output.path)
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
