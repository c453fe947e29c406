// Runs an episode of the embedded suite with a hand-written policy.
//
//   swift run --package-path Examples RunEpisode
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies
import ShapesSimulation

/// Moves the finger in a circle, whatever it sees.
final class CirclePlanner: ActionPlanner {
  let cameras: Set<String> = []
  let history: ObservationHistory? = nil

  func plan(_ requests: [PolicyRequest]) -> [ActionChunk] {
    requests.map { _ in ActionChunk([[0.5, 0], [0, 0.5], [-0.5, 0], [0, -0.5]]) }
  }
}

var settings = EvaluationSettings()
settings.episodes = 1
let suite = try ShapesSuite(imageSize: 64)
let results = try Evaluation(suite, settings, directory: nil).run(tasks: ["push_side"], planner: CirclePlanner())
for result in results {
  print("\"\(result.instruction)\": \(result.success ? "success" : "no success") after \(result.steps) steps")
}
