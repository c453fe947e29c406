import ModelFiles

/// Whose parser knows a setting.
public enum SettingOwner: Sendable {
  /// LeRobot 0.4.4 and 0.6 have the setting too; their files may hold it.
  case lerobot
  /// Only this program has it, or one version of LeRobot under this name; the others refuse a file with it.
  case program
}

/// A setting of a section: its name in files and flags, what help says of it, its default, and the range of its numbers.
///
/// A setting of numbers does not compile without their range.
@propertyWrapper public struct Setting<Value: ConfigurationValue>: SettingProperty {
  public var wrappedValue: Value
  private let name: String
  private let range: ClosedRange<Value.Number>?
  private let owner: SettingOwner
  private let help: String

  private init(
    _ value: Value, _ name: String, _ range: ClosedRange<Value.Number>?, _ owner: SettingOwner, _ help: String
  ) {
    (wrappedValue, self.name, self.range, self.owner, self.help) = (value, name, range, owner, help)
  }

  /// A setting that holds no numbers.
  public init(wrappedValue: Value, _ name: String, owner: SettingOwner = .lerobot, help: String)
  where Value.Number == Never {
    self.init(wrappedValue, name, nil, owner, help)
  }

  /// A setting without numbers that is null by default.
  public init(_ name: String, owner: SettingOwner = .lerobot, help: String)
  where Value: ExpressibleByNilLiteral, Value.Number == Never {
    self.init(nil, name, nil, owner, help)
  }

  /// A number, or several, each of which must lie in `range`.
  public init(
    wrappedValue: Value, _ name: String, in range: ClosedRange<Value.Number>, owner: SettingOwner = .lerobot,
    help: String
  ) {
    self.init(wrappedValue, name, range, owner, help)
  }

  /// A number, or several, that is null by default and otherwise must lie in `range`.
  public init(
    _ name: String, in range: ClosedRange<Value.Number>, owner: SettingOwner = .lerobot, help: String
  ) where Value: ExpressibleByNilLiteral {
    self.init(nil, name, range, owner, help)
  }

  public init(from decoder: any Decoder) throws { throw DecodedAlone() }

  func leaves(in group: String) -> [Leaf] {
    [
      Leaf(
        path: [name], help: help, group: group, typeName: Value.typeName, typeDescription: Value.typeDescription,
        range: range.map(numberRangeText), isSwitch: Value.self == Bool.self, owner: owner, value: wrappedValue.json)
    ]
  }

  var namesOfEveryKind: [String] { [name] }

  func kinds(having name: String) -> [String] { [] }

  func place(of leaf: Leaf) -> Leaf? { leaf.path == [name] ? leaf : nil }

  func setting(_ leaf: Leaf, to input: SettingInput) throws(ConfigurationValueError) -> Self {
    var copy = self
    switch input {
    case .json(let json): copy.wrappedValue = try Value(json: json)
    case .flag(let text): copy.wrappedValue = try Value(flag: text)
    }
    return copy
  }

  /// Refuses numbers out of their range, and those that are none.
  func validate() throws(ConfigurationError) {
    guard let range, let number = wrappedValue.numbers.first(where: { !range.contains($0) }) else { return }
    let null = Value.self is any ExpressibleByNilLiteral.Type ? " or null" : ""
    throw ConfigurationError(name, "expected \(numberRangeText(range))\(null), found \(number)")
  }
}

/// A range as help and errors show it: "1 to 2^20", "0 to 0.999".
private func numberRangeText<Number>(_ range: ClosedRange<Number>) -> String {
  "\(numberText(range.lowerBound)) to \(numberText(range.upperBound))"
}

private func numberText<Number>(_ number: Number) -> String {
  let text = "\(number)"
  if let whole = number as? Int, whole >= 1 << 20, whole.nonzeroBitCount == 1 {
    return "2^\(whole.trailingZeroBitCount)"
  }
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

extension Setting: Equatable where Value: Equatable {
  /// Compares the values; the declarations are the same.
  public static func == (a: Self, b: Self) -> Bool { a.wrappedValue == b.wrappedValue }
}

/// What a layer gives for a setting.
enum SettingInput {
  case json(JSON)
  case flag(String)

  /// As errors show it.
  var description: String {
    switch self {
    case .json(let json): json.text(.line)
    case .flag(let text): "\"\(text)\""
    }
  }
}

/// What a leaf is to those that list or apply them all.
enum LeafRole: Sendable {
  case setting
  /// It chooses the kind of its group, and so comes before the group's settings.
  case tag
  /// It stands for a whole group that may be absent.
  case absence
}

/// A single setting of a section or of the groups within it, by its path, with its present value.
struct Leaf: Sendable {
  var path: [String]
  let help: String
  /// What help calls the section.
  var group: String
  /// The kind of value in a word, as draccus writes it.
  let typeName: String
  let typeDescription: String
  /// The range of its numbers, such as "1 to 64"; nil for a setting without numbers.
  var range: String?
  var isSwitch = false
  var role = LeafRole.setting
  var owner = SettingOwner.lerobot
  /// The present value; nil for the absence of a group that is there.
  var value: JSON?

  var name: String { path.joined(separator: ".") }
}

/// A stored property of a section that holds settings.
protocol SettingProperty: Decodable, Sendable {
  /// The settings in it; `group` is what help calls the section.
  func leaves(in group: String) -> [Leaf]
  var namesOfEveryKind: [String] { get }
  /// The choices of kinds that have a setting of this name, such as `policy.type=smolvla`.
  func kinds(having name: String) -> [String]
  /// The leaf as this property knows it, or nil if it is not in it.
  func place(of leaf: Leaf) -> Leaf?
  /// The same property with a leaf of its own set.
  func setting(_ place: Leaf, to input: SettingInput) throws(ConfigurationValueError) -> Self
  func validate() throws(ConfigurationError)
}
