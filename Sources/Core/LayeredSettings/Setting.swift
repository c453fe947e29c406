import ModelFiles

/// Whose parser knows a setting.
public enum SettingOwner: Sendable {
  /// LeRobot 0.4.4 and 0.6 have the setting too; their files may hold it.
  case lerobot
  /// Only this program has it, or one version of LeRobot under this name; the others refuse a file with it.
  case program
}

/// A setting of a section: its name in files and flags, what help says of it, and its default.
@propertyWrapper public struct Setting<Value: ConfigurationValue>: SettingProperty {
  public var wrappedValue: Value
  private let name: String
  private let owner: SettingOwner
  private let help: String

  public init(wrappedValue: Value, _ name: String, owner: SettingOwner = .lerobot, help: String) {
    (self.wrappedValue, self.name, self.owner, self.help) = (wrappedValue, name, owner, help)
  }

  /// A setting that is null by default.
  public init(_ name: String, owner: SettingOwner = .lerobot, help: String) where Value: ExpressibleByNilLiteral {
    self.init(wrappedValue: nil, name, owner: owner, help: help)
  }

  public init(from decoder: any Decoder) throws { throw DecodedAlone() }

  func leaves(in group: String) -> [Leaf] {
    [
      Leaf(
        path: [name], help: help, group: group, typeName: Value.typeName, typeDescription: Value.typeDescription,
        isSwitch: Value.self == Bool.self, owner: owner, value: wrappedValue.json)
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

  func validate() {}
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
