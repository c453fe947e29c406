import Foundation

/// Student's t distribution, for any positive number of degrees of freedom.
public struct StudentT: Sendable {
  public let degreesOfFreedom: Double

  public init(degreesOfFreedom: Double) {
    precondition(degreesOfFreedom > 0, "degrees of freedom are positive")
    self.degreesOfFreedom = degreesOfFreedom
  }

  /// How often a value is at least as far from zero as `t`, with full relative accuracy in the tails.
  public func twoSidedP(_ t: Double) -> Double {
    let square = t * t
    guard degreesOfFreedom.isFinite else { return 2 * Normal.cdf(-abs(t)) }
    guard square.isFinite else { return t.isNaN ? .nan : 0 }
    let sum = degreesOfFreedom + square
    return incompleteBeta(degreesOfFreedom / sum, complement: square / sum, degreesOfFreedom / 2, 0.5)
  }

  /// The probability of a value of at most `t`.
  public func cdf(_ t: Double) -> Double {
    let tail = twoSidedP(t) / 2
    return t < 0 ? tail : 1 - tail
  }

  public func density(_ t: Double) -> Double {
    let n = degreesOfFreedom
    guard n.isFinite else { return exp(-t * t / 2) / (2 * Double.pi).squareRoot() }
    return exp(-(n + 1) / 2 * log1p(t * t / n) - logBeta(n / 2, 0.5)) / n.squareRoot()
  }

  /// The value that `p` of the distribution lies below, by Newton's method; `p` is 0 … 1.
  public func quantile(_ p: Double) -> Double {
    precondition((0...1).contains(p), "a probability is 0 … 1")
    if p > 0.5 { return -quantile(1 - p) }
    guard p > 0, p < 0.5 else { return p == 0 ? -.infinity : 0 }
    // The normal quantile is nearer to zero. From there each step goes to the tail and none too far, because the
    // distribution function is convex below zero.
    var t = Normal.quantile(p)
    for _ in 0..<500 {
      let step = (cdf(t) - p) / density(t)
      t -= step
      if abs(step) <= 1e-14 * abs(t) { break }
    }
    return t
  }
}
