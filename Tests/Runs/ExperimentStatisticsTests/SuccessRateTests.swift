import ExperimentStatistics
import Testing

@Suite struct SuccessRateTests {
  @Test func `Wilson's intervals equal those of statsmodels at every level`() throws {
    for golden in try StatisticsGoldens.read().wilson {
      let rate = SuccessRate(successes: golden.successes, episodes: golden.episodes)
      let interval = rate.interval(level: golden.level)
      #expect(abs(interval.lowerBound - golden.lower) < 1e-12, "\(golden)")
      #expect(abs(interval.upperBound - golden.upper) < 1e-12, "\(golden)")
      if golden.level == 0.95 { #expect(rate.interval == interval) }
    }
  }

  @Test func `no episodes leave every rate possible`() {
    #expect(SuccessRate(successes: 0, episodes: 0).interval == 0...1)
    #expect(SuccessRate(successes: 0, episodes: 0).share.isNaN)
  }

  @Test func `the text holds the rate, its interval and the counts`() {
    #expect(SuccessRate(successes: 29, episodes: 40).text == "72.5 % (95 %: 57.2 … 83.9; 29/40)")
  }
}
