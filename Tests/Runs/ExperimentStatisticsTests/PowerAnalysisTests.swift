import Testing

@testable import ExperimentStatistics

@Suite struct PowerAnalysisTests {
  private func analysis(seedDeviation: Double) -> PowerAnalysis {
    PowerAnalysis(tasks: 10, episodesPerTask: 50, baseline: 0.85, seedDeviation: seedDeviation)
  }

  @Test func `without McNemar's test the power is SciPy's noncentral t`() throws {
    for golden in try StatisticsGoldens.read().noncentralT {
      let test = CombinedTest(
        seeds: golden.seeds, standardError: 1, degreesOfFreedom: Double(2 * golden.seeds - 2),
        pairedStandardError: 0, alpha: 0.05)
      #expect(abs(test.power(ofDifference: golden.shift) - golden.power) < 1e-8, "\(golden)")
    }
  }

  /// Simulated in Python, on a grid of 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50 and 60 seeds.
  @Test(arguments: [(0.01, [15, 4, 3]), (0.02, [30, 6, 3]), (0.03, [50, 10, 4]), (0.05, [nil, 25, 8])])
  func `seeds needed are within a step of a simulation's`(deviation: Double, simulated: [Int?]) throws {
    let grid = [2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60]
    for (difference, expected) in zip([0.02, 0.05, 0.1], simulated) {
      let needed = try #require(analysis(seedDeviation: deviation).seedsNeeded(forDifference: difference))
      let step = grid.firstIndex { $0 >= needed } ?? grid.count
      let published = expected.flatMap(grid.firstIndex) ?? grid.count
      #expect(abs(step - published) <= 1, "\(deviation), \(difference): \(needed)")
    }
  }

  @Test func `the smallest difference is found with the power that was asked for`() throws {
    let analysis = analysis(seedDeviation: 0.03)
    let smallest = try #require(analysis.smallestDifference(seeds: 3))
    #expect(abs(analysis.power(ofDifference: -smallest, seeds: 3) - 0.8) < 1e-6)
    #expect(analysis.power(ofDifference: smallest, seeds: 3) > 0.8)
    #expect(try #require(analysis.smallestDifference(seeds: 5)) < smallest)
  }

  @Test func `a difference that the rates have no room for is never found`() {
    let analysis = analysis(seedDeviation: 0.3)
    #expect(analysis.smallestDifference(seeds: 2) == nil)
    #expect(analysis.seedsNeeded(forDifference: 0.9) == nil)
    #expect(analysis.seedsNeeded(forDifference: 0.02, limit: 20) == nil)
  }
}
