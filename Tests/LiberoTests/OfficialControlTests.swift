import Foundation
import ModelFiles
import MuJoCo
import Testing

@testable import Libero

/// What `oracle/libero_control.py` asked the official stack: random actions, and states that fulfil a goal or do not.
@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct `The official stack's answers` {
  /// One file of answers about a task.
  struct Answers {
    let name: String
    let file: SafetensorsFile
    let task: LiberoTask
    let seed: Int
    let initialState: Int
    let mode: ControlMode

    init(_ url: URL, _ material: SceneMaterial) throws {
      name = String(url.lastPathComponent.prefix { $0 != "." })
      let parts = name.split(separator: "_")
      let index = try #require(parts.last.flatMap { Int($0) })
      let suite = try LiberoSuite(named: parts.dropLast().joined(separator: "_"))
      file = try SafetensorsFile(url)
      task = try suite.task(index, material.settings)
      seed = try #require(file.metadata["seed"].flatMap { Int($0) })
      initialState = try #require(file.metadata["init_state"].flatMap { Int($0) })
      mode = try #require(file.metadata["mode"].flatMap(ControlMode.init))
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

  /// The committed answers, or those of a folder that the oracle filled.
  private static func files(_ kind: String) throws -> [URL] {
    let given = ProcessInfo.processInfo.environment["WM_LIBERO_CONTROL"].map { URL(fileURLWithPath: $0) }
    let folder = try #require(given ?? Bundle.module.url(forResource: "Goldens", withExtension: nil))
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(".\(kind).safetensors") }
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
  }

  @Test func `to random actions are ours`() throws {
    for url in try Self.files("trace") {
      let answers = try Answers(url, material)
      let actions = try NumpyFile(
        url.deletingLastPathComponent().appendingPathComponent("\(answers.name).actions.npy"))
      let numbers = try actions.withBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
      let environment = try LiberoEnvironment(LiberoWorld(answers.task, assets: material.assets), mode: answers.mode)
      let expected = try answers.values("sub_qpos", of: Double.self)
      let successes = try answers.values("success", of: UInt8.self)
      let count = environment.simulation.model.positionCount
      var worst = 0.0
      var substep = 0
      environment.onSubstep = { simulation in
        for (index, value) in simulation.positions.enumerated() {
          worst = max(worst, abs(value - expected[substep * count + index]))
        }
        substep += 1
      }
      try environment.reset(placementSeed: answers.seed, initialState: answers.initialState)
      for step in 0..<numbers.count / 7 {
        let result = try environment.step(Array(numbers[(7 * step)..<(7 * step + 7)]))
        #expect(result.success == (successes[step + 1] != 0), "\(answers.name) step \(step)")
      }
      print("\(answers.name): positions within \(worst) over \(substep) physics steps")
      #expect(substep * count == expected.count)
      #expect(worst < 1e-9, "\(answers.name)")
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
