/// Two samples of equal variance and their difference of means: Student's two-sample t.
///
/// The variance is pooled over these two samples and no others, because arms differ in how much their training runs vary.
public struct PooledT: Sendable {
  /// The first sample's mean less the second's.
  public let difference: Double
  public let standardError: Double
  /// The sizes of both samples together, less two.
  public let degreesOfFreedom: Int

  /// The samples' t; nil if they hold fewer than three values together, or one is empty.
  public init?(_ first: [Double], _ second: [Double]) {
    guard !first.isEmpty, !second.isEmpty, first.count + second.count > 2 else { return nil }
    degreesOfFreedom = first.count + second.count - 2
    difference = first.mean - second.mean
    let variance = (first.sumOfSquares + second.sumOfSquares) / Double(degreesOfFreedom)
    standardError = (variance * (1 / Double(first.count) + 1 / Double(second.count))).squareRoot()
  }

  /// The difference's interval at a level of 0 … 1.
  public func interval(level: Double) -> ClosedRange<Double> {
    let half = distribution.quantile((1 + level) / 2) * standardError
    return (difference - half)...(difference + half)
  }

  /// The two-sided p that the true difference is `null`.
  public func p(of null: Double = 0) -> Double {
    // Without spread every other value is excluded.
    guard standardError > 0 else { return difference == null ? 1 : 0 }
    return distribution.twoSidedP((difference - null) / standardError)
  }

  /// The one-sided p that the true difference is at most `null`.
  public func p(ofAtMost null: Double) -> Double {
    guard standardError > 0 else { return difference > null ? 0 : 1 }
    return distribution.cdf((null - difference) / standardError)
  }

  private var distribution: StudentT { StudentT(degreesOfFreedom: Double(degreesOfFreedom)) }
}

extension [Double] {
  /// The arithmetic mean; NaN without values.
  var mean: Double { isEmpty ? .nan : reduce(0, +) / Double(count) }

  /// Squared distances from the mean, added.
  var sumOfSquares: Double {
    let mean = mean
    // Equal values have no spread, although their mean may be rounded.
    guard contains(where: { $0 != first }) else { return 0 }
    return reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }
}
