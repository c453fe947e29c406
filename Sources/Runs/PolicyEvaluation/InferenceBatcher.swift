import Foundation
import RobotPolicies
import Synchronization

/// Batches the requests of all workers for the one thread that runs inference.
///
/// Workers run on threads of their own and wait for their answer here; only values cross between threads.
final class InferenceBatcher: Sendable {
  /// What a worker receives for its request.
  enum Answer: Sendable {
    case chunk(ActionChunk)
    /// There is no plan, and why.
    case failure(String)
    case stopped
  }

  /// A worker's request and the place of its answer.
  final class Ticket: Sendable {
    let episode: EpisodeID
    let request: PolicyRequest
    private let answer = Mutex(Answer.stopped)
    private let isAnswered = DispatchSemaphore(value: 0)

    init(_ episode: EpisodeID, _ request: PolicyRequest) {
      self.episode = episode
      self.request = request
    }

    func resolve(_ answer: Answer) {
      self.answer.withLock { $0 = answer }
      isAnswered.signal()
    }

    fileprivate func wait() -> Answer {
      isAnswered.wait()
      return answer.withLock { $0 }
    }
  }

  private struct State {
    var waiting: [Ticket] = []
    /// Workers that run, rather than wait for an answer.
    var busyWorkers: Int
    var isStopped = false
  }

  private let state: Mutex<State>
  private let stepping: DispatchSemaphore
  private let changed = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - workers: the number of workers that will run.
  ///   - threads: how many of them may step at the same time.
  init(workers: Int, threads: Int) {
    state = Mutex(State(busyWorkers: workers))
    stepping = DispatchSemaphore(value: threads)
  }

  // MARK: Workers, each on its own thread

  /// Runs a worker once it may step.
  func run(_ body: () -> Void) {
    stepping.wait()
    body()
    stepping.signal()
    state.withLock { $0.busyWorkers -= 1 }
    changed.signal()
  }

  /// Waits for the answer to a request; other workers may step meanwhile.
  func plan(for episode: EpisodeID, _ request: PolicyRequest) -> Answer {
    let ticket = Ticket(episode, request)
    let isStopped = state.withLock { state in
      if !state.isStopped {
        state.waiting.append(ticket)
        state.busyWorkers -= 1
      }
      return state.isStopped
    }
    if isStopped { return .stopped }
    changed.signal()
    stepping.signal()
    defer { stepping.wait() }
    return ticket.wait()
  }

  // MARK: Inference, on one thread

  /// Returns the requests to answer next, or none when all workers have ended.
  ///
  /// - Parameter maximumDelay: how long the first request may wait for others.
  func nextBatch(_ policy: BatchingPolicy, maximumDelay: Duration) -> [Ticket] {
    var deadline: ContinuousClock.Instant?
    while true {
      let (batch, isWaiting) = state.withLock { state in
        (Self.takeBatch(&state, policy, isLate: deadline.map { $0 <= .now } ?? false), !state.waiting.isEmpty)
      }
      if let batch { return batch }
      if isWaiting, case .atMost = policy {
        let end = deadline ?? .now + maximumDelay
        deadline = end
        let seconds = max(0, (end - .now) / .seconds(1))
        _ = changed.wait(timeout: .now() + seconds)
      } else {
        changed.wait()
      }
    }
  }

  private static func takeBatch(_ state: inout State, _ policy: BatchingPolicy, isLate: Bool) -> [Ticket]? {
    guard !state.waiting.isEmpty else { return state.busyWorkers == 0 ? [] : nil }
    let count: Int
    switch policy {
    case .all:
      guard state.busyWorkers == 0 else { return nil }
      count = state.waiting.count
    case .atMost(let limit):
      guard state.busyWorkers == 0 || state.waiting.count >= limit || isLate else { return nil }
      count = min(limit, state.waiting.count)
    }
    defer { state.waiting.removeFirst(count) }
    state.busyWorkers += count
    return Array(state.waiting.prefix(count))
  }

  /// Answers all requests, present and future, with `stopped`.
  func stop() {
    let waiting = state.withLock { state in
      defer { state.waiting = [] }
      state.isStopped = true
      state.busyWorkers += state.waiting.count
      return state.waiting
    }
    for ticket in waiting { ticket.resolve(.stopped) }
  }
}
