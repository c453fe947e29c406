import Foundation

/// The episodes of two arms, paired and counted by which arm reached the goal.
public struct PairedSuccesses: Sendable, Equatable {
  /// Episodes that both reached, that only the first, only the second, and that neither did.
  public let both: Int, onlyFirst: Int, onlySecond: Int, neither: Int

  public init(both: Int, onlyFirst: Int, onlySecond: Int, neither: Int) {
    self.both = both
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
    self.neither = neither
  }

  /// Counts pairs of (first reached the goal, second reached the goal).
  public init(_ pairs: some Sequence<(Bool, Bool)>) {
    var (both, onlyFirst, onlySecond, neither) = (0, 0, 0, 0)
    for pair in pairs {
      switch pair {
      case (true, true): both += 1
      case (true, false): onlyFirst += 1
      case (false, true): onlySecond += 1
      case (false, false): neither += 1
      }
    }
    self.init(both: both, onlyFirst: onlyFirst, onlySecond: onlySecond, neither: neither)
  }

  public var count: Int { both + onlyFirst + onlySecond + neither }

  /// Pairs that ended differently; only these tell the arms apart.
  public var discordant: Int { onlyFirst + onlySecond }

  /// The first arm's share of successes less the second's, −1 … 1; NaN without pairs.
  public var difference: Double {
    count == 0 ? .nan : Double(onlyFirst - onlySecond) / Double(count)
  }

  public var first: SuccessRate { SuccessRate(successes: both + onlyFirst, episodes: count) }

  public var second: SuccessRate { SuccessRate(successes: both + onlySecond, episodes: count) }

  /// The difference's interval at 95 %.
  public var interval: ClosedRange<Double> { interval(level: 0.95) }

  /// The difference's interval at a level of 0 … 1: Newcombe's method 10 for paired proportions (1998), which joins the
  /// two Wilson intervals by the pairs' correlation; −1 … 1 without pairs.
  public func interval(level: Double) -> ClosedRange<Double> {
    guard count > 0 else { return -1...1 }
    let (first, second) = (self.first, self.second)
    let (one, other) = (first.interval(level: level), second.interval(level: level))
    func distance(_ one: Double, _ other: Double) -> Double {
      max(0, one * one - 2 * correlation * one * other + other * other).squareRoot()
    }
    let below = distance(first.share - one.lowerBound, other.upperBound - second.share)
    let above = distance(second.share - other.lowerBound, one.upperBound - first.share)
    return max(-1, difference - below)...min(1, difference + above)
  }

  /// The pairs' correlation φ, with Newcombe's continuity correction if it is positive.
  private var correlation: Double {
    let margins = [both + onlyFirst, onlySecond + neither, both + onlySecond, onlyFirst + neither]
    let product = margins.map(Double.init).reduce(1, *)
    guard product > 0 else { return 0 }
    let association = Double(both) * Double(neither) - Double(onlyFirst) * Double(onlySecond)
    let corrected = association > 0 ? max(0, association - Double(count) / 2) : association
    return corrected / product.squareRoot()
  }

  /// McNemar's exact two-sided p: how often a fair coin splits the discordant pairs at least as unevenly.
  public var p: Double {
    let n = discordant
    guard n > 0 else { return 1 }
    // Logarithms of binomial coefficients, so that thousands of pairs neither overflow nor vanish.
    var tail = 0.0
    var logarithm = -Double(n) * log(2.0)
    for k in 0...min(onlyFirst, onlySecond) {
      if k > 0 { logarithm += log(Double(n - k + 1)) - log(Double(k)) }
      tail += exp(logarithm)
    }
    return min(1, 2 * tail)
  }

  /// The smallest true difference that this many pairs, as discordant as these, would show in four of five repetitions
  /// (two-sided McNemar test at 5 %, power 80 %; Connor, 1987); nil if none would.
  public var smallestVisibleDifference: Double? {
    guard count > 0 else { return nil }
    let n = Double(count)
    let (twoSided95, oneSided80) = (Normal.quantile(0.975), Normal.quantile(0.8))
    func excess(_ difference: Double) -> Double {
      // Arms cannot differ more than they disagree.
      let disagreement = max(Double(discordant) / n, difference)
      let spread = max(0, disagreement - difference * difference).squareRoot()
      return difference * n.squareRoot() - twoSided95 * disagreement.squareRoot() - oneSided80 * spread
    }
    return excess(1) > 0 ? root(in: 0...1, of: excess) : nil
  }

  /// The counts of two groups of pairs together.
  public static func + (one: Self, other: Self) -> Self {
    Self(
      both: one.both + other.both, onlyFirst: one.onlyFirst + other.onlyFirst,
      onlySecond: one.onlySecond + other.onlySecond, neither: one.neither + other.neither)
  }
}
