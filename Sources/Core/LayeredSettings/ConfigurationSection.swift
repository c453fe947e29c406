import ModelFiles

/// A group of settings, each declared once: name, help, owner and default.
///
/// ```swift
/// struct AdamWSettings: ConfigurationSection {
///   @Setting("lr", in: 0...1, help: "learning rate") var learningRate = 1e-4
///   @Setting("betas", in: 0...1, help: "decay rates of the two moments") var betas = [0.9, 0.95]
///
///   func validate() throws(ConfigurationError) {
///     guard betas.count == 2 else { throw ConfigurationError("betas", "expected two numbers, found \(betas)") }
///   }
/// }
/// ```
///
/// Help and JSON show the settings in the order of their declaration. The compiler's `Decodable` conformance is how a
/// section with one property changed is built, as in swift-argument-parser; sections are not decoded from files by it.
public protocol ConfigurationSection: Decodable, Sendable {
  init()
  /// What help calls the group, LeRobot's name where it has one; without it the type's.
  static var title: String { get }
  /// The value that JSON and help show for a setting that is null because it follows from others; nil for all others.
  func derivedValue(of name: String) -> JSON?
  /// Refuses values that are of their type and in their range but make no sense, alone or together, by the settings' names.
  func validate() throws(ConfigurationError)
}

extension ConfigurationSection {
  /// The type's name as LeRobot forms them: `DatasetSettings` is `DatasetConfig`, `EvalCommand.Settings` `EvalConfig`.
  public static var title: String {
    let names = String(reflecting: Self.self).split(separator: ".").map(String.init)
    let name = names.last == "Settings" ? names.dropLast().last ?? "" : names.last ?? ""
    let ending = ["Configuration", "Settings", "Section", "Command"].first { name.hasSuffix($0) } ?? ""
    return name.dropLast(ending.count) + "Config"
  }

  public func derivedValue(of name: String) -> JSON? { nil }

  public func validate() throws(ConfigurationError) {}

  /// The stored properties by name; of a wrapped one, the wrapper.
  private var storedProperties: [(name: String, value: Any)] {
    Mirror(reflecting: self).children.map { child in
      let label = child.label ?? ""
      return (String(label.first == "_" ? label.dropFirst() : label[...]), child.value)
    }
  }

  private var settingProperties: [any SettingProperty] {
    storedProperties.compactMap { $0.value as? any SettingProperty }
  }

  /// The settings that this value has, those of its groups included.
  var leaves: [Leaf] {
    settingProperties.flatMap { $0.leaves(in: Self.title) }.map { leaf in
      guard leaf.value == .null, leaf.role == .setting, let value = derivedValue(of: leaf.name) else { return leaf }
      var leaf = leaf
      leaf.value = value
      return leaf
    }
  }

  /// The dotted names of the settings, whatever kinds of groups are chosen.
  public var namesOfEveryKind: [String] { settingProperties.flatMap(\.namesOfEveryKind) }

  /// The choices of kinds that have a setting of this name, such as `policy.type=smolvla`.
  func kinds(having name: String) -> [String] { settingProperties.flatMap { $0.kinds(having: name) } }

  /// The same section with one of its leaves set.
  func setting(_ leaf: Leaf, to input: SettingInput) throws(ConfigurationValueError) -> Self {
    var values: [String: Any] = [:]
    for (name, value) in storedProperties {
      guard let property = value as? any SettingProperty, let place = property.place(of: leaf) else {
        values[name] = value
        continue
      }
      values[name] = try property.setting(place, to: input)
    }
    return Self(storedProperties: values)
  }

  /// Validates the settings and groups of this value one by one, then all together.
  public func validateAll() throws(ConfigurationError) {
    for property in settingProperties { try property.validate() }
    try validate()
  }
}
