import Foundation
import ModelFiles
import Synchronization
import Testing
import Tracing
import WorkerThreads

/// Serialized: there is one recording in a process. Other suites' threads may show in it, so rows are told by name.
@Suite(.serialized) struct TracingTests {
  private func spans(_ trace: Trace, ofThread name: String) -> [Trace.Span] {
    trace.spans.filter { trace.names[$0.row] == name }.sorted { $0.start < $1.start }
  }

  /// Runs `body` on a thread of this name.
  private func onThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let isDone = DispatchSemaphore(value: 0)
    let isStarted = startThread(named: name) {
      body()
      isDone.signal()
    }
    #expect(isStarted)
    isDone.wait()
  }

  @Test func `nothing is recorded before the start and after the end`() {
    let name = "traced-off"
    onThread(name) { traced(.loader) {} }
    Tracer.start()
    let first = Tracer.stop()
    #expect(spans(first, ofThread: name).isEmpty)
    Tracer.start()
    onThread(name) {
      // Ends in a later recording than it began in.
      traced(.save) {
        _ = Tracer.stop()
        Tracer.start()
      }
    }
    #expect(spans(Tracer.stop(), ofThread: name).isEmpty)
  }

  @Test func `spans lie in their thread's row, nested, with what they return and throw`() throws {
    struct Broken: Error {}
    @Sendable func fail() throws { throw Broken() }
    let results = Mutex<[Int]>([])
    Tracer.start()
    for number in 0..<3 {
      onThread("traced-\(number)") {
        let value = traced(.forward) {
          for _ in 0..<number { traced(.copy) { _ = usleep(1000) } }
          return number
        }
        results.withLock { $0.append(value) }
        #expect(throws: Broken.self) { try traced(.save, fail) }
      }
    }
    let trace = Tracer.stop()
    #expect(results.withLock(\.self) == [0, 1, 2])
    for number in 0..<3 {
      let found = spans(trace, ofThread: "traced-\(number)")
      #expect(found.map(\.name).sorted() == (Array(repeating: "copy", count: number) + ["forward", "save"]))
      let outer = try #require(found.first { $0.name == "forward" })
      for inner in found where inner.name == "copy" {
        #expect(inner.start >= outer.start && inner.end <= outer.end && inner.end - inner.start >= 1_000_000)
      }
      #expect(found.allSatisfy { $0.start >= trace.began && $0.end >= $0.start })
    }
  }

  @Test func `the file holds events in microseconds under the rows' names, and replaces none`() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("wm-trace-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    let (thread, stream) = (Trace.Row("threads", 41), Trace.Row("GPU 0", 7))
    var trace = Trace(began: 1_000_000)
    trace.names = [thread: "a \"name\""]
    trace.spans = [
      Trace.Span("inner", thread, start: 1_002_000, end: 1_003_001),
      Trace.Span("outer", thread, start: 1_002_000, end: 1_009_050),
      Trace.Span("kernel<float>\\", stream, start: 999_000, end: 1_000_500),
    ]
    try trace.write(to: file)
    let expected: JSON = [
      "displayTimeUnit": "ms",
      "traceEvents": [
        ["name": "process_name", "ph": "M", "pid": 1, "args": ["name": "GPU 0"]],
        ["name": "thread_name", "ph": "M", "pid": 1, "tid": 7, "args": ["name": "7"]],
        ["name": "process_name", "ph": "M", "pid": 2, "args": ["name": "threads"]],
        ["name": "thread_name", "ph": "M", "pid": 2, "tid": 41, "args": ["name": "a \"name\""]],
        // Time zero is the recording's begin.
        ["name": "kernel<float>\\", "ph": "X", "pid": 1, "tid": 7, "ts": 0.0, "dur": 1.5],
        ["name": "outer", "ph": "X", "pid": 2, "tid": 41, "ts": 2.0, "dur": 7.05],
        ["name": "inner", "ph": "X", "pid": 2, "tid": 41, "ts": 2.0, "dur": 1.001],
      ],
    ]
    #expect(try JSON(contentsOf: file) == expected)
    #expect(throws: FileError.self) { try Trace(began: 0).write(to: file) }
    try Trace(began: 0).write(to: file, overwrite: true)
    #expect(try JSON(contentsOf: file)["traceEvents"] == [])
  }
}
