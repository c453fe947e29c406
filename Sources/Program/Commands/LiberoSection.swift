import Foundation
import LayeredSettings
import LiberoSimulation
import RobotEnvironments

/// `--env.…` of LIBERO, under LeRobot's names.
struct LiberoSection: ConfigurationSection, Equatable {
  var task = "libero_10"
  var identifiers: [Int]?
  var controlMode = "relative"
  var height = 256
  var width = 256
  var maximumSteps: Int?

  static let title = "LiberoEnv"
  static var fields: [Field<Self>] {
    [
      .init(
        "task", \.task, help: "suites, separated by commas: libero_spatial, libero_object, libero_goal, libero_10 …"),
      .init("task_ids", \.identifiers, help: "which of each suite's tasks, such as [0,3]; null for all"),
      .init("control_mode", \.controlMode, help: "relative or absolute: actions are changes of pose, or poses"),
      .init("observation_height", \.height, help: "rows of each camera's image"),
      .init("observation_width", \.width, help: "pixels in a row of each camera's image"),
      .init("episode_length", \.maximumSteps, help: "control steps of an episode; null for each suite's own"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard ControlMode(rawValue: controlMode) != nil else {
      throw ConfigurationError("control_mode", "expected relative or absolute, found \(controlMode)")
    }
    guard (16...1024).contains(height), (16...1024).contains(width) else {
      throw ConfigurationError("observation_height", "and observation_width must be 16 to 1024")
    }
    if let maximumSteps, maximumSteps < 1 {
      throw ConfigurationError("episode_length", "expected 1 or more, found \(maximumSteps)")
    }
  }

  func suite() throws -> LiberoTasks {
    var options = LiberoTasks.Options()
    options.mode = ControlMode(rawValue: controlMode) ?? .relative
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
