import ExperimentStatistics
import Testing

struct PairedSuccessesTests {
  @Test func `intervals, p and visible differences equal those of statsmodels and scipy`() throws {
    let goldens = try StatisticsGoldens.paired()
    #expect(goldens.count == 15)
    for golden in goldens {
      let table = golden.table
      let pairs = PairedSuccesses(both: table[0], onlyFirst: table[1], onlySecond: table[2], neither: table[3])
      func close(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) <= 1e-10 }
      #expect(close(pairs.difference, golden.difference), "\(table)")
      #expect(close(pairs.interval.lowerBound, golden.lower), "\(table)")
      #expect(close(pairs.interval.upperBound, golden.upper), "\(table)")
      #expect(close(pairs.interval(level: 0.9).lowerBound, golden.lower90), "\(table)")
      #expect(close(pairs.interval(level: 0.9).upperBound, golden.upper90), "\(table)")
      #expect(close(pairs.p, golden.p), "\(table)")
      if let visible = golden.visible {
        #expect(abs((pairs.smallestVisibleDifference ?? .nan) - visible) < 1e-9, "\(table)")
      } else {
        #expect(pairs.smallestVisibleDifference == nil, "\(table)")
      }
    }
  }

  /// Bentur et al. (2009), as worked in Fagerland, Lydersen and Laake (2017), chapter 8: −0.507 to −0.026.
  @Test func `the textbook's interval comes out`() {
    let interval = PairedSuccesses(both: 1, onlyFirst: 1, onlySecond: 7, neither: 12).interval
    #expect(abs(interval.lowerBound + 0.507) < 5e-4 && abs(interval.upperBound + 0.026) < 5e-4)
  }

  @Test func `swapping the arms mirrors the interval and keeps p`() {
    for table in [(3, 9, 2, 6), (0, 5, 0, 0), (10, 0, 4, 1)] {
      let pairs = PairedSuccesses(both: table.0, onlyFirst: table.1, onlySecond: table.2, neither: table.3)
      let mirror = PairedSuccesses(both: table.0, onlyFirst: table.2, onlySecond: table.1, neither: table.3)
      #expect(abs(pairs.interval.lowerBound + mirror.interval.upperBound) < 1e-12)
      #expect(pairs.p == mirror.p)
      #expect(pairs.smallestVisibleDifference == mirror.smallestVisibleDifference)
    }
  }

  @Test func `pairs are counted, and none are no evidence`() {
    let pairs = PairedSuccesses([(true, true), (true, false), (true, false), (false, true), (false, false)])
    #expect(pairs == PairedSuccesses(both: 1, onlyFirst: 2, onlySecond: 1, neither: 1))
    let none = PairedSuccesses([])
    #expect(none.difference.isNaN && none.interval == -1...1 && none.p == 1 && none.smallestVisibleDifference == nil)
    #expect(PairedSuccesses(both: 0, onlyFirst: 3_000, onlySecond: 3_000, neither: 0).p == 1)
  }
}
