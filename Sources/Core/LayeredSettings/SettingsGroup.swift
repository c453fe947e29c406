import ModelFiles

/// A section within a section.
///
/// ```swift
/// @SettingsGroup("dataset") var dataset = DatasetSettings()
/// @SettingsGroup("env", help: "kind of environment", of: EnvironmentSettings.kinds) var environment: EnvironmentSettings?
/// ```
///
/// The first gives `dataset.repo_id` and so on. The second is a section of one of several types, chosen by `env.type`;
/// choosing another one gives that one's defaults. An optional group that is absent is `null` in JSON.
@propertyWrapper public struct SettingsGroup<Value: Sendable>: SettingProperty {
  public var wrappedValue: Value
  private var name: String?
  private var prefix = ""
  private var tag: Tag?
  private let kinds: [SettingsKind<Value>]
  /// The value without a section, if there may be none.
  private var absent: Value?

  private struct Tag {
    let name = "type"
    /// What help calls the group of the kinds.
    let title: String
    let help: String
  }

  private init(_ value: Value, _ name: String?, _ kinds: [SettingsKind<Value>], absent: Value? = nil) {
    (wrappedValue, self.name, self.kinds, self.absent) = (value, name, kinds, absent)
  }

  /// A section whose settings are called `name.…`; without a name they are among this one's, with `prefix` before them.
  public init(wrappedValue: Value, _ name: String? = nil, prefix: String = "") where Value: ConfigurationSection {
    self.init(wrappedValue, name, [SettingsKind("", Value.self, wrap: { $0 }, unwrap: { $0 })])
    self.prefix = prefix
  }

  /// A section that is absent until one of its settings is given.
  public init<Section: ConfigurationSection>(_ name: String) where Value == Section? {
    self.init(nil, name, [SettingsKind("", Section.self, wrap: { $0 }, unwrap: { $0 })], absent: .some(nil))
  }

  /// A section of one of several kinds, chosen by `name.type`.
  public init(
    wrappedValue: Value, _ name: String, title: String = "Config", help: String, of kinds: [SettingsKind<Value>]
  ) {
    self.init(wrappedValue, name, kinds)
    tag = Tag(title: title, help: help)
  }

  /// A section of one of several kinds that may be absent.
  public init<Section: Sendable>(
    wrappedValue: Value = nil, _ name: String, title: String = "Config", help: String, of kinds: [SettingsKind<Section>]
  ) where Value == Section? {
    self.init(wrappedValue, name, kinds.map(\.optional), absent: .some(nil))
    tag = Tag(title: title, help: help)
  }

  public init(from decoder: any Decoder) throws { throw DecodedAlone() }

  private var section: (any ConfigurationSection)? { kinds.lazy.compactMap { $0.unwrap(wrappedValue) }.first }

  private var kind: SettingsKind<Value>? { kinds.first { $0.unwrap(wrappedValue) != nil } }

  func leaves(in group: String) -> [Leaf] {
    var leaves: [Leaf] = []
    if let name, tag != nil || absent != nil {
      leaves.append(
        Leaf(
          path: [name], help: "", group: "", typeName: "null", typeDescription: "a section or null", role: .absence,
          value: section == nil ? .null : nil))
    }
    if let name, let tag {
      let tags = kinds.map(\.tag)
      leaves.append(
        Leaf(
          path: [name, tag.name], help: tag.help, group: tag.title,
          typeName: "{" + tags.joined(separator: ",") + "}", typeDescription: "one of " + tags.joined(separator: ", "),
          role: .tag, value: kind.map { .string($0.tag) }))
    }
    // The settings of an absent section can be given, which makes it present; those of a kind only once it is chosen.
    let isPresent = section != nil
    guard let inner = section ?? (tag == nil ? kinds.first?.new() : nil) else { return leaves }
    return leaves
      + inner.leaves.map { leaf in
        var leaf = leaf
        leaf.path[0] = prefix + leaf.path[0]
        if let name { leaf.path.insert(name, at: 0) } else { leaf.group = group }
        if !isPresent { leaf.value = nil }
        return leaf
      }
  }

  var namesOfEveryKind: [String] {
    let before = (name.map { $0 + "." } ?? "") + prefix
    return (tag.map { [before + $0.name] } ?? []) + kinds.flatMap { $0.new().namesOfEveryKind }.map { before + $0 }
  }

  func kinds(having name: String) -> [String] {
    let before = (self.name.map { $0 + "." } ?? "") + prefix
    guard name.hasPrefix(before) else { return [] }
    let rest = String(name.dropFirst(before.count))
    guard let tag else { return kinds.flatMap { $0.new().kinds(having: rest) }.map { before + $0 } }
    return kinds.filter { $0.new().namesOfEveryKind.contains(rest) }.map { "\(before)\(tag.name)=\($0.tag)" }
  }

  func place(of leaf: Leaf) -> Leaf? {
    var place = leaf
    if let name {
      guard place.path.first == name else { return nil }
      place.path.removeFirst()
    } else {
      guard leaves(in: "").contains(where: { $0.path == leaf.path }) else { return nil }
    }
    if let first = place.path.first { place.path[0] = String(first.dropFirst(prefix.count)) }
    return place
  }

  func setting(_ place: Leaf, to input: SettingInput) throws(ConfigurationValueError) -> Self {
    var copy = self
    switch place.path {
    case []: copy.wrappedValue = try removed(input)
    case [tag?.name]: copy.wrappedValue = try chosen(input)
    default:
      guard let section = section ?? kinds.first?.new(), let kind = kind ?? kinds.first else { return self }
      copy.wrappedValue = try kind.wrap(section.setting(place, to: input)) ?? wrappedValue
    }
    return copy
  }

  private func removed(_ input: SettingInput) throws(ConfigurationValueError) -> Value {
    switch input {
    case .json(.null): break
    case .flag(let text) where ["null", "none"].contains(text.lowercased()): break
    case .json: throw ConfigurationValueError(expected: "a section or null", found: input.description)
    case .flag:
      throw ConfigurationValueError(expected: "null, or a flag --\(name ?? "").…", found: input.description)
    }
    return absent ?? wrappedValue
  }

  private func chosen(_ input: SettingInput) throws(ConfigurationValueError) -> Value {
    let tag: String? =
      switch input {
      case .json(let json): json.string
      case .flag(let text): text
      }
    guard let kind = kinds.first(where: { $0.tag == tag }) else {
      let tags = kinds.map(\.tag).joined(separator: ", ")
      throw ConfigurationValueError(expected: "one of " + tags, found: input.description)
    }
    return kind.unwrap(wrappedValue) == nil ? kind.wrap(kind.new()) ?? wrappedValue : wrappedValue
  }

  func validate() throws(ConfigurationError) {
    do throws(ConfigurationError) { try section?.validateAll() } catch { throw error.within(name, prefix: prefix) }
  }
}

extension SettingsGroup: Equatable where Value: Equatable {
  /// Compares the values; the declarations are the same.
  public static func == (a: Self, b: Self) -> Bool { a.wrappedValue == b.wrappedValue }
}

/// One of the types that a section can be, under the text that chooses it.
public struct SettingsKind<Value: Sendable>: Sendable {
  let tag: String
  let new: @Sendable () -> any ConfigurationSection
  /// The value of a section of this kind; nil for a section of another type.
  let wrap: @Sendable (any ConfigurationSection) -> Value?
  let unwrap: @Sendable (Value) -> (any ConfigurationSection)?

  /// A kind with the settings of `Section`; `wrap` makes the group's value of them, `unwrap` finds them there again.
  public init<Section: ConfigurationSection>(
    _ tag: String, _ type: Section.Type, wrap: @escaping @Sendable (Section) -> Value,
    unwrap: @escaping @Sendable (Value) -> Section? = { $0 as? Section }
  ) {
    self.init(
      tag: tag, new: { Section() }, wrap: { ($0 as? Section).map(wrap) }, unwrap: { unwrap($0) })
  }

  private init(
    tag: String, new: @escaping @Sendable () -> any ConfigurationSection,
    wrap: @escaping @Sendable (any ConfigurationSection) -> Value?,
    unwrap: @escaping @Sendable (Value) -> (any ConfigurationSection)?
  ) {
    (self.tag, self.new, self.wrap, self.unwrap) = (tag, new, wrap, unwrap)
  }

  /// The same kind of a section that may be absent.
  var optional: SettingsKind<Value?> {
    SettingsKind<Value?>(tag: tag, new: new, wrap: { wrap($0) }, unwrap: { $0.flatMap { unwrap($0) } })
  }
}
