import Foundation
import LiberoSimulation
import ModelFiles

/// Episodes of the scripted expert without images: `FOLDER/EPISODE.npy` holds an episode's actions, steps × 7.
struct Demonstrations: Encodable {
  /// Control steps of each episode.
  private(set) var steps: [Int] = []
  /// Whether each episode reached its goal.
  private(set) var successes: [Bool] = []

  init(of world: LiberoWorld, episodes: Int, seed: Int, folder: URL) throws {
    let environment = try LiberoEnvironment(world)
    for episode in 0..<episodes {
      try environment.reset(seed: seed, episode: episode)
      var actions: [Float] = []
      var succeeded = false
      for _ in 0..<environment.specification.maximumSteps where !succeeded {
        let action = try environment.demonstratedAction()
        actions += action
        succeeded = try environment.step(action).success
      }
      let rows = actions.count / 7
      let file = try NumpyWriter(folder.appendingPathComponent("\(episode).npy"), .float32, rowShape: [7])
      try file.append(actions)
      try file.finish()
      steps.append(rows)
      successes.append(succeeded)
    }
  }
}
