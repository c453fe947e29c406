import ExperimentStatistics
import Foundation
import ModelFiles
import Testing

@testable import Experiments

struct SequentialReportTests {
  private static let arms = Arm.known.filter { ["E0", "E2"].contains($0.name) }

  /// A registered matrix of three seeds, of which some are finished; E2's evaluations succeed always, E0's every fourth time.
  private func matrix(finished: [Int], planned: [Int] = [0, 1, 2]) throws -> FixtureMatrix {
    let matrix = try FixtureMatrix(empty: ())
    let plan = MatrixPlan(Self.arms, seeds: planned, isSequential: true)
    try matrix.write(JSON.object(["plan": plan.json]).text(), "matrix.json")
    for seed in finished {
      for arm in ["E0", "E2"] {
        try matrix.run(arm, seed: seed)
        // Runs differ by an episode, as runs do.
        let outcomes = (0..<40).map { arm == "E2" ? $0 != seed : ($0 + seed) % 4 == 0 || $0 == seed }
        try matrix.evaluation("\(arm)_seed\(seed)/eval", [("push_left", outcomes)])
      }
    }
    return matrix
  }

  @Test func `the plan of looks is registered, and cannot be changed later`() throws {
    let plan = MatrixPlan(Self.arms, seeds: [0, 1, 2, 3], isSequential: true)
    #expect(plan.json["sequential"]?["looks_after_seeds"] == [2, 3, 4])
    #expect(plan.json["sequential"]?["spending_function"] == "pocock")
    let file = URL(fileURLWithPath: "matrix.json")
    #expect(try MatrixPlan(plan.json, in: file) == plan)
    #expect(throws: (any Error).self) {
      try MatrixPlan(Self.arms, seeds: [0, 1, 2, 3]).adding(plan)
    }
    var damaged = try #require(plan.json.object)
    damaged["sequential"] = ["spending_function": "pocock", "alpha": 0.5, "looks_after_seeds": [2, 3, 4]]
    #expect(throws: (any Error).self) { try MatrixPlan(.object(damaged), in: file) }
  }

  @Test func `before the first look a report is preliminary`() throws {
    let report = try matrix(finished: [0]).report()
    #expect(report.preliminary?.hasPrefix("PRELIMINARY: 4 of 6 planned runs") == true && report.look == nil)
    #expect(!report.isDecided && !report.findings.contains { $0.contains("E2 is better") })
  }

  @Test func `a look has a verdict at its own level, says which it is, and that one may stop`() throws {
    let matrix = try matrix(finished: [0, 1])
    let report = try matrix.report()
    let spending = AlphaSpending(seeds: 3)
    #expect(report.preliminary == nil && report.look?.level == spending.levels[0])
    #expect(report.look?.number == 1 && report.look?.of == 2 && report.isDecided)
    #expect(
      report.findings.contains { $0.contains("Look 1 of 2, after 2 of 3 seeds") && $0.contains("Stopping is allowed") })
    #expect(report.findings.contains { $0.hasPrefix("E2 is better than E0.") && $0.contains("over all looks") })
    #expect(report.json["look"]?["number"] == 1)
    // The interval is that of the look's level.
    let comparison = try #require(try report.comparisons.first?.result.get())
    #expect(
      report.json["comparisons"]?.array?.first?["interval_95"]?.array?.first?.double
        == comparison.interval(level: 1 - spending.levels[0]).lowerBound)
  }

  /// The seeds that count are the first planned ones, whichever others have finished.
  @Test func `a later seed does not stand in for an earlier one`() throws {
    let report = try matrix(finished: [0, 2]).report()
    #expect(report.look == nil && report.preliminary != nil)
  }

  @Test func `one seed is judged by evidence that may be looked at again, and it says so`() throws {
    let report = try matrix(finished: [0], planned: [0]).report()
    #expect(report.findings.contains { $0.contains("by a test that holds however often one looks (an e-process)") })
    let finding = try #require(report.findings.first { $0.contains("e-process p") })
    #expect(finding.hasPrefix("The checkpoint E2_seed0 reached the goal more often than the checkpoint E0_seed0."))
    var evidence = PairedEProcess()
    for episode in 0..<40 { evidence.add(first: episode != 0, second: episode % 4 == 0 || episode == 0) }
    #expect(report.json["comparisons"]?.array?.first?["p_holm"]?.double == evidence.p)
  }

  @Test func `a p between the level of a look and 5 % is no verdict yet`() throws {
    let pairs = PairedSuccesses(both: 30, onlyFirst: 8, onlySecond: 1, neither: 1)
    let seeds = (0..<2).map { MethodComparison.SeedPairs(seed: $0, pairs: pairs) }
    let family = ComparisonFamily([try MethodComparison(bySeed: seeds)])
    let p = family.comparisons[0].p
    let level = AlphaSpending(seeds: 5).levels[0]
    #expect(family.verdicts(atLook: 2, of: 5) == [p < level ? .methods(.better) : .methods(.cannotTell)])
    #expect(family.verdicts(atLook: 7, of: 5) == nil)
    // Two comparisons share the level: Holm's first step is held against that of half of alpha.
    let two = ComparisonFamily([family.comparisons[0], family.comparisons[0]])
    let half = AlphaSpending(seeds: 5, alpha: 0.025).levels[0]
    #expect(two.verdicts(atLook: 2, of: 5)?.contains(.methods(.better)) == (p < half))
  }
}
