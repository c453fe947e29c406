import RunLogs

/// Mean seconds of loading, updating and both since the last log line, and samples in a second.
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

  /// - Parameter batchSize: the samples of an update.
  mutating func takeMeans(batchSize: Int) -> Metrics {
    defer { (loading, update, count) = (0, 0, 0) }
    let steps = Double(max(count, 1))
    let step = (loading + update) / steps
    return [
      "update_s": update / steps, "dataloading_s": loading / steps, "step_s": step,
      "samples_per_s": step > 0 ? Double(batchSize) / step : 0,
    ]
  }

  private mutating func lap() -> Double {
    let now = ContinuousClock.now
    defer { mark = now }
    let (seconds, attoseconds) = (now - mark).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
