import Experiments
import Foundation
import ModelFiles
import Testing

struct ExperimentDesignTests {
  private let design = ExperimentDesign(seeds: 3, tasks: 10, episodesPerTask: 50)

  private func text(_ matrix: FixtureMatrix) -> [String] {
    defer { withExtendedLifetime(matrix) {} }
    return design.lines(baseline: 0.85, deviation: 0.03, root: matrix.root)
  }

  @Test func `says what is assumed, and nothing of what was not observed`() throws {
    let lines = try text(FixtureMatrix(empty: ()))
    #expect(lines.count == 1)
    let start =
      "Assumed: the baseline succeeds in 85.0 %. Assumed: the true rates of its training seeds have an SD of 3.0 points. "
    #expect(lines[0].hasPrefix(start + "Then 3 seeds per arm give the verdict in 80 % of experiments if "), "\(lines)")
    #expect(lines[0].contains(" points lower. Seeds per arm for 80 %: 2 points take "))
    // One seed shows a rate and no spread.
    let one = try #require(text(FixtureMatrix(seeds: [0])).last)
    #expect(one.hasPrefix("Observed: the one finished run of E0 succeeds in ") && one.contains("Assumed, because"))
  }

  @Test func `says what was observed, and what stands in for a rate without noise`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1])
    for seed in [0, 1] {
      try matrix.evaluation("E0_seed\(seed)/eval", [("a", [Bool](repeating: false, count: 20))])
    }
    let observed = try #require(text(matrix).last)
    #expect(
      observed.hasPrefix(
        "Observed: the 2 finished runs of E0 succeed in 0.0 % on average; planned with 2.0 %, because a rate near 0 or "
          + "100 % leaves no noise to plan with. Observed: an SD of 0.0 points between training seeds beyond the luck of the"
      ),
      "\(observed)")
    #expect(observed.contains(" points higher. Seeds per arm"))
  }

  @Test func `the page says which of the two figures one seed cannot show`() throws {
    let matrix = try FixtureMatrix(tasks: ["a"])
    try matrix.evaluation("E0_seed0/eval", [("a", (0..<20).map { $0 < 11 })])
    let html = try matrix.report().html()
    #expect(
      html.contains(
        "Observed: the one finished run of E0 succeeds in 55.0 %. Assumed, because one seed does not show it: the true rates "
          + "of training seeds have an SD of 3.0 points. Then one seed per arm compares two checkpoints, not methods"))
  }
}
