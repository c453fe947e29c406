import Failures
import ModelFiles

/// An entry that two records give differently.
public struct RecordDifference: Sendable, Equatable {
  /// The entry's dotted name.
  public let name: String
  /// The values, or nil where an entry is missing.
  public let first: JSON?, second: JSON?

  /// `env.image_size differs: 64 in E0_seed0, 32 in E2_seed0`, for the names `in E0_seed0` and `in E2_seed0`.
  public func text(_ firstName: String, _ secondName: String) -> String {
    let isAlike = first?.plain == second?.plain
    func shown(_ value: JSON?) -> String {
      value.map { String((isAlike ? $0.text(.line) : $0.plain).prefix(80)) } ?? "not recorded"
    }
    return "\(name) differs: \(shown(first)) \(firstName), \(shown(second)) \(secondName)"
  }
}

/// What two runs recorded of themselves, compared entry by entry.
public enum RecordDifferences {
  /// Entries of an evaluation's protocol that do not say how it was done: where, when, with how many threads, and by
  /// which of the weights that are being compared.
  static let incidentalToEvaluation = [
    "command_line", "working_directory", "date", "variables", "batch_size", "compute_threads", "policy_path", "step",
    "model_sha256",
    "sha256.model.safetensors", "sha256.config.json", "sha256.world_latents.json", "dropped_memories",
  ]

  /// Entries of a protocol that say where, when and how fast it was run, and change no outcome: the batch size is one unless
  /// memories are exchanged between the episodes that play side by side.
  public static func circumstances(of manifest: JSON) -> [String] {
    let always = ["command_line", "working_directory", "date", "variables", "compute_threads", "policy_path"]
    return manifest["world_memory_mode_rollout"] == "shuffle" ? always : always + ["batch_size"]
  }

  /// Entries of a training record that do not say how it was done.
  static let incidentalToTraining = ["command_line"]

  /// Entries in which the arms of an experiment differ by design.
  static let armEntries = ["policy_type", "world", "world_memory_mode_rollout", "sha256.encoder"]

  /// The entries that differ, in the order of the first record and then of the second.
  ///
  /// - Parameter ignored: names of entries; what is below an ignored entry is ignored too.
  public static func between(_ first: JSON, _ second: JSON, ignoring ignored: [String]) -> [RecordDifference] {
    let (one, other) = (leaves(of: first), leaves(of: second))
    let values = (Dictionary(one) { $1 }, Dictionary(other) { $1 })
    var names = one.map(\.0)
    names += other.map(\.0).filter { values.0[$0] == nil }
    return names.compactMap { name in
      guard !ignored.contains(where: { name == $0 || name.hasPrefix($0 + ".") }) else { return nil }
      guard values.0[name] != values.1[name] else { return nil }
      return RecordDifference(name: name, first: values.0[name], second: values.1[name])
    }
  }

  /// The values of a record by dotted name; an empty object is a value.
  private static func leaves(of json: JSON, below path: String = "") -> [(String, JSON)] {
    guard let members = json.object, !members.isEmpty else { return path.isEmpty ? [] : [(path, json)] }
    return members.flatMap { leaves(of: $1, below: path.isEmpty ? $0 : "\(path).\($0)") }
  }

  /// Whether a record has an entry of that name, or entries below it.
  static func has(_ name: String, in record: JSON) -> Bool {
    leaves(of: record).contains { $0.0 == name || $0.0.hasPrefix(name + ".") }
  }

  /// The failure of two records that must be alike; nil if they are.
  static func failure(_ differences: [RecordDifference], _ firstName: String, _ secondName: String) -> Failure? {
    guard !differences.isEmpty else { return nil }
    let texts = differences.prefix(3).map { $0.text("in " + firstName, "in " + secondName) }
    let more = differences.count > 3 ? ["and \(differences.count - 3) more"] : []
    // So many are not to be waved through.
    let names = differences.map(\.name).joined(separator: ",")
    let fix = differences.count > 5 ? "" : "; to compare them all the same give `allow_differences=\(names)`"
    return Failure((texts + more).joined(separator: "; ") + fix)
  }
}
