import ExperimentStatistics
import Foundation

/// What an experiment can find before it is run, in words.
public struct ExperimentDesign: Sendable {
  /// Training seeds of each arm, tasks, and episodes of each task.
  public let seeds: Int, tasks: Int, episodesPerTask: Int

  public init(seeds: Int, tasks: Int, episodesPerTask: Int) {
    (self.seeds, self.tasks, self.episodesPerTask) = (seeds, tasks, episodesPerTask)
  }

  /// The design of an experiment that is under way; nil without a whole evaluation of its baseline.
  init?(of runs: RecordedRuns, baseline: String, plannedSeeds: Int?) {
    let whole = runs.runs(of: baseline).compactMap { try? $0.wholeEvaluation() }
    guard let first = whole.first, let task = first.tasks.first else { return nil }
    self.init(
      seeds: plannedSeeds ?? whole.count, tasks: first.tasks.count,
      episodesPerTask: max(1, first.rate(ofTask: task).episodes))
  }

  /// What it finds with 80 % power, one line for the assumption and one for what the finished baseline runs in `root` show.
  ///
  /// - Parameters:
  ///   - baseline: the assumed success rate of the baseline, a share.
  ///   - deviation: the assumed standard deviation between training seeds, a share.
  public func lines(baseline: Double, deviation: Double, root: URL) -> [String] {
    var lines = [line("assuming", baseline, deviation)]
    if let runs = try? RecordedRuns(root), let observed = observed(runs, runs.roles.baseline) {
      lines.append(line("as the finished \(runs.roles.baseline) runs show,", observed.mean, observed.deviation))
    }
    return lines
  }

  func line(_ source: String, _ baseline: Double, _ deviation: Double) -> String {
    let analysis = analysis(baseline: baseline, deviation: deviation)
    let rate = analysis.baseline
    let needed = [0.02, 0.05, 0.1].map { difference in
      "\(Int(difference * 100)) points take "
        + (analysis.seedsNeeded(forDifference: difference, limit: 100).map { "\($0) seeds" } ?? "more than 100 seeds")
    }.joined(separator: ", ")
    let found =
      seeds < 2
      ? "one seed per arm compares checkpoints, not methods"
      : analysis.smallestDifference(seeds: seeds).map {
        "\(seeds) seeds per arm find a true difference of \(String(format: "%.1f", $0 * 100)) points in four of five experiments"
      } ?? "\(seeds) seeds per arm find no difference reliably"
    return
      "\(source) \(rate.percent) % success and \(String(format: "%.1f", deviation * 100)) points between training seeds: "
      + "\(found); \(needed)"
  }

  func analysis(baseline: Double, deviation: Double) -> PowerAnalysis {
    // A rate of 0 or 1 leaves no noise to plan with.
    PowerAnalysis(
      tasks: tasks, episodesPerTask: episodesPerTask, baseline: min(max(baseline, 0.02), 0.98), seedDeviation: deviation
    )
  }

  /// The mean success of an arm's finished runs; nil without any.
  func rate(_ runs: RecordedRuns, _ arm: String) -> Double? {
    let shares = runs.runs(of: arm).compactMap { try? $0.wholeEvaluation().rate.share }
    return shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count)
  }

  /// The mean success of an arm's finished runs and how much their true rates vary; nil with fewer than two.
  func observed(_ runs: RecordedRuns, _ arm: String) -> (mean: Double, deviation: Double)? {
    let rates = runs.runs(of: arm).compactMap { try? $0.wholeEvaluation().rate }
    guard rates.count >= 2 else { return nil }
    let shares = rates.map(\.share)
    let mean = shares.reduce(0, +) / Double(shares.count)
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shares.count - 1)
    // What a finite number of episodes adds is not a difference between seeds.
    let noise = mean * (1 - mean) / Double(rates[0].episodes)
    return (mean, max(0, variance - noise).squareRoot())
  }
}
