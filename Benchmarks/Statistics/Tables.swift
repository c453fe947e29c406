import ExperimentStatistics
import Foundation

/// The tables that the program prints.
struct Tables {
  private var rule = Table(
    "False announcements, coverage and power (of the right sign) of one comparison",
    ["SD", "seeds", "false", "McN", "t", "Holm5", "raw5", "cover", "cov t", "2 pt", "5 pt", "10 pt", "−5 pt"]
      + ["t: 2", "5", "10", "plan: 2", "5", "10", "−5"])
  private var coverage = Table(
    "Coverage of the printed and of the t interval by true difference; how often the printed one contradicts the answer",
    ["SD", "seeds", "0 pt", "2 pt", "5 pt", "10 pt", "t: 0", "2", "5", "10", "contradicts: 0", "2", "5", "10"])
  private var equivalence = Table(
    "Equivalence with a margin of \(Study.margin) points, by true difference",
    ["SD", "seeds", "equivalent: 0", "2", "5", "10", "different: 0", "2", "5", "10"])
  private var sequential = Table(
    "Five looks after 2 … 6 seeds: announcements at any look, and the mean of seeds used",
    ["SD", "plan", "false", "2 pt", "5 pt", "10 pt", "seeds: 0", "2", "5", "10"])
  private var checkpoints = Table(
    "Two checkpoints: five looks and every episode; only with SD 0 are the checkpoints of equal arms equal",
    ["SD", "McN: 0", "e looks: 0", "e any: 0", "2 pt", "5 pt", "10 pt", "episodes: 0", "2", "5", "10"])

  mutating func add(_ study: Study, _ tally: Tally, _ bars: Bars, deviation: String) {
    for seeds in Study.seedCounts { addSeeds(seeds, tally, bars, deviation) }
    addSequential(tally, deviation)
    let points = [0, 2, 5, 10]
    checkpoints.add(
      [deviation]
        + percent([.announcedAtLooks, .decidedAtLooks, .decidedAtAnyTime].map { tally.percent($0, seeds: 1) })
        + percent(points.dropFirst().map { tally.percent(.decidedAtAnyTime, seeds: 1, points: $0) })
        + points.map { String(format: "%.0f", tally.mean(.episodesUsed, seeds: 1, points: $0)) })
  }

  /// A study whose arms vary unequally, which no rule here is exact for.
  mutating func addUneven(_ tally: Tally, deviation: String) {
    for seeds in Study.seedCounts { addSeeds(seeds, tally, nil, deviation) }
    addSequential(tally, deviation)
  }

  private mutating func addSeeds(_ seeds: Int, _ tally: Tally, _ bars: Bars?, _ deviation: String) {
    func cells(_ measure: Tally.Measure, _ points: [Int] = [0]) -> [String] {
      percent(points.map { tally.percent(measure, seeds: seeds, points: $0) })
    }
    let row = [deviation, "\(seeds)"]
    let errors = cells(.announced) + cells(.announcedByEpisodes) + cells(.announcedByRuns)
    let family = cells(.anyOfFiveWithHolm) + cells(.anyOfFive)
    let power = cells(.announced, [2, 5, 10, -5]) + cells(.announcedByRuns, [2, 5, 10])
    let plans = bars.map { bars in percent([2, 5, 10, -5].map { bars.plan(points: $0, seeds: seeds) }) } ?? []
    rule.add(row + errors + family + cells(.covered) + cells(.coveredByRuns) + power + plans)
    let points = [0, 2, 5, 10]
    coverage.add(
      row + cells(.covered, points) + cells(.coveredByRuns, points) + cells(.intervalContradictsAnswer, points))
    equivalence.add(row + cells(.equivalent, points) + cells(.different, points))
  }

  private mutating func addSequential(_ tally: Tally, _ deviation: String) {
    let last = Study.looks.upperBound
    let points = [0, 2, 5, 10]
    func cells(_ measure: Tally.Measure) -> [String] {
      percent(points.map { tally.percent(measure, seeds: last, points: $0) })
    }
    for shape in Tally.AlphaShape.allCases {
      let seeds = points.map { String(format: "%.1f", tally.mean(.seedsUsed(shape), seeds: last, points: $0)) }
      sequential.add([deviation, "\(shape)"] + cells(.announcedSequentially(shape)) + seeds)
    }
    sequential.add([deviation, "one look at 6"] + cells(.announced) + points.map { _ in "\(last)" })
    sequential.add([deviation, "5 % at each look"] + cells(.announcedWithoutPlan))
    sequential.add([deviation, "any of 5, Holm"] + percent([tally.percent(.anyOfFiveAtLooks, seeds: last)]))
  }

  private func percent(_ values: [Double]) -> [String] { values.map { String(format: "%.1f", $0) } }

  var text: String {
    [rule, coverage, equivalence, sequential, checkpoints].map(\.text).joined(separator: "\n")
  }
}

/// A title, and columns aligned to the right.
struct Table {
  private let title: String
  private var rows: [[String]]

  init(_ title: String, _ header: [String]) {
    self.title = title
    rows = [header]
  }

  mutating func add(_ row: [String]) { rows.append(row) }

  var text: String {
    let widths = rows[0].indices.map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    let lines = rows.map { row in
      zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
    }
    return "\n\(title)\n" + lines.joined(separator: "\n")
  }
}
