import ExperimentStatistics
import Testing

@Suite struct AggregatesTests {
  @Test func `interquartile means and probabilities of improvement equal SciPy's`() throws {
    for golden in try StatisticsGoldens.read().scores {
      let (first, second) = (TaskScores(byTask: golden.first), TaskScores(byTask: golden.second))
      #expect(abs(first.interquartileMean - golden.interquartileMean) < 1e-12)
      #expect(abs(first.probabilityOfImprovement(over: second) - golden.improvement) < 1e-12)
      #expect(abs(second.probabilityOfImprovement(over: first) - (1 - golden.improvement)) < 1e-12)
    }
  }

  @Test func `intervals are repeatable, hold the estimate and grow with the level`() {
    let scores = TaskScores(byTask: [[0.5, 0.6, 0.7], [0.8, 0.9, 0.85], [0.1, 0.3, 0.2]])
    let bootstrap = StratifiedBootstrap(count: 500)
    let interval = bootstrap.interval(of: scores, \.interquartileMean)
    #expect(interval == bootstrap.interval(of: scores, \.interquartileMean))
    #expect(interval != StratifiedBootstrap(count: 500, seed: 1).interval(of: scores, \.interquartileMean))
    #expect(interval.contains(scores.interquartileMean))
    let narrow = bootstrap.interval(of: scores, level: 0.5, \.interquartileMean)
    #expect(narrow.lowerBound > interval.lowerBound && narrow.upperBound < interval.upperBound)
  }

  @Test func `runs are drawn within their task, so equal runs have no spread`() {
    let scores = TaskScores(byTask: [[0.2, 0.2], [0.9, 0.9]])
    #expect(StratifiedBootstrap(count: 50).interval(of: scores, \.interquartileMean) == 0.55...0.55)
    let better = TaskScores(byTask: [[0.4, 0.5], [0.95, 1]])
    let interval = StratifiedBootstrap(count: 50).interval(of: better, scores) { $0.probabilityOfImprovement(over: $1) }
    #expect(interval == 1...1)
  }

  /// The mean of one task's runs: the bootstrap's spread is that of the mean of three draws from three values.
  @Test func `the interval is that of the resampled mean`() {
    let scores = TaskScores(byTask: [[0, 0.5, 1]])
    let interval = StratifiedBootstrap(count: 4000).interval(of: scores, level: 0.9) { $0.interquartileMean }
    // All draws equal 0 in 1 of 27 resamples, so 5 % lies between 0 and the next mean, 1/6.
    #expect(abs(interval.lowerBound - 1.0 / 6) < 1e-12 && abs(interval.upperBound - 5.0 / 6) < 1e-12)
  }
}
