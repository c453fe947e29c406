import Environments
import Evaluation
import Foundation
import MuJoCo
import Policies
import TestSupport
import Testing

@testable import Libero

/// One task whose environments share a model, with few steps and no pictures.
private struct ShortSuite: EnvironmentSuite {
  let world: LiberoWorld
  var mode = ControlMode.relative
  let name = "libero"
  let taskNames = ["libero_spatial_0"]

  func specification(ofTask task: String) -> EnvironmentSpecification {
    LiberoEnvironment.specification(maximumSteps: 3)
  }

  func makeEnvironment(task: String) throws(EnvironmentError) -> any Environment {
    try LiberoEnvironment(world, mode: mode, specification: specification(ofTask: task))
  }

  /// All positions and velocities of everything in the scene.
  func recorded() -> RecordedSuite {
    RecordedSuite(self) { environment throws(EnvironmentError) in
      guard let simulation = (environment as? LiberoEnvironment)?.simulation else { return [] }
      return simulation.positions + simulation.velocities
    }
  }
}

@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct `LIBERO's episodes` {
  @Test func `are the same to the bit side by side, in any order, and anew`() throws {
    let suite = ShortSuite(world: try SpatialGolden.world())
    var found: [[String: [[Double]]]] = []
    for batch in [1, 2, 4] {
      var settings = EvaluationSettings()
      (settings.episodes, settings.batchSize) = (4, batch)
      let recorded = suite.recorded()
      let results = try Evaluation(recorded, settings, directory: nil)
        .run(tasks: suite.taskNames, planner: RandomPlanner(actionDimension: 7))
      #expect(results.allSatisfy { $0.problem == nil && $0.steps == 3 })
      found.append(recorded.record.episodes)
    }
    #expect(found[0].count == 4 && found[0].values.allSatisfy { $0.count == 4 })
    #expect(Set(found[0].values.map { $0[0] }).count == 4, "they begin differently")
    #expect(found[1] == found[0] && found[2] == found[0])

    let backwards = suite.recorded()
    let environment = try backwards.makeEnvironment(task: suite.taskNames[0])
    for episode in [3, 54, 1, 0] { try environment.reset(seed: 1000, episode: episode) }
    for episode in [3, 1, 0] {
      let key = "libero_spatial_0 \(episode)"
      #expect(backwards.record.episodes[key]?.first == found[0][key]?.first)
    }
  }
}
