import ExperimentStatistics
import Foundation

/// By how much a logged curve rose or fell, and whether that is more than its own noise.
///
/// The curve is cut into twenty blocks. The change is the mean of the last two less that of the first two. Its noise is what
/// the blocks' means leave of the best curve that only rises or only falls, so a curve that swings does not seem to learn;
/// the two blocks of an end count as one, because neighbors swing together.
struct CurveChange: Sendable {
  /// Means of the first and of the last tenth.
  let first: Double, last: Double
  /// The interval of the change at 95 %.
  let interval: ClosedRange<Double>

  private static let blocks = 20

  /// The change of a curve; nil with fewer than twenty points.
  init?(_ points: [RecordedMetrics.Point]) {
    let count = Self.blocks
    guard points.count >= count else { return nil }
    let means = points.thinned(to: count).map(\.value)
    first = (means[0] + means[1]) / 2
    last = (means[count - 1] + means[count - 2]) / 2
    let isRising = last >= first
    let signed = isRising ? means : means.map { -$0 }
    let fit = Self.monotone(signed)
    let squares = zip(signed, fit.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let freedom = max(1, count - fit.levels)
    let deviation = (squares / Double(freedom)).squareRoot()
    let reach = StudentT(degreesOfFreedom: Double(freedom)).quantile(0.975) * deviation * 2.0.squareRoot()
    interval = last - first - reach...last - first + reach
  }

  var change: Double { last - first }

  /// Whether the curve changed beyond its noise.
  var isClear: Bool { !interval.contains(0) }

  /// The nondecreasing values that are nearest to `values` in squares, and how many different ones there are (pool adjacent
  /// violators; Ayer et al., 1955).
  static func monotone(_ values: [Double]) -> (values: [Double], levels: Int) {
    var pools: [(sum: Double, count: Int)] = []
    for value in values {
      pools.append((value, 1))
      while pools.count > 1, let last = pools.last {
        let before = pools[pools.count - 2]
        guard before.sum * Double(last.count) > last.sum * Double(before.count) else { break }
        pools.removeLast()
        pools[pools.count - 1] = (before.sum + last.sum, before.count + last.count)
      }
    }
    return (
      pools.flatMap { [Double](repeating: $0.sum / Double($0.count), count: $0.count) }, pools.count
    )
  }

  /// Whether the changes of several runs have a mean that is not zero at 5 %, by a t test; true with one run.
  static func agree(_ changes: [Double]) -> Bool {
    guard changes.count > 1 else { return true }
    let n = Double(changes.count)
    let mean = changes.reduce(0, +) / n
    let variance = changes.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
    guard variance > 0 else { return mean != 0 }
    return StudentT(degreesOfFreedom: n - 1).twoSidedP(mean / (variance / n).squareRoot()) < 0.05
  }
}
