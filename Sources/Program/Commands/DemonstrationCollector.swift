import Failures
import Foundation
import LeRobotDatasets
import RobotEnvironments
import RobotPolicies
import Synchronization
import WorkerThreads

/// A suite's scripted expert at one task, in as many environments as there are processors.
///
/// Episode k follows from the seed, the task and k alone, and episodes are handed over in their order, so the number of
/// threads changes nothing that is recorded.
struct DemonstrationCollector {
  private final class Cancellation: Sendable {
    let isRequested = Atomic(false)
  }

  private let cancellation = Cancellation()
  private let demonstrate: @Sendable (_ episode: Int) throws -> Demonstration
  private var episodes: OrderedPrefetcher<Demonstration>?
  /// Episodes that were begun, and those of them that were handed out.
  private var begun = 0, handedOut = 0

  /// - Parameter isInterrupted: asked between control steps; true cancels the episode.
  init(
    _ suite: any EnvironmentSuite, task: String, seed: Int, isInterrupted: @escaping @Sendable () -> Bool
  ) {
    let cancellation = cancellation
    let environments = ResourcePool<String, any DemonstratedEnvironment>(
      maximumIdle: ProcessInfo.processInfo.activeProcessorCount)
    demonstrate = { episode in
      try environments.withResource(
        task,
        make: {
          guard let environment = try suite.makeEnvironment(task: task) as? any DemonstratedEnvironment else {
            throw Failure("\(suite.name) has no demonstrator for \(task)")
          }
          return environment
        }
      ) { environment in
        try Demonstration(environment, seed: seed, episode: episode) {
          cancellation.isRequested.load(ordering: .relaxed) || isInterrupted()
        }
      }
    }
  }

  /// Returns the next episode, or an error if the expert cannot run it at all.
  ///
  /// - Parameter needed: the number of episodes that will be requested at least, this one included; no more are started.
  mutating func nextDemonstration(needed: Int) -> Result<Demonstration, any Error> {
    if handedOut == begun {
      let threads = min(needed, ProcessInfo.processInfo.activeProcessorCount)
      episodes = OrderedPrefetcher(
        steps: begun..<begun + needed, workers: threads, ahead: threads + 1, load: demonstrate)
      begun += needed
    }
    do {
      guard let demonstration = try episodes?.next() else {
        return .failure(Failure("there are no more episodes"))
      }
      handedOut += 1
      return .success(demonstration)
    } catch {
      return .failure(error)
    }
  }

  /// Cancels the episodes that will not be requested.
  func leave() {
    cancellation.isRequested.store(true, ordering: .relaxed)
    episodes?.stop()
  }
}

/// One episode that a scripted expert carried out: a frame for each control step, as seen before its action.
struct Demonstration: Sendable {
  let instruction: String
  /// The episode's number, and where it started.
  let episode: Int, start: StartState
  private(set) var frames: [[String: FeatureValue]] = []
  private(set) var succeeded = false

  /// Carries out an episode, up to its first success or its last step.
  init(
    _ environment: any DemonstratedEnvironment, seed: Int, episode: Int, isGivenUp: () -> Bool
  ) throws {
    try environment.reset(seed: seed, episode: episode)
    instruction = environment.instruction
    (self.episode, start) = (episode, environment.startState)
    let cameras = Set(environment.specification.cameras.map(\.name))
    for _ in 0..<environment.specification.maximumSteps {
      guard !isGivenUp() else { throw Failure("the episode was given up") }
      let observation = try environment.observe(cameras: cameras)
      let action = try environment.demonstratedAction()
      var frame: [String: FeatureValue] = [
        BatchKey.state: .floats(observation.state), BatchKey.action: .floats(action),
      ]
      for (camera, image) in observation.images { frame[BatchKey.images + camera] = .image(image) }
      frames.append(frame)
      let result = try environment.step(action)
      succeeded = succeeded || result.success
      if result.terminated { break }
    }
  }
}
