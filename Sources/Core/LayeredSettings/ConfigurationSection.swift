import ModelFiles

/// A group of settings: one type gives defaults, flags, help, JSON and validation.
///
/// ```swift
/// struct AdamWConfiguration: ConfigurationSection {
///   var lr = 1e-4
///   var betas = [0.9, 0.95]
///   static var fields: [Field<Self>] {
///     [.init("lr", \.lr, help: "learning rate"), .init("betas", \.betas, help: "decay of the two moments")]
///   }
///   func validate() throws(ConfigurationError) {
///     guard lr > 0 else { throw ConfigurationError("lr", "expected a positive number, found \(lr)") }
///   }
/// }
/// ```
public protocol ConfigurationSection: Sendable {
  init()
  /// The settings, in the order in which help and JSON show them.
  static var fields: [Field<Self>] { get }
  /// What help calls the group, LeRobot's name where it has one; without it the type's.
  static var title: String { get }
  /// Refuses values that are of their type but make no sense, alone or together; names are those of `fields`.
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

  public func validate() throws(ConfigurationError) {}

  /// The settings that this value has, those of its sections included.
  var leaves: [Leaf<Self>] { Self.fields.flatMap { $0.leaves(self) } }

  /// Validates the sections of this value, then the value.
  func validateAll() throws(ConfigurationError) {
    for field in Self.fields { try field.validate(self) }
    try validate()
  }
}

/// A setting of a section, or a section within it.
public struct Field<Section: ConfigurationSection>: Sendable {
  /// The settings below a value; they depend on it where it chooses between sections.
  let leaves: @Sendable (Section) -> [Leaf<Section>]
  let validate: @Sendable (Section) throws(ConfigurationError) -> Void

  /// A setting called `name`.
  public init<Value: ConfigurationValue>(
    _ name: String, _ keyPath: WritableKeyPath<Section, Value> & Sendable, owner: SettingOwner = .lerobot, help: String
  ) {
    let leaf = Leaf<Section>(
      path: [name], help: help, group: Section.title, typeName: Value.typeName,
      typeDescription: Value.typeDescription, isSwitch: Value.self == Bool.self, owner: owner,
      setJSON: { section, json throws(ConfigurationValueError) in section[keyPath: keyPath] = try Value(json: json) },
      setFlag: { section, text throws(ConfigurationValueError) in section[keyPath: keyPath] = try Value(flag: text) },
      json: { $0[keyPath: keyPath].json })
    leaves = { _ in [leaf] }
    validate = { _ in }
  }

  private init(
    leaves: @escaping @Sendable (Section) -> [Leaf<Section>],
    validate: @escaping @Sendable (Section) throws(ConfigurationError) -> Void
  ) {
    self.leaves = leaves
    self.validate = validate
  }

  /// A section under `name`, whose settings are called `name.…`.
  public static func section<Inner: ConfigurationSection>(
    _ name: String, _ keyPath: WritableKeyPath<Section, Inner> & Sendable
  ) -> Self {
    Self(
      leaves: { section in
        section[keyPath: keyPath].leaves.map { leaf in
          leaf.lifted(under: name, get: { $0[keyPath: keyPath] }, set: { $0[keyPath: keyPath] = $1 })
        }
      },
      validate: { section throws(ConfigurationError) in
        do throws(ConfigurationError) { try section[keyPath: keyPath].validateAll() } catch { throw error.within(name) }
      })
  }

  /// A section whose settings stand among this one's, without a name before them.
  public static func embedded<Inner: ConfigurationSection>(
    _ keyPath: WritableKeyPath<Section, Inner> & Sendable
  ) -> Self {
    Self(
      leaves: { section in
        section[keyPath: keyPath].leaves.map { leaf in
          var leaf: Leaf<Section> = leaf.lifted(
            under: nil, get: { $0[keyPath: keyPath] }, set: { $0[keyPath: keyPath] = $1 })
          leaf.group = Section.title
          return leaf
        }
      },
      validate: { section throws(ConfigurationError) in try section[keyPath: keyPath].validateAll() })
  }

  /// A section under `name` that may be absent (`null`) and comes up with its first setting.
  public static func section<Inner: ConfigurationSection>(
    _ name: String, _ keyPath: WritableKeyPath<Section, Inner?> & Sendable
  ) -> Self {
    Self(
      leaves: { section in
        let absence = Leaf<Section>.absence(of: name, isAbsent: { $0[keyPath: keyPath] == nil }) {
          $0[keyPath: keyPath] = nil
        }
        let inner = section[keyPath: keyPath] ?? Inner()
        return [absence]
          + inner.leaves.map { leaf in
            leaf.lifted(under: name, get: { $0[keyPath: keyPath] }, set: { $0[keyPath: keyPath] = $1 }, new: Inner.init)
          }
      },
      validate: { section throws(ConfigurationError) in
        do throws(ConfigurationError) {
          try section[keyPath: keyPath]?.validateAll()
        } catch {
          throw error.within(name)
        }
      })
  }

  /// A section under `name` that is one of several types, chosen by its setting `tag`, such as `policy.type=smolvla`.
  ///
  /// Choosing another type gives that type's defaults. `Value` may be an enum or an existential, and may be optional.
  /// `title` is what help calls the group of the types.
  public static func choice<Value>(
    _ name: String, _ keyPath: WritableKeyPath<Section, Value> & Sendable, tag: String = "type",
    title: String = "Config", help: String, of options: [Choice<Value>]
  ) -> Self {
    let tagLeaf = Leaf<Section>.tag([name, tag], group: title, help: help, options: options, keyPath)
    return Self(
      leaves: { section in
        let value = section[keyPath: keyPath]
        let current = options.first(holding: value)
        let inner = current?.leaves(value) ?? []
        let absence = Leaf<Section>.absence(of: name, isAbsent: { !options.contains(holding: $0[keyPath: keyPath]) }) {
          _ in
        }
        return [absence, tagLeaf]
          + inner.map { leaf in
            leaf.lifted(under: name, get: { $0[keyPath: keyPath] }, set: { $0[keyPath: keyPath] = $1 })
          }
      },
      validate: { section throws(ConfigurationError) in
        let value = section[keyPath: keyPath]
        do throws(ConfigurationError) {
          try options.first(holding: value)?.validate(value)
        } catch {
          throw error.within(name)
        }
      })
  }
}

extension Field {
  /// As `choice`, for a section that may be absent (`null`) and comes up with its type.
  public static func optionalChoice<Value>(
    _ name: String, _ keyPath: WritableKeyPath<Section, Value?> & Sendable, tag: String = "type",
    title: String = "Config", help: String, of options: [Choice<Value>]
  ) -> Self {
    let chosen = choice(name, keyPath, tag: tag, title: title, help: help, of: options.map(\.optional))
    let absence = Leaf<Section>.absence(of: name, isAbsent: { $0[keyPath: keyPath] == nil }) {
      $0[keyPath: keyPath] = nil
    }
    return Self(
      leaves: { section in [absence] + chosen.leaves(section).filter { $0.role != .absence || $0.path != [name] } },
      validate: chosen.validate)
  }
}
