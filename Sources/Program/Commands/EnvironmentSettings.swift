import Failures
import Foundation
import LayeredSettings
import LiberoSimulation
import ModelFiles
import OrderedCollections
import RobotEnvironments
import RobotPolicies
import ShapesSimulation

/// `--env.…` of the embedded suite.
struct ShapesSettings: ConfigurationSection, Equatable {
  @Setting("task", help: "tasks, separated by commas; empty for all") var task = ""
  @Setting("image_size", in: 16...1024, help: "the side of each camera's image, pixels") var imageSize = 64

  static let title = "ShapesEnv"
}

/// The environment chosen by `--env.type`.
enum EnvironmentSettings: Sendable, Equatable {
  case shapes(ShapesSettings)
  case libero(LiberoSection)

  static var kinds: [SettingsKind<EnvironmentSettings>] {
    [
      SettingsKind("shapes", ShapesSettings.self, wrap: EnvironmentSettings.shapes) {
        if case .shapes(let settings) = $0 { settings } else { nil }
      },
      SettingsKind("libero", LiberoSection.self, wrap: EnvironmentSettings.libero) {
        if case .libero(let settings) = $0 { settings } else { nil }
      },
    ]
  }

  /// The name in `type`.
  var type: String {
    switch self {
    case .shapes: "shapes"
    case .libero: "libero"
    }
  }

  /// All settings of the environment, its type first.
  var json: JSON {
    let settings: JSON =
      switch self {
      case .shapes(let settings): settings.json
      case .libero(let settings): settings.recorded
      }
    let members: OrderedDictionary<String, JSON> = ["type": .string(type)]
    return .object(members.merging(settings.object ?? [:]) { $1 })
  }

  /// The same with images of the size that a policy was trained on, where the settings leave it open, and a line that
  /// says so.
  func showing(
    _ inputs: PolicyFeatures, renaming: OrderedDictionary<String, String> = [:]
  ) -> (settings: EnvironmentSettings, notice: String?) {
    guard case .libero(let section) = self else { return (self, nil) }
    let found = section.showing(inputs, renaming: renaming)
    return (.libero(found.section), found.notice)
  }

  /// The size of images as flags, where others do not give it.
  func imageFlags(beside flags: [Arguments.Flag]) -> [String] {
    guard case .libero(let section) = self else { return [] }
    let sizes = [("env.observation_height", section.height), ("env.observation_width", section.width)]
    return sizes.compactMap { name, size in
      flags.contains { $0.name == name } ? nil : size.map { "--\(name)=\($0)" }
    }
  }

  /// - Parameter initialStates: where LIBERO's episodes start; shapes has no official states.
  func suite(_ initialStates: InitialStateSource) throws -> any EnvironmentSuite {
    switch self {
    case .shapes(let settings): try ShapesSuite(imageSize: settings.imageSize)
    case .libero(let settings): try settings.suite(initialStates)
    }
  }

  /// The tasks asked for, each one of the suite's.
  func tasks(of suite: any EnvironmentSuite) throws -> [String] {
    switch self {
    case .shapes(let settings):
      let names = listedNames(settings.task)
      for name in names { _ = try suite.specification(ofTask: name) }
      if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
        throw Failure("`env.task` names \(twice) twice, whose episodes would count twice")
      }
      return names.isEmpty ? suite.taskNames : names
    case .libero: return suite.taskNames
    }
  }
}
