import CounterBasedRandom
import Foundation

/// Levels for looking at an experiment after each training seed and stopping once a difference is announced.
///
/// The looks are after 2 … S seeds of each arm; S is fixed before the first look. At a look with s seeds, the level
/// `level(afterSeeds:)` takes the place of 5 % in both tests of `MethodComparison`. A spending function (Lan and DeMets,
/// 1983) says how much of `alpha` may be used up by each look. The levels that use up exactly this much are computed for
/// normally distributed runs of equal variance, where the sequence of t statistics does not depend on the variance.
/// McNemar's test beside it can only lower the rate of false announcements.
public struct AlphaSpending: Sendable {
  /// How the level is spent over the looks.
  public enum Shape: Sendable {
    /// About the same level at every look (Lan and DeMets' function like Pocock's): stops early if a difference is large.
    case pocock
    /// Little at first (like O'Brien and Fleming's): the last look is nearly as good as without earlier ones. After two
    /// seeds it stops almost never.
    case obrienFleming

    /// The level used up when a fraction of the seeds has been seen.
    func spent(at fraction: Double, of alpha: Double) -> Double {
      switch self {
      case .pocock: alpha * log(1 + (exp(1) - 1) * fraction)
      case .obrienFleming: 2 * Normal.cdf(Normal.quantile(alpha / 2) / fraction.squareRoot())
      }
    }
  }

  public let alpha: Double
  /// The seeds per arm at each look.
  public let looks: [Int]
  /// The level at each look.
  public let levels: [Double]

  /// - Parameter seeds: the seeds per arm at the last look, two or more.
  public init(seeds: Int, alpha: Double = 0.05, shape: Shape = .pocock) {
    precondition(seeds >= 2 && alpha > 0 && alpha < 1, "a look needs two seeds and a level")
    self.alpha = alpha
    looks = Array(2...seeds)
    let budgets = looks.map { shape.spent(at: Double($0) / Double(seeds), of: alpha) }
    levels = Self.levels(budgets, looks: looks)
  }

  public func level(afterSeeds seeds: Int) -> Double? { looks.firstIndex(of: seeds).map { levels[$0] } }

  /// The verdict after some of the seeds, nil where no look is planned; `cannotTell` before the last look means that the
  /// next seed may be run.
  public func verdict(of comparison: MethodComparison) -> Verdict? {
    level(afterSeeds: comparison.bySeed.count).map { comparison.verdict(alpha: $0) }
  }

  /// The levels that use up the budgets. At each look the threshold is the quantile of |t| among simulated sequences that no
  /// earlier look stopped; with 50 000 of them the total is alpha within 0.2 points.
  private static func levels(_ budgets: [Double], looks: [Int]) -> [Double] {
    var sequences = (0..<(looks.count > 1 ? 50_000 : 0)).map { TSequence(index: $0, seeds: looks.count + 1) }
    let total = Double(sequences.count)
    var spent = 0.0
    return zip(looks, budgets).map { look, budget in
      let t = StudentT(degreesOfFreedom: Double(2 * look - 2))
      let share = budget - spent
      spent = budget
      let threshold: Double
      if look == 2 {
        // No look came before, so the level is what is spent.
        threshold = -t.quantile(share / 2)
      } else {
        let sorted = sequences.map { $0.t(after: look) }.sorted(by: >)
        threshold = sorted[Int((share * total).rounded())]
      }
      sequences.removeAll { $0.t(after: look) > threshold }
      return t.twoSidedP(threshold)
    }
  }
}

/// The sizes of t over a growing number of runs of two equal methods.
private struct TSequence {
  private let sizes: [Double]

  init(index: Int, seeds: Int) {
    let values = CountedRandom(seed: 0, "alpha-spending").at(index).normals(count: 2 * seeds)
    var (sums, squares) = ((0.0, 0.0), 0.0)
    sizes = (1...seeds).map { count in
      let (one, other) = (Double(values[2 * count - 2]), Double(values[2 * count - 1]))
      sums = (sums.0 + one, sums.1 + other)
      squares += one * one + other * other
      let n = Double(count)
      let spread = squares - (sums.0 * sums.0 + sums.1 * sums.1) / n
      return count < 2 ? 0 : abs(sums.0 - sums.1) / (spread / (n - 1) * n).squareRoot()
    }
  }

  func t(after seeds: Int) -> Double { sizes[seeds - 1] }
}
