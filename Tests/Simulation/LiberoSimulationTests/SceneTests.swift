import Crypto
import Failures
import Foundation
import ModelFiles
import MuJoCoPhysics
import Testing
import TestSupport

@testable import LiberoSimulation

struct LegacyRandomTests {
  private struct Case: Decodable {
    let seed: UInt32
    let randn: [Double]
    let uniform: [Double]
    let randint: [UInt32]
    let after: Double
  }

  @Test func `draws what NumPy draws`() throws {
    let file = try #require(Bundle.module.url(forResource: "Goldens/legacy_random", withExtension: "json"))
    for golden in try JSONDecoder().decode([Case].self, from: Data(contentsOf: file)) {
      var random = LegacyRandom(seed: golden.seed)
      #expect(random.normals(count: 7) == golden.randn)
      let uniform = (0..<700).map { _ in random.uniform(0.25, -1.5) }
      #expect(Array(uniform.suffix(4)) == golden.uniform)
      #expect([1, 2, 3, 10, 1000, 1, 100_000].map { random.integer(below: $0) } == golden.randint)
      #expect(random.uniform() == golden.after)
    }
  }
}

struct MJCFElementTests {
  @Test func `is read and written`() throws {
    let text = """
      <?xml version="1.0"?><!-- <a> -->
      <mujoco model='a &amp; "b"'><asset/>text<body pos="1
       2"><geom/><!-- - --></body></mujoco>
      """
    let element = try MJCFElement(parsing: text, file: "t.xml")
    #expect(element["model"] == "a & \"b\"")
    #expect(element.children.map(\.name) == ["asset", "body"])
    #expect(element.children[1]["pos"] == "1  2")
    #expect(try MJCFElement(parsing: element.xml, file: "t.xml") == element)
  }

  @Test(arguments: [
    ("", "1: expected an element, found none"), ("<a>", "1: <a> has no end tag"),
    ("<a>\n</b>", "2: expected </a>, found </b>"),
    ("<a b=1/>", "1: expected a quoted value of 'b'"), ("<a b='1", "1: the value of 'b' has no end"),
    ("<a b='' b=''/>", "1: a second attribute 'b'"),
    ("<!DOCTYPE a><a/>", "1: a document type or raw text is not supported"),
    ("<a b='&x;'/>", "1: an unknown entity"), ("<a/><b/>", "1: expected nothing after the outermost element"),
    ("<!-- ", "1: a comment has no end"), ("< a/>", "1: expected a name"),
  ])
  func `that is malformed is refused with its line`(_ text: String, _ reason: String) {
    let error = #expect(throws: Failure.self) { try MJCFElement(parsing: text, file: "t.xml") }
    #expect(error?.description == "t.xml:\(reason)")
  }

  @Test func `that nests without end is refused`() {
    let text = String(repeating: "<a>", count: 100_000)
    #expect(throws: Failure.self) { try MJCFElement(parsing: text, file: "t.xml") }
  }
}

/// What scenes are built of, where this machine has it: the packages' data and scene assets.
struct SceneMaterial {
  let settings: LiberoSettings
  let assets: URL

  static let shared: SceneMaterial? = {
    guard let settings = packagedSettings, (try? LiberoScene.packagedRobots()) != nil else { return nil }
    return LiberoAssetFolder.url.map { SceneMaterial(settings: settings, assets: $0) }
  }()
}

@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct LiberoSceneTests {
  let material: SceneMaterial

  init() throws { material = try #require(SceneMaterial.shared) }

  /// One task of the official stack: SHA-256 sums of its compiled model's fields after `seed(seed)` and a reset.
  struct Golden: Decodable {
    let suite: String
    let task: Int
    let seed: UInt32
    let fields: [String: String]
  }

  @Test func `equals the official stack's, field by field, and fits its initial states`() throws {
    let goldens = try Self.goldens()
    for golden in goldens {
      let differences = try differences(from: golden)
      #expect(differences.isEmpty, "\(golden.suite) \(golden.task)")
    }
  }

  /// Fixtures' poses of one task in the official stack, by seed.
  struct Poses: Decodable {
    struct Episode: Decodable {
      let seed: UInt32
      let poses: [String: [Double]]
    }
    let suite: String
    let task: Int
    let episodes: [Episode]
  }

  @Test func `places its fixtures as the official stack does with every seed`() throws {
    for golden in try Self.goldens(".poses.json", as: Poses.self) {
      let task = try LiberoSuite(named: golden.suite).task(golden.task, material.settings)
      let scene = try LiberoScene(task, assets: material.assets)
      for episode in golden.episodes {
        let poses = try scene.fixturePoses(seed: episode.seed)
        #expect(Set(poses.keys) == Set(episode.poses.keys))
        for (body, pose) in poses {
          let numbers = (0..<3).map { pose.position[$0] } + (0..<4).map { pose.quaternion[$0] }
          let expected = try #require(episode.poses[body])
          let deviation = zip(numbers, expected).map { abs($0 - $1) }.max() ?? 1
          // Cosines may differ in the last place between libraries.
          #expect(deviation <= 2e-16, "\(golden.suite) \(golden.task) seed \(episode.seed) \(body)")
        }
      }
    }
  }

  @Test func `knows its things`() throws {
    let task = try LiberoSuite.ten.task(2, material.settings)
    let scene = try LiberoScene(task, assets: material.assets)
    let model = try PhysicsModel(xml: scene.xml)
    #expect(scene.objects.map(\.isFixture) == [false, false, true])
    for object in scene.objects {
      _ = try model.index(of: .body, named: object.body)
      for joint in object.joints { _ = try model.index(of: .joint, named: joint) }
      for geom in object.contactGeoms { _ = try model.index(of: .geom, named: geom) }
      #expect(object.joints.last == object.freeJoint || object.isFixture)
    }
    for site in scene.sites.keys + scene.hiddenSites { _ = try model.index(of: .site, named: site) }
    #expect(scene.sites["flat_stove_1_cook_region"]?.parent == "flat_stove_1")
  }

  @Test func `that puts a thing in two places, or nowhere, is refused`() throws {
    let task = try LiberoSuite.spatial.task(0, material.settings)
    var problem = try BddlProblem(contentsOf: task.bddlFile)
    let statement = try #require(problem.initialState.first { $0.arguments == ["plate_1", "main_table_plate_region"] })
    problem.initialState.append(statement)
    let twice = try LiberoScene(problem, assets: material.assets, robots: LiberoScene.packagedRobots())
    let error = #expect(throws: Failure.self) { try twice.fixturePoses(seed: 0) }
    #expect(error?.description == "'plate_1' is placed twice by the description of \(problem.name)")
    problem.initialState = [BddlPredicate(relation: .on, arguments: ["plate_1", "main_table_plate_region"])]
    problem.regions["main_table_plate_region"]?.ranges = []
    #expect(throws: Failure.self) {
      try LiberoScene(problem, assets: material.assets, robots: LiberoScene.packagedRobots())
    }
    problem.name = "libero_garden_manipulation"
    #expect(throws: Failure.self) {
      try LiberoScene(problem, assets: material.assets, robots: LiberoScene.packagedRobots())
    }
  }

  @Test func `without one of its files is refused by the file's name`() throws {
    try withTemporaryFolder { folder in
      for part in try FileManager.default.contentsOfDirectory(atPath: material.assets.path) {
        try FileManager.default.createSymbolicLink(
          at: folder.appendingPathComponent(part), withDestinationURL: material.assets.appendingPathComponent(part))
      }
      let task = try LiberoSuite.object.task(0, material.settings)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("stable_hope_objects"))
      let error = #expect(throws: Failure.self) { try LiberoScene(task, assets: folder) }
      #expect(error?.description.contains("stable_hope_objects/alphabet_soup/alphabet_soup.xml is missing") == true)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("scenes"))
      #expect(throws: Failure.self) { try LiberoScene(task, assets: folder) }
    }
  }

  private static func goldens() throws -> [Golden] { try goldens(".mjmodel.json", as: Golden.self) }

  /// What `oracle/goldens/libero_tasks.py` wrote.
  static func goldens<Kind: Decodable>(_ suffix: String, as kind: Kind.Type) throws -> [Kind] {
    let folder = try #require(Bundle.module.url(forResource: "Goldens", withExtension: nil))
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .filter { $0.hasSuffix(suffix) }
      .map { try JSONDecoder().decode(kind, from: Data(contentsOf: folder.appendingPathComponent($0))) }
  }

  private func differences(from golden: Golden) throws -> [String] {
    let task = try LiberoSuite(named: golden.suite).task(golden.task, material.settings)
    let scene = try LiberoScene(task, assets: material.assets)
    let model = try PhysicsModel(xml: scene.xml)
    let simulation = try scene.simulation(of: model, seed: golden.seed)
    let states = try InitialStates(contentsOf: task.initialStatesFile)
    #expect(states.width == 1 + model.positionCount + model.velocityCount, "\(task.name)")
    var compared = 0
    let differences = simulation.modelFields.compactMap { field -> String? in
      guard let expected = golden.fields[field.name] else { return nil }
      compared += 1
      return sha256(field.bytes).hasPrefix(expected) ? nil : field.name
    }
    #expect(compared > 400)
    return differences
  }
}

func sha256(_ bytes: [UInt8]) -> String {
  SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
}
