import Foundation
import Tracing

/// Computes the elements of coming steps on threads of its own and returns them in order.
///
/// An element is a function of its step alone, so the number of threads and their order change nothing. Made for one
/// consumer.
public final class OrderedPrefetcher<Element: Sendable>: Sendable {
  private let state: PrefetcherState<Element>

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - steps: the steps to compute, in order.
  ///   - workers: the number of threads, fewer where the system has no room for them; with 0, ``next()`` computes each
  ///     element itself.
  ///   - ahead: the elements that may exist at once, finished or not; at least one more than there are workers if nil,
  ///     so that none of them waits.
  ///   - load: computes a step's element; called from any worker.
  public init(
    steps: Range<Int>, workers: Int, ahead: Int? = nil, load: @escaping @Sendable (_ step: Int) throws -> Element
  ) {
    let state = PrefetcherState(steps: steps, ahead: max(1, ahead ?? max(4, workers + 1)), load: load)
    self.state = state
    for number in 0..<max(0, workers) {
      guard state.startWorker(named: "prefetch-\(number)") else { return }
    }
  }

  deinit { state.stop() }

  /// Returns the next step's element, or nil after the last step.
  ///
  /// - Throws: the error of `load` for this step, again on every later call; `CancellationError` after ``stop()``.
  public func next() throws -> Element? { try state.next() }

  /// The seconds that ``next()`` has spent waiting so far.
  var stallSeconds: Double { state.stallSeconds }

  /// The number of elements that are ready now.
  var readyCount: Int { state.readyCount }

  /// Stops the threads, waits for the last one to return, and drops what is ready.
  public func stop() { state.stop() }
}

/// Unchecked because every variable is read and written only while `condition` is locked.
private final class PrefetcherState<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private let ahead: Int
  private let load: @Sendable (Int) throws -> Element
  private let end: Int
  private var nextToLoad: Int
  private var nextToReturn: Int
  private var ready: [Int: Result<Element, any Error>] = [:]
  private var failure: (any Error)?
  private var isStopped = false
  private var workers = 0
  private var hasWorkers = false
  private var stalled = Duration.zero

  init(steps: Range<Int>, ahead: Int, load: @escaping @Sendable (Int) throws -> Element) {
    self.ahead = ahead
    self.load = load
    nextToLoad = steps.lowerBound
    nextToReturn = steps.lowerBound
    end = steps.upperBound
  }

  private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
    condition.lock()
    defer { condition.unlock() }
    return try body()
  }

  /// - Returns: false if the system has no room for its thread.
  func startWorker(named name: String) -> Bool {
    locked { workers += 1 }
    // The thread holds the state and not the prefetcher, whose last release stops it.
    let isStarted = startThread(named: name) { self.work() }
    locked {
      if isStarted { hasWorkers = true } else { workers -= 1 }
    }
    return isStarted
  }

  var stallSeconds: Double { locked { stalled / .seconds(1) } }
  var readyCount: Int { locked { ready.count } }

  func work() {
    while let step = claim() {
      let result = Result { try traced(.loader) { try load(step) } }
      locked {
        if !isStopped { ready[step] = result }
        condition.broadcast()
      }
    }
    locked {
      workers -= 1
      condition.broadcast()
    }
  }

  private func claim() -> Int? {
    locked {
      while !isStopped, nextToLoad < end, nextToLoad >= nextToReturn + ahead { condition.wait() }
      guard !isStopped, nextToLoad < end else { return nil }
      defer { nextToLoad += 1 }
      return nextToLoad
    }
  }

  func next() throws -> Element? {
    let start = ContinuousClock.now
    do {
      return try locked {
        if let failure { throw failure }
        guard !isStopped else { throw CancellationError() }
        guard nextToReturn < end else { return nil }
        let element = try hasWorkers ? traced(.wait, waitForElement) : traced(.loader) { try load(nextToReturn) }
        nextToReturn += 1
        stalled += ContinuousClock.now - start
        condition.broadcast()
        return element
      }
    } catch {
      locked { failure = failure ?? error }
      stop()
      throw error
    }
  }

  /// Call while `condition` is locked.
  private func waitForElement() throws -> Element {
    while ready[nextToReturn] == nil, !isStopped { condition.wait() }
    guard let found = ready.removeValue(forKey: nextToReturn) else { throw CancellationError() }
    return try found.get()
  }

  func stop() {
    locked {
      isStopped = true
      ready = [:]
      condition.broadcast()
      while workers > 0 { condition.wait() }
    }
  }
}
