import ModelFiles

/// A setting of another program that shares this one's files and flags: known here, and without effect.
public struct ForeignSetting: Sendable {
  /// The dotted name; what lies below it belongs to it.
  public let name: String
  /// The values at which the other program does what this one does; nil for all.
  public let standards: [JSON]?
  /// Whether other values change the other program's results.
  public let changesResults: Bool

  /// - Parameter standards: beside null, which is always one.
  public init(_ name: String, _ standards: [JSON]? = [], changesResults: Bool = false) {
    (self.name, self.standards, self.changesResults) = (name, standards, changesResults)
  }

  /// Whether a value asks for nothing that this program would not do.
  func isStandard(_ value: JSON) -> Bool {
    guard let standards else { return true }
    return value == .null || standards.contains { Self.isWithin(value, $0) }
  }

  /// Null, the same value, or an object whose members are so.
  private static func isWithin(_ value: JSON, _ standard: JSON?) -> Bool {
    if value == .null || value == standard { return true }
    if let number = value.double, number == standard?.double { return true }
    guard let members = value.object else { return false }
    return members.allSatisfy { isWithin($1, standard?[$0]) }
  }

  /// A flag's text as a file would hold it.
  static func value(ofFlag text: String) -> JSON {
    if let flag = try? Bool(flag: text) { return .bool(flag) }
    if ["null", "none"].contains(text.lowercased()) { return .null }
    return (try? JSON(parsing: text)) ?? .string(text)
  }
}

extension Collection<ForeignSetting> {
  /// The setting that a dotted name belongs to.
  func owner(of name: String) -> ForeignSetting? { first { name == $0.name || name.hasPrefix($0.name + ".") } }
}
