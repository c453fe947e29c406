import Failures
import Foundation
import ModelFiles
import MuJoCoPhysics
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies
import Testing
import TestSupport

@testable import LiberoSimulation

/// One task whose environments share a model, with few steps and no images.
private struct ShortSuite: EnvironmentSuite {
  let world: LiberoWorld
  let name = "libero"
  let taskNames = ["libero_spatial_0"]

  func specification(ofTask task: String) -> EnvironmentSpecification {
    LiberoEnvironment.specification(maximumSteps: 3)
  }

  func makeEnvironment(task: String) throws -> any Environment {
    try LiberoEnvironment(world, specification: specification(ofTask: task))
  }

}

extension RecordedSuite {
  /// All positions and velocities of everything in the scene.
  fileprivate init(libero suite: any EnvironmentSuite) {
    self.init(suite) { environment throws in
      guard let simulation = (environment as? LiberoEnvironment)?.simulation else { return [] }
      return simulation.positions + simulation.velocities
    }
  }
}

/// Has the same plan for everybody.
private final class FixedPlanner: ActionPlanner {
  let cameras: Set<String> = []
  let history: ObservationHistory? = nil
  private let actions: [[Float]]

  init(_ actions: [[Float]]) { self.actions = actions }

  func plan(_ requests: [PolicyRequest]) -> [ActionChunk] { requests.map { _ in ActionChunk(actions) } }
}

@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct EpisodesTests {
  @Test(arguments: [10, 50]) func `run at a control rate, under the cameras' own names`(rate: Int) throws {
    let environment = try LiberoEnvironment(
      SpatialGolden.world(),
      specification: LiberoEnvironment.specification(
        maximumSteps: 3, width: 32, height: 24, cameras: ["front", "wrist"], framesPerSecond: rate))
    try environment.reset(seed: 0, episode: 0)
    var times: [Double] = []
    environment.onSubstep = { times.append($0.time) }
    let before = environment.simulation.time
    _ = try environment.step([0.1, 0, 0, 0, 0, 0, -1])
    #expect(times.count == 500 / rate && abs(environment.simulation.time - before - 1 / Double(rate)) < 1e-9)
    #expect(environment.specification.datasetFramesPerSecond == rate)
    let images = try environment.observe(cameras: ["front", "wrist"]).images
    #expect(images["front"]?.width == 32 && images["wrist"]?.height == 24 && images["front"] != images["wrist"])
    let usual = try LiberoEnvironment(
      SpatialGolden.world(), specification: LiberoEnvironment.specification(maximumSteps: 3, width: 32, height: 24))
    try usual.reset(seed: 0, episode: 0)
    #expect(throws: Failure.self) { try usual.observe(cameras: ["front"]) }
  }

  @Test func `are the same to the bit side by side, in any order, and again`() throws {
    let suite = ShortSuite(world: try SpatialGolden.world())
    var found: [[String: [[Double]]]] = []
    for batch in [1, 2, 4] {
      var settings = EvaluationSettings()
      (settings.episodes, settings.batchSize) = (4, batch)
      let recorded = RecordedSuite(libero: suite)
      let results = try Evaluation(recorded, settings, directory: nil)
        .run(tasks: suite.taskNames, planner: RandomPlanner(actionDimension: 7))
      #expect(results.allSatisfy { $0.problem == nil && $0.steps == 3 })
      found.append(recorded.record.episodes)
    }
    #expect(found[0].count == 4 && found[0].values.allSatisfy { $0.count == 4 })
    #expect(Set(found[0].values.map { $0[0] }).count == 4, "they begin differently")
    #expect(found[1] == found[0] && found[2] == found[0])

    let backwards = RecordedSuite(libero: suite)
    let environment = try backwards.makeEnvironment(task: suite.taskNames[0])
    for episode in [3, 54, 1, 0] { try environment.reset(seed: 1000, episode: episode) }
    for episode in [3, 1, 0] {
      let key = "libero_spatial_0 \(episode)"
      #expect(backwards.record.episodes[key]?.first == found[0][key]?.first)
    }
  }

  /// As `oracle/goldens/libero_episodes.py` asked LeRobot. Absolute orientations pass through NumPy's sine and cosine
  /// in single precision, which differ from processor to processor.
  @Test(arguments: [(ControlMode.relative, 1e-9), (.absolute, 1e-7)])
  func `are the official ones in both control modes`(mode: ControlMode, tolerance: Double) throws {
    let material = try #require(SceneMaterial.shared)
    let golden = try SafetensorsFile(
      #require(Bundle.module.url(forResource: "Goldens/libero_spatial_0.evaluation", withExtension: "safetensors")))
    func numbers<Value: BitwiseCopyable>(_ name: String, _ type: Value.Type) throws -> [[Value]] {
      let entry = try golden.entry("\(mode.rawValue).\(name)")
      return try golden.withBytes(of: entry) { bytes in
        let all = (0..<bytes.count / MemoryLayout<Value>.stride).map {
          bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.stride, as: Value.self)
        }
        return stride(from: 0, to: all.count, by: entry.shape[1]).map { Array(all[$0..<$0 + entry.shape[1]]) }
      }
    }
    let (actions, positions) = (try numbers("actions", Float.self), try numbers("qpos", Double.self))
    let episode = try #require(golden.metadata["episode"].flatMap { Int($0) })
    var options = LiberoTasks.Options()
    (options.mode, options.maximumSteps) = (mode, actions.count)
    var located = material.settings
    located.assets = material.assets
    let suite = RecordedSuite(
      libero: try LiberoTasks(suites: [.spatial], identifiers: [0], settings: located, options: options))
    var settings = EvaluationSettings()
    (settings.episodes, settings.batchSize) = (episode + 1, episode + 1)
    settings.seed = try #require(golden.metadata["seed"].flatMap { Int($0) })
    let results = try Evaluation(suite, settings, directory: nil).run(
      tasks: suite.taskNames, planner: FixedPlanner(actions))
    #expect(results.allSatisfy { $0.problem == nil && $0.steps == actions.count })
    let found = try #require(suite.record.episodes["libero_spatial_0 \(episode)"])
    var worst = 0.0
    for (ours, theirs) in zip(found.dropFirst(), positions) {
      for (one, other) in zip(ours, theirs) { worst = max(worst, abs(one - other)) }
    }
    print("\(mode.rawValue): positions within \(worst) over \(actions.count) actions")
    #expect(found.count == positions.count + 1 && worst < tolerance)
  }

  @Test func `end with a sentence where the initial states are another task's`() throws {
    let material = try #require(SceneMaterial.shared)
    try withTemporaryFolder { folder in
      let files = FileManager.default
      let suite = folder.appendingPathComponent("libero_object")
      try files.createDirectory(at: suite, withIntermediateDirectories: true)
      let task = try LiberoSuite.object.task(0, material.settings)
      let other = try LiberoSuite.spatial.task(0, material.settings)
      try files.copyItem(
        at: other.initialStatesFile, to: suite.appendingPathComponent(task.initialStatesFile.lastPathComponent))
      var located = material.settings
      (located.assets, located.initialStates) = (material.assets, folder)
      var settings = EvaluationSettings()
      (settings.episodes, settings.batchSize) = (2, 2)
      let tasks = try LiberoTasks(suites: [.object], identifiers: [0], settings: located)
      let results = try Evaluation(tasks, settings, directory: nil)
        .run(tasks: tasks.taskNames, planner: RandomPlanner(actionDimension: 7))
      #expect(results.count == 2 && results.allSatisfy { $0.steps == 0 })
      #expect(results.allSatisfy { $0.problem?.contains("holds states of 92 numbers, and the scene needs ") == true })
    }
  }
}
