import Foundation

/// Makes the batches of coming steps on threads of its own and hands them out in order.
///
/// At most `ahead` batches exist at once, made or in the making. What a batch holds is up to `load`, which sees only the
/// step's number, so the order and the number of threads change nothing. Made for one consumer.
public final class BatchLoader<Element: Sendable>: Sendable {
  private let state: LoaderState<Element>

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - steps: the steps to make, in order.
  ///   - workers: threads; with 0, ``next()`` makes each batch itself.
  ///   - ahead: batches at most in memory, at least one per worker to keep all busy.
  ///   - load: makes a step's batch; called from any worker.
  public init(
    steps: Range<Int>, workers: Int, ahead: Int = 4, load: @escaping @Sendable (_ step: Int) throws -> Element
  ) {
    let state = LoaderState(steps: steps, ahead: max(1, ahead), load: load)
    self.state = state
    for number in 0..<max(0, workers) {
      state.addWorker()
      // The thread knows the state, never the loader, whose last release stops it.
      let thread = Thread { state.work() }
      thread.name = "batch-loader-\(number)"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  /// Makes batches of a sampler's samples; `load` takes their positions and the first one's place among all samples.
  public convenience init(
    sampler: BatchSampler, steps: Range<Int>, workers: Int, ahead: Int = 4,
    load: @escaping @Sendable (_ positions: [Int], _ draw: Int) throws -> Element
  ) {
    self.init(steps: steps, workers: workers, ahead: ahead) { step in
      try load(sampler.samples(step: step), step * sampler.batchSize)
    }
  }

  deinit { state.stop() }

  /// The next step's batch; nil after the last.
  ///
  /// - Throws: what went wrong while it was made, from then on every time; or that the loader was stopped.
  public func next() throws(DatasetError) -> Element? { try state.next() }

  /// Seconds that ``next()`` has spent waiting so far.
  public var stallSeconds: Double { state.stallSeconds }

  /// Batches that are ready now.
  public var readyCount: Int { state.readyCount }

  /// Ends the threads and waits until the last one has left; what is ready is dropped.
  public func stop() { state.stop() }
}

/// Unchecked because of the variables: every one is read and written under `condition` alone.
private final class LoaderState<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private let ahead: Int
  private let load: @Sendable (Int) throws -> Element
  private let end: Int
  private var nextToMake: Int
  private var nextToHandOut: Int
  private var ready: [Int: Result<Element, DatasetError>] = [:]
  private var failure: DatasetError?
  private var isStopped = false
  private var workers = 0
  private var hasWorkers = false
  private var stalled = 0.0

  init(steps: Range<Int>, ahead: Int, load: @escaping @Sendable (Int) throws -> Element) {
    self.ahead = ahead
    self.load = load
    nextToMake = steps.lowerBound
    nextToHandOut = steps.lowerBound
    end = steps.upperBound
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    condition.lock()
    defer { condition.unlock() }
    return body()
  }

  func addWorker() {
    locked {
      workers += 1
      hasWorkers = true
    }
  }

  var stallSeconds: Double { locked { stalled } }
  var readyCount: Int { locked { ready.count } }

  private func make(_ step: Int) -> Result<Element, DatasetError> {
    do throws(DatasetError) { return .success(try translated { try load(step) }) } catch { return .failure(error) }
  }

  func work() {
    while let step = claim() {
      let result = make(step)
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
      while !isStopped, nextToMake < end, nextToMake >= nextToHandOut + ahead { condition.wait() }
      guard !isStopped, nextToMake < end else { return nil }
      defer { nextToMake += 1 }
      return nextToMake
    }
  }

  func next() throws(DatasetError) -> Element? {
    let began = DispatchTime.now().uptimeNanoseconds
    let result = locked { () -> Result<Element?, DatasetError> in
      if let failure { return .failure(failure) }
      guard !isStopped else { return .failure(DatasetError("the loader was stopped")) }
      guard nextToHandOut < end else { return .success(nil) }
      let made: Result<Element, DatasetError>
      if hasWorkers {
        while ready[nextToHandOut] == nil, !isStopped { condition.wait() }
        guard let found = ready.removeValue(forKey: nextToHandOut) else {
          return .failure(DatasetError("the loader was stopped"))
        }
        made = found
      } else {
        made = make(nextToHandOut)
      }
      nextToHandOut += 1
      stalled += Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
      condition.broadcast()
      return made.map { $0 }
    }
    if case .failure(let error) = result {
      locked { failure = error }
      stop()
    }
    return try result.get()
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
