import ModelFiles
import OrderedCollections

/// A configuration under construction: defaults, then files, then flags; and what the files said beyond it.
///
/// ```swift
/// var configured = Configured<TrainSettings>()
/// try configured.apply(JSON(contentsOf: checkpoint), from: checkpoint.path, unknown: .keep)
/// try configured.apply(arguments)
/// let configuration = try configured.validated()
/// ```
public struct Configured<Section: ConfigurationSection>: Sendable {
  /// What becomes of a file's settings that the section does not have.
  public enum Unknown: Sendable {
    case refuse
    /// They are carried along and written again.
    case keep
    /// Those of another program are carried along, others are refused.
    case shared([ForeignSetting])
  }

  /// The settings as they stand.
  public var value: Section
  /// The settings that files gave and the section does not have, in place.
  public private(set) var extra: OrderedDictionary<String, JSON> = [:]
  /// Settings of another program that were given, that ask for more than this one does and that are without effect, as
  /// `NAME=VALUE`.
  public private(set) var withoutEffect: [String] = []
  /// Settings that a file gave, that nothing knows and that are named almost like one of the section's.
  public private(set) var mistyped: [String] = []
  /// Where each setting that was given came from, by its dotted name.
  private var origins: [String: ConfigurationError.Layer] = [:]

  /// Begins with `value`, by default the defaults.
  public init(_ value: Section = Section()) { self.value = value }

  /// Takes over the settings that a file gives.
  ///
  /// - Parameters:
  ///   - json: the file's object.
  ///   - path: the file, for errors.
  ///   - section: the section that the file is about, such as `policy` for a checkpoint's `config.json`.
  ///   - unknown: what becomes of settings that the section does not have.
  public mutating func apply(
    _ json: JSON, from path: String, at section: String? = nil, unknown: Unknown = .refuse
  ) throws(ConfigurationError) {
    var json = json
    for name in (section ?? "").split(separator: ".").reversed() { json = .object([String(name): json]) }
    let layer = ConfigurationError.Layer.file(path)
    guard json.object != nil else { throw ConfigurationError("", "expected a JSON object", in: layer) }
    // Outer tags first: each may bring settings, and tags, of its own.
    var chosen: Set<String> = []
    while let tag = value.leaves.first(where: { $0.role == .tag && !chosen.contains($0.name) }) {
      chosen.insert(tag.name)
      if let found = json.value(at: tag.path) { try set(tag, found, in: layer) }
    }
    for leaf in value.leaves where leaf.role != .tag {
      guard let found = json.value(at: leaf.path), leaf.role == .setting || found.object == nil else { continue }
      try set(leaf, found, in: layer)
    }
    extra = overlay(extra, with: try unknownSettings(of: json, below: [], in: layer, unknown))
  }

  private mutating func set(
    _ leaf: Leaf, _ json: JSON, in layer: ConfigurationError.Layer
  ) throws(ConfigurationError) {
    do throws(ConfigurationValueError) {
      value = try value.setting(leaf, to: .json(json))
      origins[leaf.name] = layer
    } catch {
      throw ConfigurationError(leaf.name, error.reason, in: layer)
    }
  }

  private mutating func unknownSettings(
    of json: JSON, below path: [String], in layer: ConfigurationError.Layer, _ unknown: Unknown
  ) throws(ConfigurationError) -> OrderedDictionary<String, JSON> {
    let leaves = value.leaves
    var rest = OrderedDictionary<String, JSON>()
    for (key, member) in json.object ?? [:] {
      let place = path + [key]
      if leaves.contains(where: { $0.path == place && $0.role != .absence }) { continue }
      let isSection = leaves.contains { $0.path.starts(with: place) }
      if isSection, member.object != nil {
        let inner = try unknownSettings(of: member, below: place, in: layer, unknown)
        if !inner.isEmpty { rest[key] = .object(inner) }
      } else if isSection, member == .null {
        continue
      } else if isSection {
        throw ConfigurationError(
          place.joined(separator: "."), "expected an object, found \(member.text(.line))", in: layer)
      } else {
        rest[key] = try kept(member, as: place.joined(separator: "."), in: layer, unknown)
      }
    }
    return rest
  }

  /// A setting that the section does not have, if it may be carried along.
  private mutating func kept(
    _ member: JSON, as name: String, in layer: ConfigurationError.Layer, _ unknown: Unknown
  ) throws(ConfigurationError) -> JSON {
    switch unknown {
    case .keep:
      let near = names.filter { editDistance($0, name) <= 2 }
      if let near = nearestName(to: name, among: near) { mistyped.append("\(name) (did you mean \(near)?)") }
    case .refuse: throw self.unknown(name, also: [], in: layer)
    case .shared(let foreign):
      guard let owner = foreign.owner(of: name) else {
        throw self.unknown(name, also: foreign.map(\.name), in: layer)
      }
      if !owner.isStandard(member) { withoutEffect.append("\(name)=\(member.text(.line))") }
    }
    return member
  }

  /// Takes over the flags of a command line; a flag that is no setting is an error that names the nearest one.
  ///
  /// - Parameters:
  ///   - also: the names that the command itself knows, for that hint.
  ///   - foreign: settings of another program, whose flags are accepted where nothing depends on them.
  public mutating func apply(
    _ arguments: Arguments, also: [String] = [], foreign: [ForeignSetting] = []
  ) throws(ConfigurationError) {
    if let stray = arguments.positional.first {
      throw ConfigurationError("", "expected flags only, found \"\(stray)\"")
    }
    let byDepth = arguments.flags.sorted { $0.name.count(where: { $0 == "." }) < $1.name.count(where: { $0 == "." }) }
    for flag in byDepth {
      if let tag = value.leaves.first(where: { $0.role == .tag && $0.name == flag.name }) { try set(tag, flag) }
    }
    for flag in arguments.flags {
      guard let leaf = value.leaves.first(where: { $0.name == flag.name }) else {
        guard let owner = foreign.owner(of: flag.name) else { throw unknown(flag.name, also: also, in: .flags) }
        try accept(flag, owner)
        continue
      }
      if leaf.role != .tag { try set(leaf, flag) }
    }
  }

  /// Takes a flag of another program.
  private mutating func accept(_ flag: Arguments.Flag, _ owner: ForeignSetting) throws(ConfigurationError) {
    let value = ForeignSetting.value(ofFlag: flag.text ?? "true")
    if owner.isStandard(value) { return }
    guard !owner.changesResults else {
      let standard = owner.standards?.first.map { "at \($0.text(.line))" } ?? "out"
      throw ConfigurationError(flag.name, "is known and not supported; leave it \(standard)")
    }
    withoutEffect.append("\(flag.name)=\(value.text(.line))")
  }

  private mutating func set(_ leaf: Leaf, _ flag: Arguments.Flag) throws(ConfigurationError) {
    guard let text = flag.text ?? (leaf.isSwitch ? "true" : nil) else {
      throw ConfigurationError(flag.name, "expected \(leaf.typeDescription) after the flag, found nothing")
    }
    do throws(ConfigurationValueError) {
      value = try value.setting(leaf, to: .flag(text))
      origins[leaf.name] = .flags
    } catch {
      throw ConfigurationError(flag.name, error.reason)
    }
  }

  private func unknown(_ name: String, also: [String], in layer: ConfigurationError.Layer) -> ConfigurationError {
    let known = value.leaves.map(\.name) + also
    let dashes = layer == .flags ? "--" : ""
    let kinds = value.kinds(having: name).map { dashes + $0 }.joined(separator: " or ")
    guard kinds.isEmpty else { return ConfigurationError(name, "is a setting of \(kinds) only", in: layer) }
    let hint = nearestName(to: name, among: known).map { "did you mean \(dashes)\($0)?" } ?? "--help lists all"
    return ConfigurationError(name, "no such setting; \(hint)", in: layer)
  }

  /// The dotted names of all settings of the kinds that are chosen.
  public var names: [String] { value.leaves.filter { $0.role != .absence }.map(\.name) }

  /// The dotted names of the settings that `owner` has, of the kinds that are chosen.
  public func names(ownedBy owner: SettingOwner) -> [String] {
    value.leaves.filter { $0.role != .absence && $0.owner == owner }.map(\.name)
  }

  /// The settings, once every section has found them sensible.
  ///
  /// - Throws: what is not, and the file that it came from.
  public func validated() throws(ConfigurationError) -> Section {
    do throws(ConfigurationError) { try value.validateAll() } catch {
      var error = error
      error.layer = origins[error.name] ?? error.layer
      throw error
    }
    return value
  }

  /// The settings as JSON, and after them in each section what files said beyond them.
  public var json: JSON {
    .object(overlay(value.json.object ?? [:], with: extra))
  }
}

extension ConfigurationSection {
  /// The settings as JSON, in the order of their declaration; `null` for an absent section.
  public var json: JSON { json { _ in true } }

  /// As ``json``, with the settings of one owner only.
  public func json(ownedBy owner: SettingOwner) -> JSON { json { $0.owner == owner } }

  private func json(where isIncluded: (Leaf) -> Bool) -> JSON {
    var document = JSON.object([:])
    for leaf in leaves where isIncluded(leaf) {
      if let value = leaf.value { document.set(value, at: leaf.path[...]) }
    }
    return document
  }
}

/// `base` with the members of `top` set, objects within objects merged.
private func overlay(
  _ base: OrderedDictionary<String, JSON>, with top: OrderedDictionary<String, JSON>
) -> OrderedDictionary<String, JSON> {
  base.merging(top) { old, new in
    guard let old = old.object, let new = new.object else { return new }
    return .object(overlay(old, with: new))
  }
}

extension JSON {
  fileprivate func value(at path: [String]) -> JSON? {
    path.reduce(Optional(self)) { json, key in json?[key] }
  }

  fileprivate mutating func set(_ value: JSON, at path: ArraySlice<String>) {
    guard let key = path.first else {
      self = value
      return
    }
    var members = object ?? [:]
    members[key, default: .null].set(value, at: path.dropFirst())
    self = .object(members)
  }
}
