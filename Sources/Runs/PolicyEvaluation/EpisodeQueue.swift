import Synchronization

/// An episode of a task, by its number.
struct EpisodeID: Hashable, Sendable {
  let task: String
  let episode: Int
}

/// The episodes that have not started, task by task, and the results of those that have ended.
final class EpisodeQueue: Sendable {
  private struct State {
    /// In reverse order.
    var remaining: [EpisodeID]
    var results: [EpisodeResult] = []
  }

  private let state: Mutex<State>

  /// - Parameter finished: results of episodes that are not run again.
  init(tasks: [String], episodes: Int, finished: [EpisodeResult] = []) {
    let all = tasks.flatMap { task in (0..<episodes).map { EpisodeID(task: task, episode: $0) } }
    let done = Set(finished.map { EpisodeID(task: $0.task, episode: $0.episode) })
    let asked = Set(all)
    state = Mutex(
      State(
        remaining: all.filter { !done.contains($0) }.reversed(),
        results: finished.filter { asked.contains(EpisodeID(task: $0.task, episode: $0.episode)) }))
  }

  /// Removes and returns the next episode, or returns nil if none is left.
  func next() -> EpisodeID? { state.withLock { $0.remaining.popLast() } }

  /// Records the result of an episode.
  func finish(_ result: EpisodeResult) { state.withLock { $0.results.append(result) } }

  /// Fails an episode and all remaining ones of its task, whose environment cannot be created.
  func failTask(of episode: EpisodeID, _ problem: String) {
    state.withLock { state in
      let lost = [episode] + state.remaining.filter { $0.task == episode.task }.reversed()
      state.remaining.removeAll { $0.task == episode.task }
      state.results += lost.map { EpisodeResult(task: $0.task, episode: $0.episode, problem: problem) }
    }
  }

  /// The results so far, in the order in which episodes ended.
  var results: [EpisodeResult] { state.withLock { $0.results } }

  /// Removes the episodes that have not started.
  func close() { state.withLock { $0.remaining = [] } }
}
