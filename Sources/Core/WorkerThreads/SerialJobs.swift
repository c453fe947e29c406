import Dispatch
import Synchronization

/// Jobs that run one after another beside the caller's work, and sentences about those that failed.
public final class SerialJobs: Sendable {
  private let queue: DispatchQueue
  private let failures = Mutex<[String]>([])

  /// - Parameter name: the thread's, for debuggers.
  public init(named name: String) { queue = DispatchQueue(label: name) }

  /// Starts a job once those before have ended: waiting bounds how far they are behind.
  ///
  /// - Parameter sentence: what is said of its failure.
  /// - Returns: what went wrong with earlier ones.
  public func start(
    _ job: @escaping @Sendable () throws -> Void, onFailure sentence: @escaping @Sendable (any Error) -> String
  ) -> [String] {
    queue.sync {}
    queue.async { [self] in
      do { try job() } catch {
        let sentence = sentence(error)
        failures.withLock { $0.append(sentence) }
      }
    }
    return takeFailures()
  }

  /// Adds a job whose failure does not matter, and does not wait.
  public func add(_ job: @escaping @Sendable () -> Void) { queue.async(execute: job) }

  /// Waits for the last job; returns what went wrong.
  public func finish() -> [String] {
    queue.sync {}
    return takeFailures()
  }

  private func takeFailures() -> [String] {
    failures.withLock { failures in
      defer { failures = [] }
      return failures
    }
  }
}
