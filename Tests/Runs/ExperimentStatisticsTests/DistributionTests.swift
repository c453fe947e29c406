import Foundation
import Testing

@testable import ExperimentStatistics

@Suite struct DistributionTests {
  @Test func `the normal distribution and its quantiles equal SciPy's`() throws {
    let goldens = try StatisticsGoldens.read()
    for golden in goldens.normal { #expect(agree(Normal.cdf(golden.x), golden.cdf), "\(golden)") }
    for golden in goldens.normalQuantiles { #expect(agree(Normal.quantile(golden.p), golden.x), "\(golden)") }
    #expect(abs(Normal.quantile(.leastNonzeroMagnitude) + 38.45) < 0.1)
    #expect(Normal.quantile(0) == -.infinity && Normal.quantile(1) == .infinity)
  }

  @Test func `the t distribution equals SciPy's for few, many and fractional degrees of freedom`() throws {
    for golden in try StatisticsGoldens.read().t {
      let t = StudentT(degreesOfFreedom: golden.df)
      #expect(agree(t.cdf(golden.x), golden.cdf), "\(golden)")
      #expect(agree(t.density(golden.x), golden.density), "\(golden)")
      #expect(agree(t.twoSidedP(golden.x), golden.twoSided), "\(golden)")
    }
  }

  @Test func `the quantiles of t equal SciPy's`() throws {
    for golden in try StatisticsGoldens.read().tQuantiles {
      let x = StudentT(degreesOfFreedom: golden.df).quantile(golden.p)
      #expect(agree(x, golden.x), "\(golden), found \(x)")
    }
  }

  @Test func `two degrees of freedom have a closed form`() {
    let t = StudentT(degreesOfFreedom: 2)
    for x in [-1e8, -3, -1e-9, 0, 1e-9, 0.5, 7] {
      #expect(abs(t.cdf(x) - (0.5 + x / (2 * (2 + x * x).squareRoot()))) < 1e-15)
    }
    #expect(t.quantile(0.5) == 0 && t.quantile(0) == -.infinity)
  }

  @Test func `infinitely many degrees of freedom are the normal distribution`() {
    let t = StudentT(degreesOfFreedom: .infinity)
    #expect(agree(t.cdf(-1.5), Normal.cdf(-1.5)) && agree(t.quantile(0.975), Normal.quantile(0.975)))
  }
}
