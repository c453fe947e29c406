import Foundation

/// A share of successes and the range in which the true one lies.
public struct SuccessRate: Sendable, Equatable {
  /// Successful episodes, and all of them.
  public let successes: Int, episodes: Int

  public init(successes: Int, episodes: Int) {
    self.successes = successes
    self.episodes = episodes
  }

  /// The share, 0 … 1.
  public var share: Double { episodes == 0 ? .nan : Double(successes) / Double(episodes) }

  /// The interval at 95 %.
  public var interval: ClosedRange<Double> { interval(level: 0.95) }

  /// Wilson's score interval (Wilson, 1927) at a level of 0 … 1; 0 … 1 without episodes.
  ///
  /// It holds for one checkpoint's independent episodes; pooled over training runs it is too narrow.
  public func interval(level: Double) -> ClosedRange<Double> {
    guard episodes > 0 else { return 0...1 }
    let z = Normal.quantile((1 + level) / 2)
    let n = Double(episodes)
    let center = (share + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, center - half)...min(1, center + half)
  }

  /// `72.5 % (95 %: 57.2 … 83.9; 29/40)`
  public var text: String {
    func percent(_ value: Double) -> String { String(format: "%.1f", value * 100) }
    let (low, high) = (percent(interval.lowerBound), percent(interval.upperBound))
    return "\(percent(share)) % (95 %: \(low) … \(high); \(successes)/\(episodes))"
  }
}
