import CounterBasedRandom
import Foundation
import MuJoCoPhysics
import RobotEnvironments
import Testing

@testable import LiberoSimulation

@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct SampledStartTests {
  /// Starts of one task in the official stack, reset by seed without an initial state.
  struct Golden: Decodable {
    struct Episode: Decodable {
      let seed: Int
      let placed, settled: [Double]
    }
    let suite: String
    let task: Int
    let episodes: [Episode]
  }

  @Test func `are where the official stack's reset puts everything, and come to rest there`() throws {
    let material = try #require(SceneMaterial.shared)
    let goldens = try LiberoSceneTests.goldens(".starts.json", as: Golden.self)
    #expect(goldens.count >= 8)
    for golden in goldens {
      let task = try LiberoSuite(named: golden.suite).task(golden.task, material.settings)
      let world = try LiberoWorld(task, assets: material.assets)
      let environment = try LiberoEnvironment(world, initialStates: .sampled)
      for episode in golden.episodes {
        try environment.begin(placementSeed: episode.seed, initialState: nil)
        let placed = deviation(environment.simulation.positions, episode.placed)
        try environment.reset(placementSeed: episode.seed, initialState: nil)
        let settled = deviation(environment.simulation.positions, episode.settled)
        print("\(golden.suite) \(golden.task), seed \(episode.seed): placed within \(placed), settled \(settled)")
        #expect(placed < 1e-15 && settled < 1e-8, "\(golden.suite) \(golden.task)")
      }
    }
  }

  private func deviation(_ found: [Double], _ expected: [Double]) -> Double {
    found.count == expected.count ? zip(found, expected).map { abs($0 - $1) }.max() ?? 0 : .infinity
  }

  private func tasks(_ source: InitialStateSource) throws -> LiberoTasks {
    let material = try #require(SceneMaterial.shared)
    var settings = material.settings
    settings.assets = material.assets
    var options = LiberoTasks.Options()
    (options.initialStates, options.backend) = (source, .osmesa)
    return try LiberoTasks(suites: [.spatial], identifiers: [0, 4], settings: settings, options: options)
  }

  @Test func `follow from seed, task and episode, and are none of the official ones`() throws {
    let (official, sampled) = (try tasks(.official), try tasks(.sampled))
    let name = "libero_spatial_4"
    #expect(official.initialStates == .official && sampled.initialStates == .sampled)
    #expect(try official.initialStateCount(ofTask: name) == 50)
    #expect(try sampled.initialStateCount(ofTask: name) == nil)
    let starts = try sampled.startStates(ofTask: name, seed: 0, episodes: 3)
    #expect(try sampled.startStates(ofTask: name, seed: 0, episodes: 2) == Array(starts.prefix(2)))
    let others = try sampled.startStates(ofTask: name, seed: 1, episodes: 3)
    let listed = try official.startStates(ofTask: name, seed: 0, episodes: 52)
    #expect(listed[50] == listed[0] && Set(listed).count == 50)
    #expect(Set(starts + others + listed).count == 56)
    #expect(Set(starts + others + listed).allSatisfy { $0.millionths.count == starts[0].millionths.count })
    for (tasks, expected) in [(sampled, starts), (official, listed)] {
      let environment = try tasks.makeEnvironment(task: name)
      for episode in [2, 1] {
        try environment.reset(seed: 0, episode: episode)
        #expect(environment.startState == expected[episode])
      }
    }
  }

  /// In the first draw of this episode objects are too near to each other.
  @Test func `are drawn again where something falls over`() throws {
    let tasks = try tasks(.sampled)
    let environment = try tasks.makeLiberoEnvironment(task: "libero_spatial_0")
    try environment.reset(seed: 0, episode: 4)
    let accepted = environment.startState
    let bodies = try [
      "plate_1_main", "akita_black_bowl_1_main", "akita_black_bowl_2_main", "cookies_1_main",
      "glazed_rim_porcelain_ramekin_1_main",
    ].map { try environment.world.model.index(of: .body, named: $0) }
    let rests = bodies.map(environment.simulation.bodyQuaternion)
    let random = CountedRandom(seed: 0, "LIBERO's placements").at(environment.world.task.name).at(4)
    try environment.reset(placementSeed: Int(random.words(0).0), initialState: nil)
    #expect(environment.startState != accepted)
    let tilts = zip(rests, bodies).map { Rotation.tilt(from: $0, to: environment.simulation.bodyQuaternion($1)) }
    #expect(tilts.contains { $0 > .pi / 6 }, "\(tilts)")
    try environment.reset(placementSeed: Int(random.words(1).0), initialState: nil)
    #expect(environment.startState == accepted)
  }

  @Test func `tell tilting from turning about the vertical`() {
    let turn = SIMD4(cos(0.6), 0, 0, sin(0.6))
    let upright = SIMD4(1.0, 0, 0, 0)
    #expect(Rotation.tilt(from: upright, to: turn) == 0)
    #expect(abs(Rotation.tilt(from: upright, to: SIMD4(cos(0.2), sin(0.2), 0, 0)) - 0.4) < 1e-12)
    #expect(abs(Rotation.tilt(from: SIMD4(cos(0.2), 0, sin(0.2), 0), to: upright) - 0.4) < 1e-12)
  }
}
