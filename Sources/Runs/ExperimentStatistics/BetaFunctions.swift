import Foundation

/// The logarithm of the gamma function of a positive number.
func logGamma(_ x: Double) -> Double {
  // The function of C keeps the sign in a global variable, this one is safe on several threads.
  var sign: Int32 = 0
  return lgamma_r(x, &sign)
}

/// The logarithm of the beta function of two positive numbers.
func logBeta(_ a: Double, _ b: Double) -> Double {
  let (small, large) = (min(a, b), max(a, b))
  guard large > 1000 else { return logGamma(small) + logGamma(large) - logGamma(small + large) }
  // Gamma functions of large numbers are nearly equal, so their difference comes from Stirling's series.
  func correction(_ x: Double) -> Double { 1 / (12 * x) - 1 / (360 * x * x * x) }
  let sum = small + large
  let ratio = (large - 0.5) * log1p(small / large) + small * (log(sum) - 1) + correction(sum) - correction(large)
  return logGamma(small) - ratio
}

/// The regularized incomplete beta function I(`x`; `a`, `b`), the probability of a value of at most `x` under a beta
/// distribution, by Lentz's method on its continued fraction (Press et al., "Numerical Recipes", 6.4).
///
/// - Parameters:
///   - x: 0 … 1.
///   - complement: 1 − `x`, which the caller may know with more digits.
func incompleteBeta(_ x: Double, complement: Double, _ a: Double, _ b: Double) -> Double {
  if x <= 0 || complement <= 0 { return x <= 0 ? 0 : 1 }
  // The fraction converges fast below the mean, and above it the other tail is below its own mean.
  return x > (a + 1) / (a + b + 2)
    ? 1 - lowerTail(complement, complement: x, b, a) : lowerTail(x, complement: complement, a, b)
}

private func lowerTail(_ x: Double, complement: Double, _ a: Double, _ b: Double) -> Double {
  // A logarithm of a number near 1 loses the digits that its complement has.
  let logX = x < 0.5 ? log(x) : log1p(-complement)
  let logComplement = complement < 0.5 ? log(complement) : log1p(-x)
  let front = exp(a * logX + b * logComplement - logBeta(a, b)) / a
  return front * continuedFraction(x, a, b)
}

private func continuedFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
  func inverse(_ value: Double) -> Double { 1 / (abs(value) < 1e-300 ? 1e-300 : value) }
  var c = 1.0
  var d = inverse(1 - (a + b) * x / (a + 1))
  var fraction = d
  for step in 1...100_000 {
    let m = Double(step)
    let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    d = inverse(1 + even * d)
    c = 1 + even * inverse(c)
    fraction *= c * d
    d = inverse(1 + odd * d)
    c = 1 + odd * inverse(c)
    fraction *= c * d
    if abs(c * d - 1) < 1e-16 { break }
  }
  return fraction
}
