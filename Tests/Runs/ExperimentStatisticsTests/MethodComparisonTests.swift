import ExperimentStatistics
import Failures
import Testing

@Suite struct MethodComparisonTests {
  /// Runs whose first episodes succeed, so that all pairs are concordant up to the smaller rate.
  private func arm(_ successes: [Int], of episodes: Int = 500) -> [EvaluatedRun] {
    successes.enumerated().map { seed, count in
      EvaluatedRun(seed: seed, successes: (0..<episodes).map { $0 < count })
    }
  }

  @Test func `the pooled t, its p values and intervals equal those of statsmodels`() throws {
    for golden in try StatisticsGoldens.read().pooledT {
      let t = try #require(PooledT(golden.first, golden.second))
      #expect(Double(t.degreesOfFreedom) == golden.df && abs(t.p() - golden.p) < 1e-10)
      for (level, ends) in [(0.95, golden.interval95), (0.9, golden.interval90)] {
        let interval = t.interval(level: level)
        #expect(abs(interval.lowerBound - ends[0]) < 1e-12 && abs(interval.upperBound - ends[1]) < 1e-12)
      }
      #expect(abs(t.p(ofAtMost: -golden.margin) - golden.pAbove) < 1e-10)
      #expect(abs(1 - t.p(ofAtMost: golden.margin) - golden.pBelow) < 1e-10)
    }
  }

  @Test func `a difference is announced if runs and episodes agree, and p is the larger one`() throws {
    let comparison = try MethodComparison(arm([440, 436, 444]), against: arm([400, 405, 395]))
    #expect(comparison.verdict() == .methods(.better))
    #expect(comparison.p == max(comparison.pairs.p, try #require(comparison.runs).p()))
    #expect(abs(comparison.difference - 0.08) < 1e-12 && comparison.interval.lowerBound > 0)
    #expect(try MethodComparison(arm([400, 405, 395]), against: arm([440, 436, 444])).verdict() == .methods(.worse))
  }

  @Test func `runs that vary more than the arms differ are no evidence, however many episodes say so`() throws {
    let comparison = try MethodComparison(arm([470, 395, 440]), against: arm([430, 385, 400]))
    #expect(comparison.pairs.p < 1e-6 && comparison.verdict() == .methods(.cannotTell))
    #expect(comparison.interval.contains(0))
  }

  @Test func `runs that agree by luck are no evidence without the episodes`() throws {
    let comparison = try MethodComparison(arm([19, 19], of: 20), against: arm([18, 18], of: 20))
    #expect(comparison.runs?.p() == 0 && comparison.p == comparison.pairs.p)
    #expect(comparison.verdict() == .methods(.cannotTell) && comparison.interval.contains(0))
  }

  @Test func `the interval holds both intervals and excludes zero only if both do`() throws {
    for counts in [
      ([430, 425, 441], [415, 412, 420]), ([400, 450, 430], [420, 419, 421]), ([405, 405], [400, 400]),
    ] {
      let comparison = try MethodComparison(arm(counts.0), against: arm(counts.1))
      let (paired, runs) = (comparison.pairs.interval, try #require(comparison.runs).interval(level: 0.95))
      #expect(comparison.interval.lowerBound == min(paired.lowerBound, runs.lowerBound))
      #expect(comparison.interval.upperBound == max(paired.upperBound, runs.upperBound))
      #expect(comparison.interval.contains(0) == (paired.contains(0) || runs.contains(0)))
    }
  }

  @Test func `one seed compares checkpoints, by McNemar's test alone`() throws {
    let comparison = try MethodComparison(arm([450]), against: arm([400]))
    #expect(comparison.verdict() == .checkpoints(.better) && comparison.runs == nil)
    #expect(comparison.p == comparison.pairs.p && comparison.interval == comparison.pairs.interval)
    #expect(try MethodComparison(arm([401]), against: arm([400])).verdict() == .checkpoints(.cannotTell))
  }

  @Test func `runs are paired by seed, in the treatment's order`() throws {
    let comparison = try MethodComparison(arm([450, 400]), against: arm([410, 390]).reversed())
    #expect(comparison.bySeed.map(\.seed) == [0, 1])
    #expect(comparison.bySeed.map(\.pairs.onlyFirst) == [40, 10])
  }

  @Test func `runs that cannot be paired are refused`() {
    let (one, other) = (arm([4, 5], of: 10), arm([4, 5, 6], of: 10))
    #expect(throws: Failure.self) { try MethodComparison(one, against: other) }
    #expect(throws: Failure.self) { try MethodComparison(one, against: arm([4, 5], of: 9)) }
    #expect(throws: Failure.self) { try MethodComparison(one + one, against: one + one) }
    #expect(throws: Failure.self) { try MethodComparison([], against: []) }
    #expect(throws: Failure.self) { try MethodComparison(arm([0], of: 0), against: arm([0], of: 0)) }
  }

  @Test func `Holm's p values equal those of statsmodels`() throws {
    for golden in try StatisticsGoldens.read().holm {
      #expect(zip(holm(golden.p), golden.adjusted).allSatisfy { agree($0, $1, to: 1e-12) }, "\(golden)")
    }
    #expect(holm([]).isEmpty)
  }

  @Test func `a family announces less than its comparisons alone`() throws {
    let baseline = arm([420, 421, 419])
    let comparisons = try [[425, 430, 428], [470, 471, 469], [421, 419, 420]].map {
      try MethodComparison(arm($0), against: baseline)
    }
    let family = ComparisonFamily(comparisons)
    #expect(comparisons.map { $0.verdict() } == [.methods(.better), .methods(.better), .methods(.cannotTell)])
    #expect(family.verdicts() == [.methods(.better), .methods(.better), .methods(.cannotTell)])
    #expect(family.adjustedP == holm(comparisons.map(\.p)) && family.adjustedP[0] == 2 * comparisons[0].p)
    let alpha = 1.5 * comparisons[0].p
    #expect(comparisons[0].verdict(alpha: alpha) == .methods(.better))
    #expect(family.verdicts(alpha: alpha) == [.methods(.cannotTell), .methods(.better), .methods(.cannotTell)])
  }
}
