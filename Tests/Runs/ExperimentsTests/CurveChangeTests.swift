import CounterBasedRandom
import Foundation
import Testing

@testable import Experiments

struct CurveChangeTests {
  private func curve(_ count: Int = 200, _ value: (Double) -> Double) -> [RecordedMetrics.Point] {
    (0..<count).map { .init(step: Double($0), value: value(Double($0) / Double(count))) }
  }

  @Test func `monotone fits are those of the pool adjacent violators algorithm`() {
    #expect(CurveChange.monotone([1, 2, 3]).values == [1, 2, 3])
    #expect(CurveChange.monotone([3, 1, 2]).values == [2, 2, 2])
    let fit = CurveChange.monotone([1, 3, 2, 4, 3.5, 5])
    #expect(fit.values == [1, 2.5, 2.5, 3.75, 3.75, 5] && fit.levels == 4)
  }

  @Test func `a rise beyond the noise is clear, and its size is right`() throws {
    let noise = CountedRandom(seed: 1, "rise").normals(count: 200)
    let rising = try #require(CurveChange(curve { 0.1 + 0.5 * $0 + 0.05 * Double(noise[Int(($0 * 200).rounded())]) }))
    // Means of the first and last tenth of a straight line lie nine tenths of its rise apart.
    #expect(rising.isClear && abs(rising.change - 0.45) < 0.05)
    let falling = try #require(CurveChange(curve { 1 - $0 }))
    #expect(falling.isClear && falling.change < 0)
  }

  @Test func `swings and noise without a trend are hardly ever clear`() throws {
    #expect(try #require(CurveChange(curve { 0.06 + 0.05 * sin(17 * $0) })).isClear == false)
    let clear = try (0..<400).count { seed in
      let noise = CountedRandom(seed: seed, "noise").normals(count: 200)
      return try #require(CurveChange(curve { Double(noise[Int(($0 * 200).rounded())]) })).isClear
    }
    #expect(clear <= 20, "at most 5 % of 400")
    // Noise that wanders, each value nine tenths of the last, is caught less well, and still mostly.
    let wandering = try (0..<200).count { seed in
      var last = 0.0
      let points = CountedRandom(seed: seed, "wandering").normals(count: 200).enumerated().map { index, value in
        last = 0.9 * last + Double(value)
        return RecordedMetrics.Point(step: Double(index), value: last)
      }
      return try #require(CurveChange(points)).isClear
    }
    #expect(wandering <= 30, "at most 15 % of 200, found \(wandering)")
  }

  @Test func `runs agree if their mean change is not chance`() {
    #expect(CurveChange.agree([0.4, 0.5, 0.45]))
    #expect(!CurveChange.agree([0.4, -0.3, 0.1]))
    #expect(!CurveChange.agree([0.1, 0.5]))
    #expect(CurveChange.agree([0.1]))
  }

  @Test func `bands and means reach as far as all seeds`() {
    let one = curve(5) { $0 }, other = curve(3) { 1 - $0 }
    let curves = SeedCurves([one, other])
    #expect(curves.mean.map(\.step) == [0, 1, 2])
    #expect(curves.range.map(\.values.lowerBound) == [0, 0.2, 1.0 - 2.0 / 3])
    #expect(SeedCurves([one]).range.isEmpty && SeedCurves([one]).mean == one)
    let sparse: [RecordedMetrics.Point] = [.init(step: 0, value: 0), .init(step: 10, value: 1)]
    #expect(sparse.value(at: 2.5) == 0.25 && sparse.value(at: 10) == 1 && sparse.value(at: 11) == nil)
  }
}
