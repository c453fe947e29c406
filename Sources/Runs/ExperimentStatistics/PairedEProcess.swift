import Foundation

/// Evidence that two checkpoints differ, which may be looked at after every episode and acted on at any time.
///
/// Under the hypothesis that a discordant pair is as likely to be won by one checkpoint as by the other, the mean of `e` is
/// at most one whenever one stops, so the probability that it ever reaches 1 / alpha is at most alpha (Ville, 1939). It is
/// the likelihood ratio against that hypothesis, averaged over the probability of a win with a symmetric beta prior
/// (Robbins, 1970):
///
///     e = 2ⁿ B(a + wins, a + losses) / B(a, a)     with n discordant pairs
///
/// The order of the episodes must not depend on their outcomes; go through the tasks in turn, so that each look sees all of
/// them. This compares two checkpoints. It says nothing about other training seeds.
public struct PairedEProcess: Sendable {
  /// Discordant pairs that the first and the second checkpoint won.
  public private(set) var onlyFirst = 0, onlySecond = 0
  /// The largest value so far.
  private var largestLogarithm = 0.0
  private let prior: Double

  /// - Parameter prior: the beta prior's parameter; 1 is uniform, larger values expect small differences. With 3, five
  ///   points between checkpoints of 85 % are found most often in 500 episodes.
  public init(prior: Double = 3) {
    precondition(prior > 0, "the parameter of a beta prior is positive")
    self.prior = prior
  }

  /// Adds the next pair.
  public mutating func add(first: Bool, second: Bool) {
    guard first != second else { return }
    if first { onlyFirst += 1 } else { onlySecond += 1 }
    largestLogarithm = max(largestLogarithm, logarithm)
  }

  /// The evidence against equality now; 1 before any discordant pair.
  public var e: Double { exp(logarithm) }

  /// A p that holds at any time: the inverse of the largest evidence so far.
  public var p: Double { exp(-largestLogarithm) }

  /// Whether the evidence has ever reached 1 / alpha.
  public func isDecided(alpha: Double = 0.05) -> Bool { p <= alpha }

  /// The checkpoint that won more pairs, once the evidence has reached 1 / alpha.
  public func answer(alpha: Double = 0.05) -> Answer {
    guard isDecided(alpha: alpha), onlyFirst != onlySecond else { return .cannotTell }
    return onlyFirst > onlySecond ? .better : .worse
  }

  private var logarithm: Double {
    let (wins, losses) = (Double(onlyFirst), Double(onlySecond))
    return (wins + losses) * log(2) + logBeta(prior + wins, prior + losses) - logBeta(prior, prior)
  }
}
