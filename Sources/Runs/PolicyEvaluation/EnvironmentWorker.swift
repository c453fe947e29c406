import Failures
import Foundation
import RobotEnvironments

/// Runs episodes one after another in an environment of its own, on one thread.
final class EnvironmentWorker {
  /// What all workers of an evaluation share.
  struct Context: Sendable {
    let suite: any EnvironmentSuite
    let settings: EvaluationSettings
    /// The folder of the videos, nil for none.
    let videos: URL?
    /// Keeps the episodes, nil for none.
    var recorder: (any EpisodeRecorder)?
    let requirements: ObservationRequirements
    let queue: EpisodeQueue
    let batcher: InferenceBatcher
  }

  private let context: Context
  private var environment: (task: String, value: any Environment)?

  init(_ context: Context) { self.context = context }

  /// Runs episodes until none is left or the evaluation is stopped.
  func run() {
    while let episode = context.queue.next() {
      guard let environment = environment(for: episode) else { continue }
      guard let result = run(episode, in: environment) else { return }
      context.queue.finish(result)
    }
  }

  /// Runs an episode; nil if the evaluation is stopped before its end.
  private func run(_ episode: EpisodeID, in environment: any Environment) -> EpisodeResult? {
    let runner = EpisodeRunner(environment, episode, context)
    while let request = runner.nextRequest() {
      switch context.batcher.plan(for: episode, request) {
      case .chunk(let chunk): runner.execute(chunk)
      case .failure(let problem): runner.end(problem)
      case .stopped: return nil
      }
    }
    return runner.finish()
  }

  private func environment(for episode: EpisodeID) -> (any Environment)? {
    if let environment, environment.task == episode.task { return environment.value }
    // Released first: the environments of two tasks would need twice the memory.
    environment = nil
    do { environment = (episode.task, try context.suite.makeEnvironment(task: episode.task)) } catch {
      context.queue.failTask(of: episode, message(of: error))
    }
    return environment?.value
  }
}
