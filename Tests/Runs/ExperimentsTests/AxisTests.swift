import Foundation
import Testing

@testable import Experiments

struct AxisTests {
  @Test(arguments: [
    [0.0, 1.0], [3, 3], [-0.02, 0.58], [1e-9, 2e-9], [0, 0], [-5, -1], [1e29, 1e35], [99_000, 120_000],
  ])
  func `ticks are round, few and hold the values`(values: [Double]) throws {
    let axis = Axis(holding: values)
    #expect((2...12).contains(axis.ticks.count), "\(axis.ticks)")
    for value in values where abs(value) < 1e30 { #expect((0...1).contains(axis.position(value))) }
    let step = axis.ticks[1] - axis.ticks[0]
    let leading = step / pow(10, log10(step).rounded(.down))
    #expect([1, 2, 5, 10].contains { abs(leading - $0) < 1e-6 }, "\(step)")
    #expect(Set(axis.ticks.map(axis.label)).count == axis.ticks.count, "\(axis.ticks.map(axis.label))")
  }

  @Test func `an axis of zeros begins at zero and has a unit to be read by`() {
    let axis = Axis(holding: [0, 0])
    #expect(axis.ticks.first == 0 && axis.range == 0...1 && axis.position(0) == 0)
    let percent = Axis(holding: [0, 100] + [0, 0])
    #expect(percent.ticks.map(percent.label) == ["0", "20", "40", "60", "80", "100"])
  }

  @Test func `an axis is logarithmic only where that helps and can be`() {
    #expect(Axis(holding: [0.01, 1], mayBeLogarithmic: true).isLogarithmic)
    #expect(!Axis(holding: [0.1, 1], mayBeLogarithmic: true).isLogarithmic)
    #expect(!Axis(holding: [0, 1], mayBeLogarithmic: true).isLogarithmic)
    #expect(!Axis(holding: [0.01, 1]).isLogarithmic)
    let axis = Axis(holding: [0.01, 1], mayBeLogarithmic: true)
    // A factor of ten is the same stretch anywhere.
    #expect(abs((axis.position(1) - axis.position(0.1)) - (axis.position(0.1) - axis.position(0.01))) < 1e-12)
    #expect(axis.ticks.map(axis.label) == ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"])
  }

  @Test func `thinning and smoothing keep the mean of a steady curve and its ends' steps`() {
    let points = (1...1000).map { RecordedMetrics.Point(step: Double($0), value: 2) }
    let thin = points.thinned(to: 300)
    #expect(thin.count == 300 && thin.allSatisfy { abs($0.value - 2) < 1e-12 })
    #expect(points.thinned(to: 2000) == points)
    #expect(points.smoothed(reach: 20) == points)
    let noisy = (0..<100).map { RecordedMetrics.Point(step: Double($0), value: $0 % 2 == 0 ? 0 : 1) }
    #expect(noisy.smoothed(reach: 10).allSatisfy { abs($0.value - 0.5) < 0.06 })
    #expect(points.firstAndLast?.last == 2)
  }
}
