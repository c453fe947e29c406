/// Holm's adjusted p values (1979): at a level, those below it may all be announced, and the probability of any false
/// announcement is at most the level, however the tests depend on each other.
///
/// - Returns: the adjusted values, 0 … 1, in the order of `pValues`.
public func holm(_ pValues: [Double]) -> [Double] {
  var adjusted = pValues
  var largest = 0.0
  for (rank, index) in pValues.indices.sorted(by: { pValues[$0] < pValues[$1] }).enumerated() {
    largest = max(largest, min(1, pValues[index] * Double(pValues.count - rank)))
    adjusted[index] = largest
  }
  return adjusted
}

/// The comparisons of one question, which share one probability of a false announcement.
///
/// Which comparisons belong to the family is decided before the data is seen.
public struct ComparisonFamily: Sendable {
  public let comparisons: [MethodComparison]
  /// Holm's adjusted p of each comparison.
  public let adjustedP: [Double]

  public init(_ comparisons: [MethodComparison]) {
    self.comparisons = comparisons
    adjustedP = holm(comparisons.map(\.p))
  }

  /// The verdicts; the probability that any of them announces a difference that is not there is at most `alpha`.
  public func verdicts(alpha: Double = 0.05) -> [Verdict] {
    zip(comparisons, adjustedP).map { $0.verdict(p: $1, alpha: alpha) }
  }
}
