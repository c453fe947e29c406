import Foundation
import LayeredSettings
import LiberoSimulation
import RobotEnvironments

/// `--env.…` of LIBERO, under LeRobot's names.
struct LiberoSection: ConfigurationSection, Equatable {
  @Setting("task", help: "suites, separated by commas: libero_spatial, libero_object, libero_goal, libero_10 …")
  var task = "libero_10"
  @Setting("task_ids", help: "which of each suite's tasks, such as [0,3]; null for all") var identifiers: [Int]?
  @Setting("control_mode", help: "relative: actions are pose deltas; absolute: target poses") var controlMode =
    ControlMode.relative
  @Setting("observation_height", help: "rows of each camera's image") var height = 256
  @Setting("observation_width", help: "pixels in a row of each camera's image") var width = 256
  @Setting("episode_length", help: "control steps of an episode; null for each suite's own") var maximumSteps: Int?

  static let title = "LiberoEnv"

  func validate() throws(ConfigurationError) {
    guard (16...1024).contains(height), (16...1024).contains(width) else {
      throw ConfigurationError("observation_height", "and observation_width must be 16 to 1024")
    }
    if let maximumSteps, maximumSteps < 1 {
      throw ConfigurationError("episode_length", "expected 1 or more, found \(maximumSteps)")
    }
  }

  func suite(_ initialStates: InitialStateSource = .official) throws -> LiberoTasks {
    var options = LiberoTasks.Options()
    options.initialStates = initialStates
    options.mode = controlMode
    (options.width, options.height, options.maximumSteps) = (width, height, maximumSteps)
    let names = task.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    let settings = try LiberoSettings.resolve()
    let tasks = try LiberoTasks(
      suites: names.map(LiberoSuite.init(named:)), identifiers: identifiers, settings: settings, options: options)
    // Said at once, and not after a policy has been loaded.
    _ = try LiberoAssets.resolve(settings)
    return tasks
  }
}

extension ControlMode: ConfigurationValue {}
