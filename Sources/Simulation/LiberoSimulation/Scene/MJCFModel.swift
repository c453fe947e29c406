import Failures
import Foundation

/// An MJCF file prepared for merging: defaults inlined, files with absolute paths.
struct MJCFModel: Sendable {
  /// The document, with every section in one element.
  private(set) var root: MJCFElement

  /// Sections that exist in every model, empty where the file has none.
  private static let sections = ["worldbody", "actuator", "sensor", "asset", "tendon", "equality", "contact"]

  init(contentsOf file: URL) throws {
    root = try MJCFElement(contentsOf: file)
    guard root.name == "mujoco" else {
      throw Failure("\(file.path) should hold a <mujoco> model, and holds <\(root.name)>")
    }
    for section in Self.sections where root.child(section) == nil { root.children.append(MJCFElement(section)) }
    try inlineDefaults(file)
    let folder = file.deletingLastPathComponent()
    update("asset") { assets in
      for index in assets.children.indices {
        guard let path = assets.children[index]["file"] else { continue }
        assets.children[index]["file"] =
          path.hasPrefix("/") ? path : folder.appendingPathComponent(path).standardizedFileURL.path
      }
    }
  }

  func section(_ name: String) -> MJCFElement { root.child(name) ?? MJCFElement(name) }

  mutating func update(_ section: String, _ body: (inout MJCFElement) -> Void) {
    guard let index = root.children.firstIndex(where: { $0.name == section }) else { return }
    body(&root.children[index])
  }

  /// Changes the first element of a name anywhere in the document.
  mutating func updateFirst(_ name: String, _ body: (inout MJCFElement) -> Void) {
    root.updateFirst(name, where: { _ in true }, body)
  }

  /// Changes every element of the document.
  mutating func update(_ body: (inout MJCFElement) -> Void) { root.update(body) }

  /// Copies the attributes of default classes into the elements of the class that do not set them.
  private mutating func inlineDefaults(_ file: URL) throws {
    var classes: [String: [String: MJCFElement]] = [:]
    for defaults in root.child("default")?.children ?? [] {
      let elements = defaults.children.map { ($0.name, $0) }
      classes[defaults["class"] ?? ""] = Dictionary(elements) { _, last in last }
    }
    if let index = root.children.firstIndex(where: { $0.name == "default" }) { root.children.remove(at: index) }
    try root.update { (element) throws in
      guard let name = element.attributes.removeValue(forKey: "class") else { return }
      guard let defaults = classes[name] else {
        throw Failure("\(file.path) uses a default class '\(name)' that it does not define")
      }
      for (key, value) in defaults[element.name]?.attributes ?? [:] where element[key] == nil { element[key] = value }
    }
  }

  /// Merges another model; its bodies are appended to the world, or to a named body.
  mutating func merge(_ other: MJCFModel, into body: String? = nil) {
    let bodies = other.section("worldbody").children
    update("worldbody") { world in
      guard let body else { return world.children += bodies }
      world.updateFirst("body", named: body) { $0.children += bodies }
    }
    mergeAssets(of: other)
    for name in ["actuator", "sensor", "tendon", "equality", "contact"] {
      update(name) { $0.children += other.section(name).children }
    }
  }

  /// Adds another model's assets, except those whose kind and name exist.
  mutating func mergeAssets(of other: MJCFModel) {
    update("asset") { assets in
      var known = Set(assets.children.map(AssetKey.init))
      for asset in other.section("asset").children where known.insert(AssetKey(asset)).inserted {
        assets.children.append(asset)
      }
    }
  }

  private struct AssetKey: Hashable {
    let kind: String
    let name: String?

    init(_ element: MJCFElement) {
      kind = element.name
      name = element["name"]
    }
  }

  /// Adds a prefix to every name and reference that does not start with it.
  mutating func addPrefix(_ prefix: String) { root.addPrefix(prefix) }

  /// Sets the color of the geoms that collide (group 0), which images do not show.
  mutating func recolorCollisionGeoms(_ rgba: String, except name: String? = nil) {
    update("worldbody") { world in
      world.update { element in
        guard element.name == "geom", element["group"] == nil || element["group"] == "0" else { return }
        if let name, element["name"] == name { return }
        element["rgba"] = rgba
        element["material"] = nil
      }
    }
  }
}

extension MJCFElement {
  /// The attributes that hold names.
  private static let nameAttributes: Set<String> = [
    "class", "childclass", "name", "objname", "material", "texture", "joint", "joint1", "joint2", "jointinparent",
    "geom", "geom1", "geom2", "mesh", "fixed", "actuator", "tendon", "tendon1", "tendon2", "slidesite", "cranksite",
    "body", "body1", "body2", "hfield", "target", "prefix", "site",
  ]

  mutating func addPrefix(_ prefix: String) {
    update { element in
      for (key, value) in element.attributes where Self.nameAttributes.contains(key) && !value.hasPrefix(prefix) {
        element.attributes[key] = prefix + value
      }
    }
  }
}
