import LayeredSettings
import ModelFiles
import PolicyEvaluation
import PretrainedPolicies
import WorldModality

/// A condition under which a checkpoint is rolled out to see what it uses.
enum RolloutAblation: Sendable, Hashable {
  /// Another memory than the one that follows from training.
  case memory(RolloutMemoryMode)
  case observation(ObservationAblation)

  var name: String {
    switch self {
    case .memory(let mode): mode.rawValue
    case .observation(let ablation): ablation.name
    }
  }

  init?(name: String) {
    if let mode = RolloutMemoryMode(rawValue: name) {
      self = .memory(mode)
    } else if let ablation = ObservationAblation(name: name) {
      self = .observation(ablation)
    } else {
      return nil
    }
  }

  /// The ablation that a policy's own settings amount to: a memory other than that of its training.
  init?(of world: WorldModalityConfiguration?) {
    guard let world, world.rolloutMemory != world.trainingMemory.inClosedLoop else { return nil }
    self = .memory(world.rolloutMemory)
  }
}

extension RolloutAblation: ConfigurationValue {
  static var typeDescription: String {
    "one of " + RolloutMemoryMode.allCases.map(\.rawValue).joined(separator: ", ")
      + ", contrary_instruction, garbled_instruction, blank_images, blank_image.CAMERA, state_noise, state_noise.SCALE"
  }
  static let typeName = "ablation"

  init(json: JSON) throws(ConfigurationValueError) {
    guard let value = json.string.flatMap(Self.init(name:)) else {
      throw ConfigurationValueError(expected: Self.typeDescription, found: json.text(.line))
    }
    self = value
  }

  init(flag: String) throws(ConfigurationValueError) {
    guard let value = Self(name: flag) else {
      throw ConfigurationValueError(expected: Self.typeDescription, found: "\"\(flag)\"")
    }
    self = value
  }

  var json: JSON { .string(name) }
}
