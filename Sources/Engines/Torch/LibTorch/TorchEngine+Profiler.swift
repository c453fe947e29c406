import CTorch
import EngineLoading
import Tracing

extension TorchEngine {
  /// Records the operators of this thread and of autograd, and the work of GPUs, until ``stopProfiler(into:)`` on this
  /// thread.
  public func startProfiler() throws {
    guard api.start_profiler() == 0 else { throw api.lastError }
  }

  /// Adds what was recorded to a trace: operators in rows of their own, and for each GPU a row of each stream.
  ///
  /// It waits until the GPUs have done their queued work.
  public func stopProfiler(into trace: inout Trace) throws {
    var recorded = RecordedOperators(trace: trace)
    let status = withUnsafeMutablePointer(to: &recorded) { pointer in
      api.stop_profiler(
        { owner, event in
          guard let owner, let event else { return }
          owner.assumingMemoryBound(to: RecordedOperators.self).pointee.add(event.pointee)
        }, pointer)
    }
    guard status == 0 else { throw api.lastError }
    trace = recorded.trace
  }
}

/// A trace to which libtorch's events are added.
private struct RecordedOperators {
  var trace: Trace
  private let offset = Tracer.offsetFromUnixTime()

  init(trace: Trace) { self.trace = trace }

  mutating func add(_ event: wm_profiler_event) {
    let isOnGPU = event.device_index >= 0
    let row = Trace.Row(isOnGPU ? "GPU \(event.device_index)" : "libtorch's operators", Int(event.row))
    if trace.names[row] == nil {
      let thread = trace.names[Trace.Row(Trace.threads, row.number)]
      trace.names[row] = isOnGPU ? "stream \(row.number)" : thread ?? Tracer.threadName(row.number)
    }
    trace.spans.append(
      Trace.Span(
        CText.message(event.name), row, start: UInt64(max(0, event.start + offset)),
        end: UInt64(max(0, event.end + offset))))
  }
}
