import ModelFiles

/// Whose parser knows a setting.
public enum SettingOwner: Sendable {
  /// LeRobot has the setting too; its files may hold it.
  case lerobot
  /// Only this program has it, and LeRobot refuses a file with it.
  case program
}

/// What a leaf is to those that list or apply them all.
enum LeafRole: Sendable {
  case setting
  /// It chooses the type of its section, and so comes before the section's settings.
  case tag
  /// It stands for a whole section that may be absent.
  case absence
}

/// A single setting of a section or of the sections within it, by its path.
struct Leaf<Root>: Sendable {
  typealias Set<Input> = @Sendable (inout Root, Input) throws(ConfigurationValueError) -> Void

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
  let setJSON: Set<JSON>
  let setFlag: Set<String>
  /// The value, or nil where its section is absent.
  let json: @Sendable (Root) -> JSON?

  var name: String { path.joined(separator: ".") }

  /// The same leaf, seen from the section that holds this one's under `name`; `new` makes an absent one.
  func lifted<Outer>(
    under name: String?, get: @escaping @Sendable (Outer) -> Root?,
    set: @escaping @Sendable (inout Outer, Root) -> Void,
    new: (@Sendable () -> Root)? = nil
  ) -> Leaf<Outer> {
    @Sendable func change(
      _ outer: inout Outer, _ body: (inout Root) throws(ConfigurationValueError) -> Void
    ) throws(ConfigurationValueError) {
      guard var root = get(outer) ?? new?() else { return }
      try body(&root)
      set(&outer, root)
    }
    return Leaf<Outer>(
      path: (name.map { [$0] } ?? []) + path, help: help, group: group, typeName: typeName,
      typeDescription: typeDescription, isSwitch: isSwitch, role: role, owner: owner,
      setJSON: { outer, json throws(ConfigurationValueError) in
        try change(&outer) { root throws(ConfigurationValueError) in try setJSON(&root, json) }
      },
      setFlag: { outer, text throws(ConfigurationValueError) in
        try change(&outer) { root throws(ConfigurationValueError) in try setFlag(&root, text) }
      },
      json: { outer in get(outer).flatMap(json) })
  }

  /// A leaf that holds `null` while the section `name` is absent, and can make it so.
  static func absence(
    of name: String, isAbsent: @escaping @Sendable (Root) -> Bool, remove: @escaping @Sendable (inout Root) -> Void
  ) -> Self {
    Self(
      path: [name], help: "", group: "", typeName: "null", typeDescription: "a section or null", role: .absence,
      setJSON: { root, json throws(ConfigurationValueError) in
        guard json == .null else {
          throw ConfigurationValueError(expected: "a section or null", found: json.text(.line))
        }
        remove(&root)
      },
      setFlag: { root, text throws(ConfigurationValueError) in
        guard ["null", "none"].contains(text.lowercased()) else {
          throw ConfigurationValueError(expected: "null, or a flag --\(name).…", found: "\"\(text)\"")
        }
        remove(&root)
      },
      json: { isAbsent($0) ? .null : nil })
  }

  /// A leaf that chooses a section's type.
  static func tag<Value>(
    _ path: [String], group: String, help: String, options: [Choice<Value>],
    _ keyPath: WritableKeyPath<Root, Value> & Sendable
  ) -> Self {
    let names = "one of " + options.map(\.tag).joined(separator: ", ")
    @Sendable func choose(_ tag: String, _ root: inout Root, found: String) throws(ConfigurationValueError) {
      guard let option = options.first(where: { $0.tag == tag }) else {
        throw ConfigurationValueError(expected: names, found: found)
      }
      if !option.holds(root[keyPath: keyPath]) { root[keyPath: keyPath] = option.make() }
    }
    return Self(
      path: path, help: help, group: group, typeName: "{" + options.map(\.tag).joined(separator: ",") + "}",
      typeDescription: names, role: .tag,
      setJSON: { root, json throws(ConfigurationValueError) in
        try choose(json.string ?? "", &root, found: json.text(.line))
      },
      setFlag: { root, text throws(ConfigurationValueError) in try choose(text, &root, found: "\"\(text)\"") },
      json: { root in options.first(holding: root[keyPath: keyPath]).map { .string($0.tag) } })
  }
}
