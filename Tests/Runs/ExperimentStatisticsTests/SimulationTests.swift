import ExperimentStatistics
import Testing

@testable import StatisticsSimulation

@Suite struct SimulationTests {
  /// The full version is `make statistics`; the bounds here are four standard errors wide.
  @Test func `rates of a few hundred simulated experiments are what the rules promise`() async throws {
    let tally = try await Study("seed SD 3", seedDeviation: 0.03).run(300)
    #expect(tally.percent(.announced, seeds: 3) < 10)
    #expect(tally.percent(.anyOfFiveWithHolm, seeds: 3) < 10)
    #expect(tally.percent(.announcedByEpisodes, seeds: 3) > 25, "pooled episodes ignore the spread of runs")
    #expect((90...99).contains(tally.percent(.covered, seeds: 3)))
    #expect(abs(tally.percent(.announced, seeds: 3, points: 5) - 35) < 12)
    #expect(tally.percent(.announcedSequentially(.pocock), seeds: 6) < 10)
    #expect(tally.percent(.equivalent, seeds: 3, points: 5) < 10)
  }

  @Test func `equal counts give equal rates, on any number of threads`() async throws {
    let study = Study("seed SD 1", seedDeviation: 0.01)
    let (one, other) = (try await study.run(20), try await study.run(20))
    for points in [0, 2, 5, 10] {
      #expect(one.mean(.announced, seeds: 2, points: points) == other.mean(.announced, seeds: 2, points: points))
    }
  }

  @Test func `runs of the model vary as stated and arms differ as stated`() {
    let model = ExperimentModel(seedDeviation: 0.03)
    #expect(abs(model.pairCorrelation - 0.2) < 0.03)
    #expect(model.effect(ofDifference: 0) < 1e-9 && model.effect(ofDifference: 0.05) > 0.3)
    #expect(ExperimentModel(seedDeviation: 0).baselineDeviation == 0)
  }
}
