import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles
import OrderedCollections
import Yams

/// The file of an experiment, YAML or JSON: the flags of `matrix` in sections, and the arms.
struct ExperimentFile {
  /// What the file says, as flags.
  let flags: [Arguments.Flag]
  /// The arms in the file's order; empty if it names none.
  let arms: [Arm]

  private static let largestFile = 1 << 20, mostValues = 10_000

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - own: the names of the settings of `matrix`, whose lists are written with commas.
  ///   - leaves: the names of all settings, whose objects are values and not sections.
  init(_ path: String, own: Set<String>, leaves: Set<String>) throws {
    let bytes = try MappedFile(URL(fileURLWithPath: path)).contents
    guard bytes.count <= Self.largestFile else { throw Failure("\(path) is too large for the file of an experiment") }
    let json: JSON
    do {
      var count = 0
      json = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)).map { try Self.json($0, &count) } ?? .null
    } catch let error as Failure {
      throw error
    } catch { throw Failure("\(path) is neither YAML nor JSON: \(error)") }
    guard var members = json.object else {
      throw Failure("\(path): expected settings by name, such as `seeds: [0, 1]`")
    }
    let arms = members.removeValue(forKey: "arms")
    self.arms = try arms.map { try Self.arms($0, path, leaves) } ?? []
    flags = Self.settings(.object(members), own: own, leaves: leaves).flatMap { Arguments(["--\($0)=\($1)"]).flags }
  }

  private static func json(_ node: Node, _ count: inout Int) throws -> JSON {
    count += 1
    // Aliases of aliases can stand for more than any memory holds.
    guard count <= mostValues else { throw Failure("it has more than \(mostValues) values") }
    switch node {
    case .mapping(let mapping):
      var members: OrderedDictionary<String, JSON> = [:]
      for (key, value) in mapping {
        guard let name = key.scalar?.string else { throw Failure("expected text as a key, found \(key)") }
        members[name] = try json(value, &count)
      }
      return .object(members)
    case .sequence(let sequence): return .array(try sequence.map { try json($0, &count) })
    case .scalar(let scalar):
      switch Tag.Name(rawValue: node.tag.description) {
      case .null: return .null
      case .bool: return node.bool.map(JSON.bool) ?? .string(scalar.string)
      case .int: return node.int.map(JSON.integer) ?? .string(scalar.string)
      case .float: return node.float.map(JSON.number) ?? .string(scalar.string)
      default: return .string(scalar.string)
      }
    case .alias: throw Failure("aliases are not supported")
    }
  }

  /// The settings of a section by their dotted names, as flags write them.
  private static func settings(
    _ json: JSON, own: Set<String>, leaves: Set<String>, below path: String = ""
  ) -> [(name: String, text: String)] {
    (json.object ?? [:]).flatMap { key, value -> [(name: String, text: String)] in
      let name = path.isEmpty ? key : "\(path).\(key)"
      if value.object != nil, !leaves.contains(name) {
        return settings(value, own: own, leaves: leaves, below: name)
      }
      switch value {
      case .null: return []
      case .string(let text): return [(name, text)]
      case .array(let elements) where own.contains(name):
        return [(name, elements.map { $0.string ?? $0.text(.compact) }.joined(separator: ","))]
      default: return [(name, value.text(.compact))]
      }
    }
  }

  private static func arms(_ json: JSON, _ path: String, _ leaves: Set<String>) throws -> [Arm] {
    guard let entries = json.array, !entries.isEmpty else { throw Failure("\(path): `arms` is a list of arms") }
    var arms: [Arm] = []
    for entry in entries {
      let arm = try arm(entry, known: arms + Arm.known, path, leaves)
      guard !arms.contains(where: { $0.name == arm.name }) else {
        throw Failure("\(path) names the arm \(arm.name) twice")
      }
      arms.append(arm)
    }
    return arms
  }

  /// An arm: a known one's name, or a name with what is changed.
  private static func arm(_ entry: JSON, known: [Arm], _ path: String, _ leaves: Set<String>) throws -> Arm {
    func find(_ name: String) throws -> Arm {
      guard let arm = known.first(where: { $0.name == name }) else {
        let names = OrderedSet(known.map(\.name)).joined(separator: ", ")
        throw Failure("\(path): there is no arm \(name); there are \(names)")
      }
      return arm
    }
    if let name = entry.string { return try find(name) }
    let members = entry.object ?? [:]
    let keys = ["name", "title", "role", "like", "settings"]
    if let stray = members.keys.first(where: { !keys.contains($0) }) {
      throw Failure(
        "\(path): an arm has \(keys.joined(separator: ", ")), not \(stray); training's settings go below settings")
    }
    guard let name = members["name"]?.string else { throw Failure("\(path): an arm is a name, or has a `name`") }
    let origin = try members["like"].map { try find($0.string ?? $0.text(.line)) }
    let roles = Arm.Role.allCases.map(\.rawValue).joined(separator: ", ")
    guard let role = members["role"].map({ $0.string.flatMap(Arm.Role.init(rawValue:)) }) ?? origin?.role else {
      throw Failure("\(path): the role of \(name) is one of \(roles)")
    }
    var settings = origin?.settings ?? [:]
    for (name, text) in Self.settings(members["settings"] ?? [:], own: [], leaves: leaves) { settings[name] = text }
    guard settings["policy.type"] != nil else {
      throw Failure("\(path): \(name) has no policy.type; begin with an arm, such as `like: E2`")
    }
    guard !known.contains(where: { $0.name == name && $0.settings != settings }) else {
      throw Failure("\(path): \(name) is the name of another arm; choose one of your own")
    }
    return try Arm(name, title: members["title"]?.string ?? origin?.title ?? name, role: role, settings: settings)
  }
}
