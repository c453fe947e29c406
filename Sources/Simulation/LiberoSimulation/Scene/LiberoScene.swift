import Failures
import Foundation
import OrderedCollections

/// A task's scene: room, robot, objects and fixtures as one MuJoCo document, in the official stack's order.
///
/// The document is LIBERO's own (hf-libero 0.1.4 on robosuite 1.4.0), so a task's initial states fit its model. The
/// fixtures' poses are not part of it: ``fixturePoses(seed:)`` returns them for each episode.
///
/// ```swift
/// let scene = try LiberoScene(task, assets: LiberoAssets.resolve(settings))
/// let model = try PhysicsModel(xml: scene.xml)
/// ```
public struct LiberoScene: Sendable {
  public let problem: BddlProblem
  public let xml: String
  /// The movable objects, then the fixtures, in the model's order.
  public let objects: [LiberoObject]
  /// The regions that are sites of the model, by their names.
  public let sites: OrderedDictionary<String, LiberoSite>
  /// Sites that images must not show.
  public let hiddenSites: [String]

  let kind: ArenaKind
  let extents: [String: ObjectModel.Extent]

  /// Builds a task's scene from the packages' models and the scene assets.
  public init(_ task: LiberoTask, assets: URL) throws {
    try self.init(BddlProblem(contentsOf: task.bddlFile), assets: assets, robots: Self.packagedRobots())
  }

  /// Builds a scene.
  ///
  /// - Parameters:
  ///   - problem: the task's description.
  ///   - assets: LIBERO's folder of scene assets.
  ///   - robots: robosuite's folder of models.
  public init(_ problem: BddlProblem, assets: URL, robots: URL) throws {
    self.problem = problem
    kind = try ArenaKind(problem: problem.name)
    let models = try Self.objects(problem, kind, assets)
    let arena = try Arena(kind, problem: problem, assets: assets)
    let robot = try RobotModel(assets: robots, mount: kind.robot.mount, base: kind.robot.base)
    let scene = try Self.merge(robots, arena, robot, models)
    try Self.checkFiles(of: scene)
    xml = scene.root.xml
    objects = models.map(LiberoObject.init)
    extents = Dictionary(models.map { ($0.name, $0.extent) }) { first, _ in first }
    sites = try Self.sites(problem, kind, models)
    hiddenSites = robot.sites + models.flatMap(\.sites)
  }

  /// The folder of robosuite's models that the set-up installed.
  static func packagedRobots() throws -> URL {
    try LiberoSettings.engine("robosuite", "robosuite/models/assets")
  }

  private static func objects(_ problem: BddlProblem, _ kind: ArenaKind, _ assets: URL) throws -> [ObjectModel] {
    var models: [ObjectModel] = []
    for (groups, isFixture) in [(problem.objects, false), (problem.fixtures, true)] {
      for (category, names) in groups where !(isFixture && category == kind.surfaceCategory) {
        for name in names {
          models.append(try ObjectModel(name: name, category: category, isFixture: isFixture, assets: assets))
        }
      }
    }
    return models
  }

  private static func merge(
    _ robots: URL, _ arena: Arena, _ robot: RobotModel, _ objects: [ObjectModel]
  ) throws -> MJCFModel {
    var scene = try MJCFModel(contentsOf: robots.appendingPathComponent("base.xml"))
    scene.updateFirst("option") { $0["timestep"] = "0.002" }
    scene.merge(arena.model)
    scene.merge(robot.model)
    for object in objects {
      scene.mergeAssets(of: object.model)
      scene.update("worldbody") { $0.children.append(object.body) }
    }
    return scene
  }

  /// Checks that meshes and textures exist; MuJoCo's error for a missing one is less helpful.
  private static func checkFiles(of scene: MJCFModel) throws {
    for asset in scene.section("asset").children {
      guard let file = asset["file"], !FileManager.default.fileExists(atPath: file) else { continue }
      throw Failure.missing(file, "the \(asset.name) '\(asset["name"] ?? "")' of the scene")
    }
  }
}

extension Failure {
  /// A missing file of the scene assets, what needs it, and the fix.
  static func missing(_ file: String, _ purpose: String) -> Failure {
    let settings = LiberoSettings.location(ProcessInfo.processInfo.environment).path
    return Failure(
      "\(file) is missing, which \(purpose) needs; 'assets:' in \(settings) names the folder of scene assets, "
        + "`hf download \(LiberoAssets.repository) --repo-type dataset` fetches them again, and `make setup` robosuite's own"
    )
  }
}

/// An object or a fixture of a scene.
public struct LiberoObject: Sendable, Equatable {
  /// Its name in the task's description.
  public let name: String
  /// Its kind, such as `plate`.
  public let category: String
  /// Whether it cannot move; its pose is then from ``LiberoScene/fixturePoses(seed:)``.
  public let isFixture: Bool
  public var body: String { "\(name)_main" }
  /// The joint that lets it move freely; nil for a fixture.
  public var freeJoint: String? { isFixture ? nil : "\(name)_joint0" }
  /// The names of its joints, the free one last.
  public let joints: [String]
  /// The names of the geoms that collide.
  public let contactGeoms: [String]

  init(_ model: ObjectModel) {
    name = model.name
    category = model.category
    isFixture = model.isFixture
    var joints: [String] = []
    var geoms: [String] = []
    model.body.forEach { element in
      guard let name = element["name"] else { return }
      if element.name == "joint" { joints.append(name) }
      if element.name == "geom", element["group"] != "1" { geoms.append(name) }
    }
    self.joints = joints
    contactGeoms = geoms
  }
}

/// A region that is a site of the model.
public struct LiberoSite: Sendable, Equatable {
  /// The object or fixture that has it; nil for a region of the work surface.
  public let parent: String?
  /// The joints of the part that has it, such as a drawer's.
  public let joints: [String]
  /// Its half sizes along its own axes, meters.
  public let size: [Double]
}

extension LiberoScene {
  /// The regions that exist as sites, with the parts that have them.
  static func sites(
    _ problem: BddlProblem, _ kind: ArenaKind, _ models: [ObjectModel]
  ) throws -> OrderedDictionary<String, LiberoSite> {
    var sites: OrderedDictionary<String, LiberoSite> = [:]
    for (name, region) in problem.regions {
      if name.contains(kind.surfaceName) {
        guard let range = region.ranges.first else { continue }
        let size = [(range.x.to - range.x.from) / 2, (range.y.to - range.y.from) / 2, 0.007]
        sites[name] = LiberoSite(parent: nil, joints: [], size: size)
        continue
      }
      for model in models {
        guard let part = part(withSite: name, of: model), let size = numbers(part.site["size"]) else { continue }
        let joints = part.body.children.filter { $0.name == "joint" }.compactMap { $0["name"] }
        sites[name] = LiberoSite(parent: model.name, joints: joints, size: size)
      }
    }
    return sites
  }

  /// The innermost part with a site. As in LIBERO, the search ends at the first part without any site.
  private static func part(withSite site: String, of model: ObjectModel) -> (body: MJCFElement, site: MJCFElement)? {
    guard let frame = model.model.section("worldbody").child("body") else { return nil }
    var found: (body: MJCFElement, site: MJCFElement)?
    for part in frame.descendants.dropFirst() where part.name == "body" {
      let sites = part.descendants.filter { $0.name == "site" }
      if sites.isEmpty { break }
      if let match = sites.last(where: { $0["name"] == site }) { found = (part, match) }
    }
    return found
  }
}
