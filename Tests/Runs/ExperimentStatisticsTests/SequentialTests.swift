import CounterBasedRandom
import ExperimentStatistics
import Foundation
import Testing

@Suite struct SequentialTests {
  @Test func `evidence equals the beta mixture of SciPy, in any order of the pairs`() throws {
    for golden in try StatisticsGoldens.read().eProcess {
      var process = PairedEProcess(prior: golden.prior)
      for _ in 0..<golden.losses { process.add(first: false, second: true) }
      for _ in 0..<golden.wins { process.add(first: true, second: false) }
      #expect(abs(log(process.e) - golden.logE) < 1e-9, "\(golden)")
    }
  }

  @Test func `concordant pairs are no evidence, and evidence once reached is kept`() {
    var process = PairedEProcess(prior: 1)
    process.add(first: true, second: true)
    process.add(first: false, second: false)
    #expect(process.e == 1 && process.p == 1 && process.answer() == .cannotTell)
    for _ in 0..<9 { process.add(first: true, second: false) }
    #expect(process.e >= 20 && process.answer() == .better)
    let p = process.p
    for _ in 0..<7 { process.add(first: false, second: true) }
    #expect(process.e < 20 && process.p == p && process.isDecided())
  }

  /// A fair game's mean evidence is one after any number of pairs: the sum over all outcomes.
  @Test func `evidence is one on average if no checkpoint is better`() {
    for count in [1, 5, 12] {
      var mean = 0.0
      for outcomes in 0..<(1 << count) {
        var process = PairedEProcess()
        for bit in 0..<count {
          process.add(first: outcomes >> bit & 1 == 1, second: outcomes >> bit & 1 == 0)
        }
        mean += process.e / Double(1 << count)
      }
      #expect(abs(mean - 1) < 1e-10)
    }
  }

  @Test func `levels of looks spend alpha and not more than the sum of the increments allows`() throws {
    for shape in [AlphaSpending.Shape.pocock, .obrienFleming] {
      let plan = AlphaSpending(seeds: 5, shape: shape)
      #expect(plan.looks == [2, 3, 4, 5] && plan.levels.allSatisfy { $0 > 0 && $0 < 0.05 })
      // Looks overlap, so their levels add up to more than what they spend together.
      #expect(plan.levels.reduce(0, +) > 0.05)
      #expect(plan.level(afterSeeds: 5) == plan.levels[3] && plan.level(afterSeeds: 6) == nil)
    }
    // The first look spends what the function says: 0.05 · ln(1 + (e − 1) 2 / 5).
    let first = AlphaSpending(seeds: 5, shape: .pocock).levels[0]
    #expect(abs(first - 0.05 * log(1 + (exp(1) - 1) * 0.4)) < 1e-12)
    #expect(AlphaSpending(seeds: 5, shape: .obrienFleming).levels[0] < 0.003)
  }

  @Test func `a single look keeps the whole level`() {
    #expect(abs(AlphaSpending(seeds: 2).levels[0] - 0.05) < 1e-12)
  }

  @Test func `a look that was not planned has no verdict`() throws {
    let runs = (0..<3).map { EvaluatedRun(seed: $0, successes: [true, false]) }
    let comparison = try MethodComparison(runs, against: runs)
    #expect(AlphaSpending(seeds: 3).verdict(of: comparison) == .methods(.cannotTell))
    #expect(AlphaSpending(seeds: 2).verdict(of: comparison) == nil)
  }
}
