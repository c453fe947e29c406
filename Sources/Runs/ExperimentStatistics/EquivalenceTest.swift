/// Whether two arms are equal up to a margin that was stated before the data was seen, such as for a capacity control.
///
/// Two one-sided tests (Schuirmann, 1987) at `alpha` = 5 % each: the arms are `equivalent` if the comparison's interval at
/// 90 % lies within ±margin. They are `different` if they are not equivalent and the comparison announces a difference at
/// 5 %. A difference that is shown to be there and to be smaller than the margin counts as equivalent.
///
/// Rates: if the true difference is the margin or more, `equivalent` comes out in at most 5 % of experiments. If it is
/// zero, `different` comes out in at most 5 %. Few seeds give `cannotTell`, because the interval is wider than the margin:
/// with three seeds, 500 episodes and a margin of five points, equal arms are found equivalent in 93, 78, 16 and 3 % of
/// experiments where the standard deviation of runs is 0, 1, 3 and 5 points (`make statistics`). With one seed the answer is
/// about two checkpoints.
public struct EquivalenceTest: Sendable {
  public enum Answer: Sendable, Equatable {
    case equivalent, different, cannotTell
  }

  public let comparison: MethodComparison
  /// The largest difference without importance, as a share: 0.05 is five points.
  public let margin: Double
  /// The level of each one-sided test.
  public let alpha: Double

  public init(_ comparison: MethodComparison, margin: Double, alpha: Double = 0.05) {
    precondition(margin > 0 && alpha > 0 && alpha < 0.5, "a margin is positive, a level is between 0 and 0.5")
    self.comparison = comparison
    self.margin = margin
    self.alpha = alpha
  }

  /// The interval that has to lie within the margin, at 90 % for one-sided tests at 5 %.
  public var interval: ClosedRange<Double> { comparison.interval(level: 1 - 2 * alpha) }

  public var answer: Answer {
    if isWithinMargin(interval) { return .equivalent }
    return comparison.p < alpha ? .different : .cannotTell
  }

  /// The smallest level at which the arms are equivalent; one half if none below is.
  public var p: Double {
    root(in: 0...0.5) { isWithinMargin(comparison.interval(level: 1 - 2 * $0)) ? 1 : -1 }
  }

  private func isWithinMargin(_ interval: ClosedRange<Double>) -> Bool {
    interval.lowerBound > -margin && interval.upperBound < margin
  }
}
