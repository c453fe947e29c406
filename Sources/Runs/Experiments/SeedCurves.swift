import Foundation

/// One arm's curve, logged by each of its training seeds.
struct SeedCurves: Sendable {
  /// The logged points of each seed, in the order of their steps; none is empty.
  let seeds: [[RecordedMetrics.Point]]

  init(_ seeds: [[RecordedMetrics.Point]]) { self.seeds = seeds.filter { !$0.isEmpty } }

  /// The curves of a logged value that is noisy from step to step: each value the mean of its neighborhood.
  var smoothed: SeedCurves {
    SeedCurves(
      seeds.map { points in
        let thin = points.thinned(to: 300)
        return thin.smoothed(reach: thin.count / 40)
      })
  }

  /// The mean over seeds, where all of them were logged.
  var mean: [RecordedMetrics.Point] {
    commonSteps.map { step in
      let values = seeds.compactMap { $0.value(at: step) }
      return RecordedMetrics.Point(step: step, value: values.reduce(0, +) / Double(values.count))
    }
  }

  /// The lowest and the highest seed, where all of them were logged; empty with one seed.
  var range: [(step: Double, values: ClosedRange<Double>)] {
    guard seeds.count > 1 else { return [] }
    return commonSteps.compactMap { step in
      let values = seeds.compactMap { $0.value(at: step) }
      guard let low = values.min(), let high = values.max() else { return nil }
      return (step, low...high)
    }
  }

  /// The first seed's steps, as far as every seed has come.
  private var commonSteps: [Double] {
    guard let first = seeds.first, let start = seeds.compactMap(\.first?.step).max(),
      let end = seeds.compactMap(\.last?.step).min()
    else { return [] }
    return first.map(\.step).filter { start <= $0 && $0 <= end }
  }
}

extension [RecordedMetrics.Point] {
  /// The value at a step, between two points on the straight line from one to the other; nil outside the curve.
  func value(at step: Double) -> Double? {
    guard let first, let last, first.step <= step, step <= last.step else { return nil }
    // The first point that is not before the step.
    var (low, high) = (0, count - 1)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].step < step { low = middle + 1 } else { high = middle }
    }
    guard low > 0, self[low].step > step else { return self[low].value }
    let (one, other) = (self[low - 1], self[low])
    return one.value + (other.value - one.value) * (step - one.step) / (other.step - one.step)
  }
}
