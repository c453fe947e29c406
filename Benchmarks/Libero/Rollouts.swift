import Foundation
import LiberoSimulation
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies

/// How fast a whole evaluation runs whose planner takes a while, as one on a graphics card does.
struct Rollouts: Encodable {
  /// Control steps a second of all environments together, resets and the scene's compilation included.
  let stepsPerSecond: Double
  /// Plans that were made, and calls that made them.
  let plans, calls: Int
  /// Seconds from beginning to end, and of them in which the planner was busy.
  let seconds, planningSeconds: Double
  /// Episodes that broke off.
  let problems: Int

  init(suite: LiberoSuite, task: Int, environments: Int, episodes: Int, planMilliseconds: Int) throws {
    let tasks = try LiberoTasks(suites: [suite], identifiers: [task], settings: LiberoSettings.resolve())
    let planner = SleepingPlanner(milliseconds: planMilliseconds)
    var settings = EvaluationSettings()
    (settings.episodes, settings.batchSize) = (episodes, environments)
    let begun = ContinuousClock.now
    let results = try Evaluation(tasks, settings, directory: nil).run(tasks: tasks.taskNames, planner: planner)
    seconds = (ContinuousClock.now - begun).seconds
    stepsPerSecond = Double(results.map(\.steps).reduce(0, +)) / seconds
    (plans, calls, planningSeconds) = (planner.plans, planner.calls, planner.busy.seconds)
    problems = results.count { $0.problem != nil }
  }
}

/// Takes a fixed time for any number of plans, which are all the same and reach nothing.
private final class SleepingPlanner: ActionPlanner {
  let cameras: Set<String> = ["image", "image2"]
  let history: ObservationHistory? = nil
  private(set) var plans = 0, calls = 0
  private(set) var busy = Duration.zero
  private let milliseconds: Int

  init(milliseconds: Int) { self.milliseconds = milliseconds }

  func plan(_ requests: [PolicyRequest]) -> [ActionChunk] {
    plans += requests.count
    calls += 1
    busy += ContinuousClock().measure { usleep(UInt32(1000 * milliseconds)) }
    return requests.map { _ in ActionChunk(Array(repeating: Speed.action, count: Speed.horizon)) }
  }
}
