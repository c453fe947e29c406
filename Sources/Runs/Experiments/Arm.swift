import Failures
import ModelFiles
import OrderedCollections

/// An arm of an experiment: one way to train, and its part in the comparisons.
public struct Arm: Sendable, Equatable, Decodable {
  /// What an arm is for; roles, not names, decide what is compared with what.
  public enum Role: String, Sendable, CaseIterable, Decodable {
    /// What every other arm is compared with.
    case baseline
    /// Has the treatment's parameters without its effect, so it must equal the baseline.
    case control
    /// What the experiment is about; the first one against the baseline is the primary comparison.
    case treatment
    /// Helps to understand the others and is never the primary comparison.
    case check
  }

  /// The first part of its runs' names: `E2` of `E2_seed0`.
  public let name: String
  /// What it is, in a few words.
  public let title: String
  public let role: Role
  /// The settings of training that make it what it is, by dotted name.
  public let settings: OrderedDictionary<String, String>

  /// Creates an arm.
  ///
  /// - Throws: if the name could not be a run's, or would be mistaken for another folder of the experiment.
  public init(
    _ name: String, title: String, role: Role, settings: OrderedDictionary<String, String>
  ) throws {
    let isName = !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
    guard isName, !name.hasPrefix("-"), !name.contains("_seed") else {
      throw Failure("an arm's name has letters, digits, - and _, and no _seed in it; \"\(name)\" does not")
    }
    (self.name, self.title, self.role, self.settings) = (name, title, role, settings)
  }

  private init(known name: String, _ role: Role, _ title: String, _ settings: OrderedDictionary<String, String>) {
    (self.name, self.title, self.role, self.settings) = (name, title, role, settings)
  }

  /// Whether it trains a world modality.
  public var isWorld: Bool { settings["policy.type"] == "smolvla_world" }

  /// The arm as `matrix.json` keeps it.
  var json: JSON {
    [
      "title": .string(title), "role": .string(role.rawValue),
      "settings": .object(OrderedDictionary(uniqueKeysWithValues: settings.map { ($0.key, .string($0.value)) })),
    ]
  }

  /// An arm as `matrix.json` keeps it.
  init(_ name: String, _ json: JSON) throws {
    guard let title = json["title"]?.string, let role = json["role"]?.string.flatMap(Role.init(rawValue:)),
      let settings = json["settings"]?.object, settings.values.allSatisfy({ $0.string != nil })
    else { throw Failure("the arm \(name) is damaged: expected title, role and settings; restore the file") }
    try self.init(name, title: title, role: role, settings: settings.compactMapValues(\.string))
  }
}

extension Arm {
  /// The arms that have a name without being defined.
  public static let known: [Arm] = [
    Arm(known: "E0", .baseline, "SmolVLA, the baseline", ["policy.type": "smolvla"]),
    Arm(known: "E1", .control, "world policy with a memory of zeros", memory("zero")),
    Arm(known: "E2", .treatment, "world policy with a predicted memory", memory("pred")),
    // Rollouts do not know the future, so they use the prediction.
    Arm(known: "oracle", .check, "trained with the true future", memory("oracle", rollout: "pred")),
    Arm(known: "shuffle", .check, "the memory of other samples", memory("shuffle")),
    Arm(known: "random", .check, "a memory of noise", memory("random")),
    variant("F2", "memory read by the suffix before the expert", ["world_inject_suffix_in": "true"]),
    variant(
      "F3a_state", "memory as prefix tokens that only the state and the actions see",
      ["world_prefix_tokens": "8", "world_prefix_block": "state"]),
    variant(
      "F3a_prefix", "memory as prefix tokens that images and instruction see too",
      ["world_prefix_tokens": "8", "world_prefix_block": "prefix"]),
    variant("F3b", "prefix that reads the memory", ["world_prefix_cross_attn": "true"]),
    variant(
      "wrist", "predicted memory of the wrist camera", ["world_camera": "wrist", "latent_suffix": "m4_wrist"]),
    variant("horizon4", "predicted memory of four frames", ["future_offset": "4"]),
  ]

  /// The arms of an experiment that names none.
  public static let usual = ["E0", "E1", "E2"]

  private static func memory(_ train: String, rollout: String? = nil) -> OrderedDictionary<String, String> {
    [
      "policy.type": "smolvla_world", "policy.world_memory_mode_train": train,
      "policy.world_memory_mode_rollout": rollout ?? train,
    ]
  }

  /// E2 with other settings of its policy.
  private static func variant(_ name: String, _ title: String, _ changes: OrderedDictionary<String, String>) -> Arm {
    var settings = memory("pred")
    for (key, value) in changes { settings["policy." + key] = value }
    return Arm(known: name, .treatment, title, settings)
  }
}
