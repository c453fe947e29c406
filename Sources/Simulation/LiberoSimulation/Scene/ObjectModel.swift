import Failures
import Foundation

/// An object's or fixture's model, named as robosuite 1.4.0 names objects that come from a file.
struct ObjectModel: Sendable {
  /// The object's name in the task's description.
  let name: String
  let category: String
  /// Whether it cannot move; a movable object has a free joint.
  let isFixture: Bool
  /// Its outermost body in the scene.
  let body: MJCFElement
  /// The whole file, with prefixed names: its assets, and its sites.
  let model: MJCFModel
  /// Lowest point, highest point and radius, relative to its origin, meters.
  let extent: Extent

  /// An object's size, as three marker sites in its file state it.
  struct Extent: Sendable, Equatable {
    let bottom: Double
    let top: Double
    let radius: Double
  }

  init(name: String, category: String, isFixture: Bool, assets: URL) throws {
    let file = assets.appendingPathComponent(try ObjectCategory(named: category).file)
    var model = try MJCFModel(contentsOf: file)
    self.name = name
    self.category = category
    self.isFixture = isFixture
    let frames = model.section("worldbody").children.filter { $0.name == "body" }
    guard var body = frames.lazy.compactMap({ $0.child("body", named: "object") }).first else {
      throw Failure("\(file.path) should hold a body 'object' inside an outermost body, and holds none")
    }
    body["name"] = "main"
    var count = 0
    Self.chooseGeoms(&body, &count)
    if !isFixture {
      body.children.append(MJCFElement("joint", ["name": "joint0", "type": "free", "damping": "0.0005"]))
    }
    body.children.append(
      MJCFElement(
        "site",
        [
          "name": "default_site", "pos": "0 0 0", "size": "0.002 0.002 0.002", "rgba": "1 0 0 0", "type": "sphere",
          "group": "0",
        ]))
    body.addPrefix("\(name)_")
    model.addPrefix("\(name)_")
    self.body = body
    self.model = model
    let markers = frames.flatMap(\.children)
    func marker(_ kind: String) throws -> [Double] {
      let site = markers.first { $0.name == "site" && $0["name"] == kind }
      guard let position = numbers(site?["pos"]), position.count == 3 else {
        throw Failure("\(file.path) should mark its extent by a site '\(kind)' with a position, and does not")
      }
      return position
    }
    extent = Extent(
      bottom: try marker("bottom_site")[2], top: try marker("top_site")[2],
      radius: try marker("horizontal_radius_site")[0])
  }

  /// Keeps geoms that collide (group 0) or are seen (group 1), and names those without a name by their index among all.
  private static func chooseGeoms(_ body: inout MJCFElement, _ count: inout Int) {
    var kept: [MJCFElement] = []
    for var child in body.children {
      if child.name == "geom" {
        defer { count += 1 }
        guard ["0", "1"].contains(child["group"]?.trimmingCharacters(in: .whitespaces)) else { continue }
        if child["name"] == nil { child["name"] = "g\(count)" }
      } else {
        chooseGeoms(&child, &count)
      }
      kept.append(child)
    }
    body.children = kept
  }

  /// The names of its sites in the scene, in the model's order.
  var sites: [String] {
    var names: [String] = []
    body.forEach { if $0.name == "site", let name = $0["name"] { names.append(name) } }
    return names
  }
}
