import ExperimentStatistics
import Foundation

/// What an experiment can find before it is run, in words.
public struct ExperimentDesign: Sendable {
  /// Training seeds of each arm, tasks, and episodes of each task.
  public let seeds: Int, tasks: Int, episodesPerTask: Int

  public init(seeds: Int, tasks: Int, episodesPerTask: Int) {
    (self.seeds, self.tasks, self.episodesPerTask) = (seeds, tasks, episodesPerTask)
  }

  /// What it finds with 80 % power, one line for the assumption and one for what the finished baseline runs in `root` show.
  ///
  /// - Parameters:
  ///   - baseline: the assumed success rate of the baseline, a share.
  ///   - deviation: the assumed standard deviation between training seeds, a share.
  public func lines(baseline: Double, deviation: Double, root: URL) -> [String] {
    var lines = [line("assuming", baseline, deviation)]
    if let observed = observed(root) {
      lines.append(line("as the finished E0 runs show,", observed.mean, observed.deviation))
    }
    return lines
  }

  private func line(_ source: String, _ baseline: Double, _ deviation: Double) -> String {
    // A rate of 0 or 1 leaves no noise to plan with.
    let rate = min(max(baseline, 0.02), 0.98)
    let analysis = PowerAnalysis(
      tasks: tasks, episodesPerTask: episodesPerTask, baseline: rate, seedDeviation: deviation)
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

  /// The mean success of the finished baseline runs and how much their true rates vary; nil with fewer than two.
  private func observed(_ root: URL) -> (mean: Double, deviation: Double)? {
    guard let runs = try? RecordedRuns(root) else { return nil }
    let rates = runs.runs(of: runs.roles.baseline).compactMap { try? $0.wholeEvaluation().rate }
    guard rates.count >= 2 else { return nil }
    let shares = rates.map(\.share)
    let mean = shares.reduce(0, +) / Double(shares.count)
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shares.count - 1)
    // What a finite number of episodes adds is not a difference between seeds.
    let noise = mean * (1 - mean) / Double(rates[0].episodes)
    return (mean, max(0, variance - noise).squareRoot())
  }
}
