// Witnesses are documented once, in the protocol.

import ModelFiles
import OrderedCollections

/// A type that a setting can have: read from JSON and from a flag's text, written as JSON.
public protocol ConfigurationValue: Sendable {
  /// What a value is, for errors and help, such as "an integer".
  static var typeDescription: String { get }
  /// The same in a word, as draccus writes it, such as "int".
  static var typeName: String { get }
  /// What its numbers are, each of which a setting gives a range; a value of another kind has none.
  associatedtype Number: Comparable & Sendable = Never
  var numbers: [Number] { get }
  init(json: JSON) throws(ConfigurationValueError)
  init(flag: String) throws(ConfigurationValueError)
  var json: JSON { get }
}

extension ConfigurationValue {
  public static var typeName: String { "\(Self.self)" }

  /// Reads the text as JSON; types whose text is plainer than that replace it.
  public init(flag: String) throws(ConfigurationValueError) {
    do {
      try self.init(json: JSON(parsing: flag))
    } catch {
      throw Self.mismatch(flag)
    }
  }

  static func mismatch(_ json: JSON) -> ConfigurationValueError {
    ConfigurationValueError(expected: typeDescription, found: json.text(.line))
  }

  static func mismatch(_ flag: String) -> ConfigurationValueError {
    ConfigurationValueError(expected: typeDescription, found: "\"\(flag)\"")
  }
}

extension ConfigurationValue where Number == Never {
  public var numbers: [Never] { [] }
}

extension Int: ConfigurationValue {
  public static var typeDescription: String { "an integer" }
  public static var typeName: String { "int" }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let value = json.integer else { throw Self.mismatch(json) }
    self = value
  }

  public init(flag: String) throws(ConfigurationValueError) {
    guard let value = Int(flag.replacing("_", with: "")) else { throw Self.mismatch(flag) }
    self = value
  }

  public var numbers: [Int] { [self] }
  public var json: JSON { .integer(self) }
}

extension Double: ConfigurationValue {
  public static var typeDescription: String { "a number" }
  public static var typeName: String { "float" }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let value = json.double else { throw Self.mismatch(json) }
    self = value
  }

  public init(flag: String) throws(ConfigurationValueError) {
    guard let value = Double(flag) else { throw Self.mismatch(flag) }
    self = value
  }

  public var numbers: [Double] { [self] }
  public var json: JSON { .number(self) }
}

extension Bool: ConfigurationValue {
  public static var typeDescription: String { "true or false" }
  public static var typeName: String { "bool" }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let value = json.bool else { throw Self.mismatch(json) }
    self = value
  }

  public init(flag: String) throws(ConfigurationValueError) {
    // YAML's words, which draccus takes.
    switch flag.lowercased() {
    case "true", "yes", "on": self = true
    case "false", "no", "off": self = false
    default: throw Self.mismatch(flag)
    }
  }

  public var json: JSON { .bool(self) }
}

extension String: ConfigurationValue {
  public static var typeDescription: String { "a text" }
  public static var typeName: String { "str" }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let value = json.string else { throw Self.mismatch(json) }
    self = value
  }

  public init(flag: String) { self = flag }

  public var json: JSON { .string(self) }
}

/// Settings this program only carries along.
extension JSON: ConfigurationValue {
  public static var typeDescription: String { "a JSON value" }
  public static var typeName: String { "JSON" }
  public init(json: JSON) { self = json }
  public var json: JSON { self }
}

extension Optional: ConfigurationValue where Wrapped: ConfigurationValue {
  public static var typeDescription: String { "\(Wrapped.typeDescription) or null" }
  public static var typeName: String { "[\(Wrapped.typeName)]" }

  public init(json: JSON) throws(ConfigurationValueError) {
    if json == .null { self = nil } else { self = try Wrapped(json: json) }
  }

  /// Reads YAML's `null` and `~`, and Python's `None`, as nil.
  public init(flag: String) throws(ConfigurationValueError) {
    if ["null", "none", "~"].contains(flag.lowercased()) { self = nil } else { self = try Wrapped(flag: flag) }
  }

  public var numbers: [Wrapped.Number] { self?.numbers ?? [] }
  public var json: JSON { self?.json ?? .null }
}

extension Array: ConfigurationValue where Element: ConfigurationValue {
  public static var typeDescription: String { "a list whose every value is \(Element.typeDescription)" }
  public static var typeName: String { "List" }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let elements = json.array else { throw Self.mismatch(json) }
    self = []
    for element in elements { append(try Element(json: element)) }
  }

  /// Reads `[1,2]` as JSON, and `[front,wrist]` as a list of plain texts.
  public init(flag: String) throws(ConfigurationValueError) {
    if let json = try? JSON(parsing: flag) {
      self = try Self(json: json)
    } else {
      guard let parts = listed(flag, in: "[", "]") else { throw Self.mismatch(flag) }
      self = []
      for part in parts { append(try Element(flag: part)) }
    }
  }

  public var numbers: [Element.Number] { flatMap(\.numbers) }
  public var json: JSON { .array(map(\.json)) }
}

extension OrderedDictionary: ConfigurationValue where Key == String, Value: ConfigurationValue {
  public static var typeDescription: String { "a map whose every value is \(Value.typeDescription)" }
  public static var typeName: String { "Dict" }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let members = json.object else { throw Self.mismatch(json) }
    self = [:]
    for (key, value) in members { self[key] = try Value(json: value) }
  }

  /// Reads `{"a":"b"}` as JSON, and `{a: b}` as plain texts.
  public init(flag: String) throws(ConfigurationValueError) {
    if let json = try? JSON(parsing: flag) {
      self = try Self(json: json)
    } else {
      guard let parts = listed(flag, in: "{", "}") else { throw Self.mismatch(flag) }
      self = [:]
      for part in parts {
        guard let colon = part.firstIndex(of: ":") else { throw Self.mismatch(flag) }
        self[bare(part[..<colon])] = try Value(flag: bare(part[part.index(after: colon)...]))
      }
    }
  }

  public var json: JSON { .object(OrderedDictionary<String, JSON>(uniqueKeysWithValues: map { ($0, $1.json) })) }
}

/// The comma-separated parts between two brackets, or nil where those are missing.
private func listed(_ text: String, in open: Character, _ close: Character) -> [String]? {
  guard text.first == open, text.last == close, text.count > 1 else { return nil }
  let parts = text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false).map(bare)
  return parts == [""] ? [] : parts
}

/// The text without the space and the one pair of quotes around it.
private func bare(_ text: Substring) -> String {
  let trimmed = text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
  guard let quote = trimmed.first, quote == "\"" || quote == "'", trimmed.last == quote, trimmed.count > 1 else {
    return String(trimmed)
  }
  return String(trimmed.dropFirst().dropLast())
}

extension ConfigurationValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  /// The allowed texts, in the order of the cases.
  public static var typeDescription: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
  public static var typeName: String { "{" + allCases.map(\.rawValue).joined(separator: ",") + "}" }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let value = json.string.flatMap(Self.init(rawValue:)) else { throw Self.mismatch(json) }
    self = value
  }

  public init(flag: String) throws(ConfigurationValueError) {
    guard let value = Self(rawValue: flag) else { throw Self.mismatch(flag) }
    self = value
  }

  public var json: JSON { .string(rawValue) }
}
