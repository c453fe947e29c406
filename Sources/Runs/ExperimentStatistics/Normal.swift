import Foundation

/// The standard normal distribution.
public enum Normal {
  /// The probability of a value of at most `x`, also accurate far in the lower tail.
  public static func cdf(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  /// The value that `p` of the distribution lies below: Acklam's rational approximation (2003), refined by Halley's
  /// method until it is exact to rounding. `p` is 0 … 1.
  public static func quantile(_ p: Double) -> Double {
    precondition((0...1).contains(p), "a probability is 0 … 1")
    if p == 0 || p == 1 { return p == 0 ? -.infinity : .infinity }
    // The lower half, where probabilities keep their digits.
    if p > 0.5 { return -quantile(1 - p) }
    var x = approximateQuantile(p)
    // Beyond 37 standard deviations the density is zero in this arithmetic.
    for _ in 0..<2 where x > -37 {
      let step = (cdf(x) - p) * (2 * Double.pi).squareRoot() * exp(x * x / 2)
      x -= step / (1 + x * step / 2)
    }
    return x
  }

  /// Acklam's approximation for `p` of at most one half; its relative error is below 1.2e-9.
  private static func approximateQuantile(_ p: Double) -> Double {
    func polynomial(_ coefficients: [Double], _ x: Double) -> Double { coefficients.reduce(0) { $0 * x + $1 } }
    guard p < 0.02425 else {
      let q = p - 0.5
      let r = q * q
      return q * polynomial(central.numerator, r) / polynomial(central.denominator, r)
    }
    let q = (-2 * log(p)).squareRoot()
    return polynomial(tail.numerator, q) / polynomial(tail.denominator, q)
  }

  private static let central = (
    numerator: [
      -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.383577518672690e2, -3.066479806614716e1,
      2.506628277459239,
    ],
    denominator: [
      -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
    ]
  )

  private static let tail = (
    numerator: [
      -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
      2.938163982698783,
    ],
    denominator: [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1]
  )
}
