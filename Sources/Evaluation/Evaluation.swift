import Dispatch
import Environments
import Foundation
import Media
import ModelFiles

/// What is evaluated, and how often.
public struct EvaluationSettings: Sendable {
  /// Episodes of each task.
  public var episodes = 50
  /// Environments of a task that run side by side.
  public var batchSize = 50
  /// Episode k of a task follows from this, the task and k alone.
  public var seed = 1000
  /// Episodes of each task that are filmed, from the first.
  public var filmed = 10
  /// Tell the policy the contrary instruction, and count the original goal.
  public var contrary = false

  /// The defaults of LeRobot.
  public init() {}
}

/// Runs a planner in a suite's tasks, episode by episode, several environments at a time.
public struct Evaluation {
  let suite: any EnvironmentSuite
  let settings: EvaluationSettings
  let videos: URL?

  /// An evaluation; videos go to `videos/GROUP_TASK/eval_episode_N.mp4` below `directory`, or nowhere.
  public init(_ suite: any EnvironmentSuite, _ settings: EvaluationSettings, directory: URL?) {
    self.suite = suite
    self.settings = settings
    videos = directory?.appendingPathComponent("videos")
  }

  /// All episodes of some tasks, in order.
  ///
  /// - Parameter progress: called after each round with the results so far.
  public func run(
    tasks: [String], planner: any Planner, progress: ([EpisodeResult]) -> Void = { _ in }
  ) throws -> [EpisodeResult] {
    var results: [EpisodeResult] = []
    for task in tasks {
      let before = results
      results += try run(task: task, planner: planner) { progress(before + $0) }
    }
    return results
  }

  /// Rounds: all environments that need a plan get one together, then carry it out side by side. An environment that
  /// has finished takes the next episode at once; which one it is never depends on who was faster.
  private func run(
    task: String, planner: any Planner, progress: ([EpisodeResult]) -> Void
  ) throws -> [EpisodeResult] {
    let filmCamera = try suite.specification(ofTask: task).cameras.first?.name
    var waiting = Array((0..<settings.episodes).reversed())
    var results: [EpisodeResult] = []
    var slots: [Rollout] = []
    func begin(_ environment: any Environment, _ episode: Int) -> Rollout {
      Rollout(
        environment, task: task, episode: episode, seed: settings.seed, contrary: settings.contrary,
        filmCamera: videos != nil && episode < settings.filmed ? filmCamera : nil)
    }
    do throws(EnvironmentError) {
      for _ in 0..<min(settings.batchSize, settings.episodes) {
        let environment = try suite.makeEnvironment(task: task)
        slots.append(begin(environment, waiting.removeLast()))
      }
    } catch {
      // A task whose scene cannot be had costs its own episodes, not the other tasks'.
      return (0..<settings.episodes).map { EpisodeResult(task: task, episode: $0, problem: error.description) }
    }
    while !slots.isEmpty {
      let requests = inParallel(slots) { $0.request(for: planner) }
      let asking = zip(slots, requests).compactMap { slot, request in request.map { (slot, $0) } }
      let planned = plan(asking, planner)
      _ = inParallel(planned) { $0.rollout.carryOut($0.plan, history: planner.history) }
      var next: [Rollout] = []
      for slot in slots {
        guard slot.isFinished else {
          next.append(slot)
          continue
        }
        results.append(save(slot))
        if let episode = waiting.popLast() { next.append(begin(slot.environment, episode)) }
      }
      slots = next
      progress(results)
    }
    return results.sorted { $0.episode < $1.episode }
  }

  /// One plan for each that asks, in one batch; where that fails each asks alone, and those that get none end.
  private func plan(_ asking: [(Rollout, PlanningRequest)], _ planner: any Planner) -> [PlannedRollout] {
    guard !asking.isEmpty else { return [] }
    if asking.count > 1, let plans = try? planner.plan(asking.map(\.1)), plans.count == asking.count {
      return zip(asking, plans).map { PlannedRollout(rollout: $0.0, plan: $1) }
    }
    return asking.compactMap { rollout, request in
      do {
        if let plan = try planner.plan([request]).first { return PlannedRollout(rollout: rollout, plan: plan) }
        rollout.end("the policy gave no plan")
      } catch {
        rollout.end("the policy gave no plan: \(error)")
      }
      return nil
    }
  }

  /// The episode's result; a film that cannot be written is said and costs no other result.
  private func save(_ rollout: Rollout) -> EpisodeResult {
    var result = rollout.result
    do { result.video = try writeFilm(of: rollout) } catch {
      result.problem = result.problem ?? "the film could not be written: \(sentence(of: error))"
    }
    return result
  }

  private func writeFilm(of rollout: Rollout) throws -> URL? {
    let result = rollout.result
    guard let videos, let first = rollout.film.first else { return nil }
    let folder = videos.appendingPathComponent(suite.label(ofTask: result.task).folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let url = folder.appendingPathComponent("eval_episode_\(result.episode).mp4")
    let writer = try VideoWriter(
      url, width: first.width, height: first.height,
      framesPerSecond: Double(rollout.environment.specification.framesPerSecond), overwrite: true)
    for picture in rollout.film { try writer.append(picture) }
    try writer.finish()
    return url
  }
}

private struct PlannedRollout {
  let rollout: Rollout
  let plan: [[Float]]
}

/// Applies `body` to each element on a thread of its own; elements share nothing, so nothing is locked but the results.
private func inParallel<Element, Result>(_ elements: [Element], _ body: (Element) -> Result) -> [Result] {
  var results = [Result?](repeating: nil, count: elements.count)
  results.withUnsafeMutableBufferPointer { buffer in
    nonisolated(unsafe) let buffer = buffer
    nonisolated(unsafe) let elements = elements
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: elements.count) { buffer[$0] = body(elements[$0]) }
  }
  return results.compactMap { $0 }
}
