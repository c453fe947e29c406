import ExperimentStatistics
import Testing

@Suite struct EquivalenceTestTests {
  private func comparison(_ first: [Int], _ second: [Int]) throws -> MethodComparison {
    func arm(_ counts: [Int]) -> [EvaluatedRun] {
      counts.enumerated().map { seed, count in
        EvaluatedRun(seed: seed, successes: (0..<500).map { $0 < count })
      }
    }
    return try MethodComparison(arm(first), against: arm(second))
  }

  @Test func `arms are equivalent if the interval at 90 % lies within the margin`() throws {
    let near = try comparison([420, 424, 419], [421, 420, 423])
    #expect(EquivalenceTest(near, margin: 0.05).answer == .equivalent)
    #expect(EquivalenceTest(near, margin: 0.05).interval == near.interval(level: 0.9))
    #expect(EquivalenceTest(near, margin: 0.001).answer == .cannotTell)
  }

  @Test func `a difference beyond the margin is different, and one within it equivalent`() throws {
    let far = try comparison([450, 452, 449], [420, 421, 419])
    #expect(EquivalenceTest(far, margin: 0.02).answer == .different)
    #expect(far.verdict() == .methods(.better) && EquivalenceTest(far, margin: 0.1).answer == .equivalent)
  }

  @Test func `runs that vary decide nothing`() throws {
    let varied = try comparison([470, 380, 430], [400, 460, 420])
    #expect(EquivalenceTest(varied, margin: 0.05).answer == .cannotTell)
  }

  @Test func `p is the level at which the arms become equivalent`() throws {
    let near = try comparison([424, 424, 420], [421, 420, 423])
    let p = EquivalenceTest(near, margin: 0.02).p
    #expect(p > 0 && p < 0.5)
    #expect(EquivalenceTest(near, margin: 0.02, alpha: p * 1.001).answer == .equivalent)
    #expect(EquivalenceTest(near, margin: 0.02, alpha: p * 0.999).answer != .equivalent)
  }

  @Test func `where runs vary more than episodes, p is that of statsmodels' two one-sided tests`() throws {
    let varied = try comparison([470, 380, 430], [400, 460, 420])
    let runs = try #require(varied.runs)
    let expected = max(runs.p(ofAtMost: -0.2), 1 - runs.p(ofAtMost: 0.2))
    #expect(abs(EquivalenceTest(varied, margin: 0.2).p - expected) < 1e-9)
  }
}
