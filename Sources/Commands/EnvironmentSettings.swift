import Configuration
import Environments
import Foundation
import Libero
import Shapes

/// `--env.…` of the embedded suite.
struct ShapesSettings: ConfigurationSection, Equatable {
  var task = ""
  var imageSize = 64

  static var fields: [Field<Self>] {
    [
      .init("task", \.task, help: "tasks, separated by commas; empty for all"),
      .init("image_size", \.imageSize, help: "the side of each camera's picture, pixels"),
    ]
  }
}

/// `--env.…` of LIBERO.
struct LiberoEnvironmentSettings: ConfigurationSection, Equatable {
  var task = "libero_spatial"
  var taskIndices: [Int]?
  var controlMode = ControlMode.relative.rawValue

  static var fields: [Field<Self>] {
    [
      .init("task", \.task, help: "suites, separated by commas"),
      .init("task_ids", \.taskIndices, help: "tasks of each suite; null for all"),
      .init("control_mode", \.controlMode, help: "relative: actions change the pose; absolute: actions are poses"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard ControlMode(rawValue: controlMode) != nil else {
      throw ConfigurationError("control_mode", "expected relative or absolute, found \(controlMode)")
    }
  }

  func tasks() throws -> LiberoTasks {
    let suites = try task.split(separator: ",").map {
      try LiberoSuite(named: $0.trimmingCharacters(in: .whitespaces))
    }
    return try LiberoTasks(suites, indices: taskIndices, mode: ControlMode(rawValue: controlMode) ?? .relative)
  }
}

/// The environment chosen by `--env.type`.
enum EnvironmentSettings: Sendable, Equatable {
  case shapes(ShapesSettings)
  case libero(LiberoEnvironmentSettings)

  static var choices: [Choice<EnvironmentSettings>] {
    [
      Choice("shapes", ShapesSettings.self, wrap: EnvironmentSettings.shapes) {
        if case .shapes(let settings) = $0 { settings } else { nil }
      },
      Choice("libero", LiberoEnvironmentSettings.self, wrap: EnvironmentSettings.libero) {
        if case .libero(let settings) = $0 { settings } else { nil }
      },
    ]
  }

  func suite() throws -> any EnvironmentSuite {
    switch self {
    case .shapes(let settings): try ShapesSuite(imageSize: settings.imageSize)
    case .libero(let settings): try settings.tasks()
    }
  }

  /// The tasks asked for, each one of the suite's.
  func tasks() throws -> [String] {
    let suite = try suite()
    switch self {
    case .shapes(let settings):
      let names = settings.task.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      for name in names { _ = try suite.specification(ofTask: name) }
      return names.isEmpty ? suite.taskNames : names
    case .libero: return suite.taskNames
    }
  }
}
