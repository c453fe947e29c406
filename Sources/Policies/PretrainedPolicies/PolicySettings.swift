import Failures
import LayeredSettings
import ModelFiles
import OrderedCollections
import RobotPolicies
import SmolVLA
import WorldModality

/// The settings of one kind of policy, chosen by `type`.
public enum PolicySettings: Sendable, Equatable {
  case smolvla(SmolVLAConfiguration)
  /// SmolVLA with the world modality.
  case smolvlaWorld(SmolVLAWorldConfiguration)

  /// The kinds, for a configuration's `policy` section.
  public static var kinds: [SettingsKind<PolicySettings>] {
    [
      SettingsKind("smolvla", SmolVLAConfiguration.self, wrap: PolicySettings.smolvla) {
        if case .smolvla(let settings) = $0 { settings } else { nil }
      },
      SettingsKind("smolvla_world", SmolVLAWorldConfiguration.self, wrap: PolicySettings.smolvlaWorld) {
        if case .smolvlaWorld(let settings) = $0 { settings } else { nil }
      },
    ]
  }

  /// The name in `type`.
  public var type: String {
    switch self {
    case .smolvla: "smolvla"
    case .smolvlaWorld: "smolvla_world"
    }
  }

  public var smolvla: SmolVLAConfiguration {
    get {
      switch self {
      case .smolvla(let settings): settings
      case .smolvlaWorld(let settings): settings.smolvla
      }
    }
    set {
      switch self {
      case .smolvla: self = .smolvla(newValue)
      case .smolvlaWorld(var settings):
        settings.smolvla = newValue
        self = .smolvlaWorld(settings)
      }
    }
  }

  /// The world modality's part, if there is one.
  public var world: WorldModalityConfiguration? {
    if case .smolvlaWorld(let settings) = self { settings.world } else { nil }
  }

  /// Reads another memory in closed loop.
  ///
  /// - Throws: if the policy reads no memory.
  public mutating func rollOut(with memory: RolloutMemoryMode) throws {
    guard case .smolvlaWorld(var settings) = self else { throw Failure("\(type) reads no memory") }
    settings.world.rolloutMemory = memory
    self = .smolvlaWorld(settings)
  }

  /// `config.json`: the type and all settings that LeRobot knows, and the world modality's.
  public var json: JSON {
    var members = smolvla.checkpointJSON.object ?? [:]
    members["type"] = .string(type)
    if let world { members.merge(world.json.object ?? [:]) { $1 } }
    return .object(members)
  }
}
