import Foundation
import Synchronization

/// What a thread was doing; the names in a trace.
public enum Phase: String, CaseIterable, Sendable {
  /// A batch is read and decoded, on the thread that does it.
  case loader
  /// Training or encoding waits for a batch.
  case wait
  /// Tensors go to the device.
  case copy
  /// An update of a policy's parameters; a GPU may repeat it as one graph, without the next three.
  case update
  /// The loss of a training step.
  case forward
  /// Its gradients.
  case backward
  /// Clipping, the optimizer's step, and clearing of gradients.
  case optimizer
  /// A log line is read back from the device and written.
  case log
  /// A checkpoint is written.
  case save
  /// An environment starts an episode or executes an action.
  case simulator
  /// An environment observes: draws what its cameras see.
  case renderer
  /// A frozen encoder or vision tower turns images into latents or features.
  case encoder
  /// Actions are planned for the environments that wait.
  case planning
}

/// Runs `body`, which is a span of the trace while one is recorded; costs one relaxed atomic load otherwise.
public func traced<Value>(_ phase: Phase, _ body: () throws -> Value) rethrows -> Value {
  guard Tracer.isRecording.load(ordering: .relaxed) else { return try body() }
  let start = Tracer.now()
  defer { Tracer.add(phase, from: start) }
  return try body()
}

/// Records what the threads of this process do; off until started.
///
/// ```swift
/// Tracer.start()
/// let end = try loop.run(on: &batches)
/// try Tracer.stop().write(to: file)
/// ```
///
/// There is one for each process because what it describes, clock and threads, exists once too.
public enum Tracer {
  /// Spans of the threads whose numbers have one remainder.
  private final class Shard: Sendable {
    struct Contents {
      var spans: [Trace.Span] = []
      var names: [Trace.Row: String] = [:]
    }
    let contents = Mutex(Contents())
  }

  static let isRecording = Atomic<Bool>(false)
  private static let began = Atomic<UInt64>(0)
  private static let shards = (0..<16).map { _ in Shard() }

  /// Starts a recording; what an earlier one holds is dropped.
  public static func start() {
    for shard in shards { shard.contents.withLock { $0 = Shard.Contents() } }
    began.store(now(), ordering: .relaxed)
    isRecording.store(true, ordering: .releasing)
  }

  /// Ends the recording and returns what was recorded; spans that have not ended are left out.
  public static func stop() -> Trace {
    isRecording.store(false, ordering: .releasing)
    var trace = Trace(began: began.load(ordering: .relaxed))
    for shard in shards {
      let contents = shard.contents.withLock { contents in
        defer { contents = Shard.Contents() }
        return contents
      }
      trace.spans += contents.spans.filter { $0.start >= trace.began }
      trace.names.merge(contents.names) { first, _ in first }
    }
    return trace
  }

  /// The monotonic clock, nanoseconds.
  public static func now() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

  /// What must be added to nanoseconds since 1970 to get those of ``now()``.
  public static func offsetFromUnixTime() -> Int64 {
    Int64(nanoseconds(CLOCK_MONOTONIC)) - Int64(nanoseconds(CLOCK_REALTIME))
  }

  private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  static func add(_ phase: Phase, from start: UInt64) {
    guard isRecording.load(ordering: .acquiring) else { return }
    let end = now()
    let row = Trace.Row(Trace.threads, threadNumber())
    shards[row.number % shards.count].contents.withLock { contents in
      contents.spans.append(Trace.Span(phase.rawValue, row, start: start, end: end))
      if contents.names[row] == nil { contents.names[row] = threadName(row.number) }
    }
  }

  /// The system's number of this thread.
  private static func threadNumber() -> Int {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { path in
      guard let base = path.baseAddress else { return 0 }
      // PROCESS/task/THREAD
      let count = max(0, readlink("/proc/thread-self", base, path.count))
      return path[..<count].reduce(0) { number, character in
        (48...57).contains(character) ? number * 10 + Int(character - 48) : 0
      }
    }
  }

  /// The name of a thread of this process, from the system's number.
  public static func threadName(_ number: Int) -> String {
    if number == Int(getpid()) { return "main" }
    let name = try? String(contentsOfFile: "/proc/self/task/\(number)/comm", encoding: .utf8)
    return name?.trimmingCharacters(in: .newlines) ?? "thread \(number)"
  }
}
