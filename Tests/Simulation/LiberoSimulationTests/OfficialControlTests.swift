import Foundation
import ModelFiles
import MuJoCoPhysics
import Testing

@testable import LiberoSimulation

/// What `oracle/goldens/libero_tasks.py` asked the official stack: a run that succeeds, and states that fulfill a goal or do
/// not.
@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct OfficialControlTests {
  /// One file of answers about a task.
  struct Answers {
    let name: String
    let file: SafetensorsFile
    let task: LiberoTask
    let seed: Int
    let initialState: Int

    init(_ url: URL, _ material: SceneMaterial) throws {
      name = String(url.lastPathComponent.prefix { $0 != "." })
      let parts = name.split(separator: "_")
      let index = try #require(parts.last.flatMap { Int($0) })
      let suite = try LiberoSuite(named: parts.dropLast().joined(separator: "_"))
      file = try SafetensorsFile(url)
      task = try suite.task(index, material.settings)
      seed = try #require(file.metadata["seed"].flatMap { Int($0) })
      initialState = try #require(file.metadata["init_state"].flatMap { Int($0) })
    }

    func values<Value: BitwiseCopyable>(_ name: String, of type: Value.Type) throws -> [Value] {
      try file.withBytes(of: file.entry(name)) { bytes in
        (0..<(bytes.count / MemoryLayout<Value>.stride)).map {
          bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.stride, as: Value.self)
        }
      }
    }
  }

  let material: SceneMaterial

  init() throws { material = try #require(SceneMaterial.shared) }

  private static func files(_ kind: String) throws -> [URL] {
    let folder = try #require(Bundle.module.url(forResource: "Goldens", withExtension: nil))
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(".\(kind).safetensors") }
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
  }

  @Test func `to actions that reach the goal are ours, up to the step of success`() throws {
    for url in try Self.files("run") {
      let answers = try Answers(url, material)
      let environment = try LiberoEnvironment(LiberoWorld(answers.task, assets: material.assets))
      let actions = try answers.values("actions", of: Float.self)
      let successes = try answers.values("success", of: UInt8.self)
      let positions = try answers.values("qpos", of: Double.self)
      let count = environment.simulation.model.positionCount
      try environment.reset(placementSeed: answers.seed, initialState: answers.initialState)
      #expect(successes.contains(1))
      for (step, success) in successes.enumerated() {
        let result = try environment.step(Array(actions[(7 * step)..<(7 * step + 7)]))
        #expect(result.success == (success != 0), "\(answers.name) step \(step + 1)")
        guard (step + 1) % 10 == 0 else { continue }
        let expected = positions[((step + 1) / 10 - 1) * count..<(step + 1) / 10 * count]
        let deviation = zip(environment.simulation.positions, expected).map { abs($0 - $1) }.max() ?? 1
        #expect(deviation < 1e-9, "\(answers.name) step \(step + 1)")
      }
    }
  }

  @Test func `to whether a goal is reached are ours`() throws {
    for url in try Self.files("goal") {
      let answers = try Answers(url, material)
      let world = try LiberoWorld(answers.task, assets: material.assets)
      let environment = try LiberoEnvironment(world)
      try environment.reset(placementSeed: answers.seed, initialState: answers.initialState)
      let goal = try Goal(world.scene.problem.goal, of: world.scene, in: world.model)
      let simulation = environment.simulation
      let count = world.model.positionCount
      let positions = try answers.values("qpos", of: Double.self)
      let reached = try answers.values("reached", of: UInt8.self)
      var wrong = 0
      for (index, expected) in reached.enumerated() {
        try simulation.setState(
          time: 0, positions: Array(positions[(index * count)..<((index + 1) * count)]),
          velocities: [Double](repeating: 0, count: world.model.velocityCount))
        try simulation.forward()
        if goal.isReached(in: simulation) != (expected != 0) { wrong += 1 }
      }
      print(
        "\(answers.name): \(wrong) of \(reached.count) states judged otherwise, \(reached.count { $0 != 0 }) reached")
      #expect(wrong == 0, "\(answers.name)")
    }
  }
}
