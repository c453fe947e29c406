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
      guard let value else { return "not recorded" }
      let text = isAlike ? value.text(.line) : value.plain
      // Of a hash the first digits tell enough.
      return text.count == 64 && text.allSatisfy(\.isHexDigit) ? "\(text.prefix(12))…" : String(text.prefix(80))
    }
    return "\(name) differs: \(shown(first)) \(firstName), \(shown(second)) \(secondName)"
  }
}

/// What two runs recorded of themselves, compared entry by entry.
public enum RecordDifferences {
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
      guard value(name, in: values.0) != value(name, in: values.1) else { return nil }
      return RecordDifference(name: name, first: values.0[name], second: values.1[name])
    }
  }

  /// What records leave out that were written before the program could do otherwise.
  private static let formerValues: [String: JSON] = ["lerobot_version": "0.4", "policy.lerobot_version": nil]

  private static func value(_ name: String, in record: [String: JSON]) -> JSON? { record[name] ?? formerValues[name] }

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
    let fix =
      differences.count > 5
      ? "; do both with the same settings" : "; to compare them all the same give `allow_differences=\(names)`"
    return Failure((texts + more).joined(separator: "; ") + fix)
  }
}
