import ExperimentStatistics
import Foundation

/// A figure and the range that it must be in.
struct Bar: Sendable {
  let name: String
  let value: Double
  let range: ClosedRange<Double>

  var holds: Bool { range.contains(value) }

  var line: String {
    let ends = [range.lowerBound, range.upperBound].map { String(format: "%.1f", $0) }
    return "\(name): \(String(format: "%.2f", value)), expected \(ends[0]) … \(ends[1])"
  }
}

/// What has to hold in each study, in percent.
struct Bars {
  let study: Study
  let tally: Tally
  /// The experiments in the study.
  let count: Int

  /// Two standard errors of a rate of five percent.
  var error: Double { 200 * (0.05 * 0.95 / Double(count)).squareRoot() }

  /// The bars of a study whose arms vary alike.
  func all(seedDeviation: Int) -> [Bar] {
    Study.seedCounts.flatMap(rule) + sequential + checkpoints(seedDeviation) + published(seedDeviation)
      + Study.seedCounts.flatMap(planned)
  }

  private func bar(_ name: String, _ value: Double, _ range: ClosedRange<Double>) -> Bar {
    Bar(name: "\(study.name), \(name)", value: value, range: range)
  }

  private func rule(_ seeds: Int) -> [Bar] {
    func percent(_ measure: Tally.Measure, _ points: Int = 0) -> Double {
      tally.percent(measure, seeds: seeds, points: points)
    }
    // The printed interval agrees with the rule, so it covers as much more as the rule announces less.
    let most = max(98, 100.5 - percent(.announced))
    return [
      bar("\(seeds) seeds, false announcements", percent(.announced), 0...6),
      bar("\(seeds) seeds, any of five arms, with Holm", percent(.anyOfFiveWithHolm), 0...(5 + error)),
      bar("\(seeds) seeds, coverage of the t interval", percent(.coveredByRuns), 93...98),
      bar("\(seeds) seeds, equivalent at the margin", percent(.equivalent, Study.margin), 0...(5 + error)),
      bar("\(seeds) seeds, equal arms called different", percent(.different), 0...(5 + error)),
    ] + [0, 2, 5, 10].map { bar("\(seeds) seeds, coverage at \($0) points", percent(.covered, $0), 93...most) }
  }

  private var sequential: [Bar] {
    let last = Study.looks.upperBound
    return Tally.AlphaShape.allCases.map { shape in
      let rate = tally.percent(.announcedSequentially(shape), seeds: last)
      return bar("five looks, false announcements, \(shape)", rate, 0...(5 + error))
    } + [bar("five looks, any of five arms, with Holm", tally.percent(.anyOfFiveAtLooks, seeds: last), 0...(5 + error))]
  }

  /// Two checkpoints are equal only if runs of a method do not differ.
  private func checkpoints(_ deviation: Int) -> [Bar] {
    guard deviation == 0 else { return [] }
    return [
      bar("e-process, false decisions at any time", tally.percent(.decidedAtAnyTime, seeds: 1), 0...(5 + error))
    ]
  }

  /// The power of this rule from an earlier simulation in Python, by seeds and points.
  private func published(_ deviation: Int) -> [Bar] {
    let powers: [Int: [Int: [Double]]] = [
      1: [2: [8, 40, 91], 3: [18, 81, 100]], 3: [2: [5, 17, 59], 3: [9, 35, 94]],
    ]
    return [2, 3].flatMap { seeds in
      zip([2, 5, 10], powers[deviation]?[seeds] ?? []).map { points, power in
        let value = tally.percent(.announced, seeds: seeds, points: points)
        return bar("\(seeds) seeds, power at \(points) points", value, (power - 2)...min(100, power + 2))
      }
    }
  }

  /// The power that the planning formula expects.
  private func planned(_ seeds: Int) -> [Bar] {
    [2, 5, 10, -5].map { points in
      let value = tally.percent(.announced, seeds: seeds, points: points)
      let planned = plan(points: points, seeds: seeds)
      return bar("\(seeds) seeds, planned power at \(points) points", value, (planned - 6)...(planned + 6))
    }
  }

  /// The planned power in percent.
  func plan(points: Int, seeds: Int) -> Double {
    let analysis = PowerAnalysis(
      tasks: ExperimentModel.taskRates.count, episodesPerTask: ExperimentModel.episodesPerTask, baseline: 0.85,
      seedDeviation: study.seedDeviation, pairCorrelation: study.model.pairCorrelation)
    return 100 * analysis.power(ofDifference: Double(points) / 100, seeds: seeds)
  }
}
