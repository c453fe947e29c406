import Failures
import Foundation

/// An arena: a room with its work surface, built from a model as in LIBERO.
struct Arena: Sendable {
  private(set) var model: MJCFModel

  /// Reads a room's model, sets table, textures and cameras, and adds the surface regions' sites in the description's order.
  init(_ kind: ArenaKind, problem: BddlProblem, assets: URL) throws {
    let file = assets.appendingPathComponent(kind.file)
    model = try MJCFModel(contentsOf: file)
    model.recolorCollisionGeoms("0.5 0.5 0 1", except: "floor")
    if let table = kind.table { try setTable(table.size, table.friction, offset: kind.offset, file) }
    try setTexture("texplane", to: kind.floorTexture, file)
    try setTexture("tex-wall", to: kind.wallTexture, file)
    for camera in kind.cameras { set(camera) }
    try addSites(kind, problem, file)
  }

  /// Sets the table's size and height, and its legs below its corners.
  private mutating func setTable(_ size: SIMD3<Double>, _ friction: String, offset: SIMD3<Double>, _ file: URL) throws {
    let half = size / 2
    var changes: [(element: String, name: String, attributes: [String: String])] = [
      ("geom", "floor", ["pos": "0 0 0"]),
      ("body", "table", ["pos": attribute([offset.x, offset.y, -half.z + offset.z])]),
      ("geom", "table_collision", ["size": attribute([half.x, half.y, half.z]), "friction": friction]),
      ("geom", "table_visual", ["size": attribute([half.x, half.y, half.z])]),
      ("site", "table_top", ["pos": attribute([0, 0, half.z])]),
    ]
    let inset = 0.1
    let legHalf = (offset.z - half.z) / 2
    for (leg, signs) in [(1.0, 1.0), (-1, 1), (-1, -1), (1, -1)].enumerated() {
      let x = half.x > inset * 2 ? signs.0 * half.x - signs.0 * inset : 0
      let y = half.y > inset * 2 ? signs.1 * half.y - signs.1 * inset : 0
      changes.append(
        (
          "geom", "table_leg\(leg + 1)_visual",
          ["pos": attribute([x, y, -legHalf]), "size": attribute([0.025, legHalf])]
        ))
    }
    var missing: String?
    model.update("worldbody") { world in
      for change in changes {
        let found = world.updateFirst(change.element, named: change.name) { element in
          for (key, value) in change.attributes { element[key] = value }
        }
        if !found { missing = missing ?? "\(change.element) '\(change.name)'" }
      }
    }
    if let missing { throw Failure("\(file.path) should hold a \(missing), and does not") }
  }

  /// Sets a texture's image to another one in the same folder.
  private mutating func setTexture(_ texture: String, to image: String, _ file: URL) throws {
    var found = false
    model.update("asset") { assets in
      found = assets.updateFirst("texture", named: texture) { element in
        let folder = (element["file"] ?? "").split(separator: "/", omittingEmptySubsequences: false).dropLast()
        element["file"] = (folder + [Substring(image)]).joined(separator: "/")
      }
    }
    guard found else { throw Failure("\(file.path) should hold a texture '\(texture)', and does not") }
  }

  private mutating func set(_ camera: ArenaKind.Camera) {
    let (position, quaternion) = (attribute(camera.position), attribute(camera.quaternion))
    model.update("worldbody") { world in
      let found = world.updateFirst("camera", named: camera.name) { element in
        element["pos"] = position
        element["quat"] = quaternion
      }
      if !found {
        world.children.append(MJCFElement("camera", ["name": camera.name, "pos": position, "quat": quaternion]))
      }
    }
  }

  private mutating func addSites(_ kind: ArenaKind, _ problem: BddlProblem, _ file: URL) throws {
    var sites: [MJCFElement] = []
    for (name, region) in problem.regions where name.contains(kind.surfaceName) {
      guard let range = region.ranges.first, range.x.to >= range.x.from, range.y.to >= range.y.from else {
        throw Failure("region '\(name)' of \(problem.name) is on the surface and needs a rectangle, lower bounds first")
      }
      let center = kind.sitePosition(x: (range.x.to + range.x.from) / 2, y: (range.y.to + range.y.from) / 2)
      let size = [(range.x.to - range.x.from) / 2, (range.y.to - range.y.from) / 2, 0.007]
      sites.append(
        MJCFElement(
          "site",
          [
            "name": name, "pos": attribute(center), "quat": "1 0 0 0", "size": attribute(size),
            "rgba": attribute(region.rgba), "type": "box",
          ]))
    }
    var found = false
    model.update("worldbody") { world in
      found = world.updateFirst("body", named: kind.surfaceBody) { $0.children += sites }
    }
    guard found else { throw Failure("\(file.path) should hold a body '\(kind.surfaceBody)', and does not") }
  }
}
