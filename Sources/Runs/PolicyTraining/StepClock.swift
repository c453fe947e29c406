import RunLogs

/// Mean seconds of loading and updating since the last log line.
struct StepClock {
  private var loading = 0.0, update = 0.0
  private var count = 0
  private var mark = ContinuousClock.now
  private var isUpdating = false

  mutating func beginLoading() { mark = .now }

  mutating func beginUpdate() {
    loading += lap()
    isUpdating = true
    count += 1
  }

  mutating func endUpdate() {
    guard isUpdating else { return }
    update += lap()
    isUpdating = false
  }

  mutating func takeMeans() -> Metrics {
    defer { (loading, update, count) = (0, 0, 0) }
    let steps = Double(max(count, 1))
    return ["update_s": update / steps, "dataloading_s": loading / steps]
  }

  private mutating func lap() -> Double {
    let now = ContinuousClock.now
    defer { mark = now }
    let (seconds, attoseconds) = (now - mark).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
