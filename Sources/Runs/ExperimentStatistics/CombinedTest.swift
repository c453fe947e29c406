import Foundation

/// The rule of `MethodComparison` under a normal approximation: how often it announces a difference of the right sign.
struct CombinedTest: Sendable {
  /// Training seeds per arm, two or more.
  let seeds: Int
  /// The standard deviation of the difference of the arms' means, as the t over runs estimates it.
  let standardError: Double
  /// The degrees of freedom of that estimate; below 2S − 2 where the arms' variances differ.
  let degreesOfFreedom: Double
  /// The standard error that McNemar's test works with; zero leaves that test out.
  let pairedStandardError: Double
  /// The level of the rule.
  let alpha: Double

  /// How often a true difference above zero is announced with its sign.
  ///
  /// The estimated standard error is the true one times u = √(χ²/df). Given u, the difference must exceed the larger of
  /// the two tests' thresholds; the result is the mean over u, by Simpson's rule. Without McNemar's test this is the
  /// noncentral t distribution.
  func power(ofDifference difference: Double) -> Double {
    let t = StudentT(degreesOfFreedom: Double(2 * seeds - 2)).quantile(1 - alpha / 2)
    let gate = Normal.quantile(1 - alpha / 2) * pairedStandardError
    return meanOverSpread { u in
      Normal.cdf((difference - max(t * u * standardError, gate)) / standardError)
    }
  }

  /// The mean of a function of u over its distribution.
  private func meanOverSpread(_ function: (Double) -> Double) -> Double {
    let n = degreesOfFreedom
    let constant = log(2) + n / 2 * log(n / 2) - logGamma(n / 2)
    func density(_ u: Double) -> Double {
      u > 0 ? exp(constant + (n - 1) * log(u) - n * u * u / 2) : n == 1 ? exp(constant) : 0
    }
    // Beyond 8 standard deviations there is nothing; few degrees of freedom have the longest tail.
    let spread = 8 / (2 * n).squareRoot()
    let range = max(0, 1 - spread)...(1 + spread)
    let steps = 400
    let width = (range.upperBound - range.lowerBound) / Double(steps)
    return (0...steps).reduce(0) { sum, index in
      let u = range.lowerBound + Double(index) * width
      let weight = index == 0 || index == steps ? 1.0 : index.isMultiple(of: 2) ? 2 : 4
      return sum + weight * width / 3 * density(u) * function(u)
    }
  }
}
