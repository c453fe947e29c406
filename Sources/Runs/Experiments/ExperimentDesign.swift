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

  /// A success rate of the baseline and an SD of its true rate between training seeds, both shares, each with a sentence that
  /// says whether it is observed or assumed.
  struct Basis {
    let rate: Double, deviation: Double
    let rateSource: String, deviationSource: String
  }

  /// What it finds with 80 % power, one line for the assumption and one for what the finished baseline runs in `root` show.
  ///
  /// - Parameters:
  ///   - baseline: the assumed success rate of the baseline, a share.
  ///   - deviation: the assumed standard deviation between training seeds, a share.
  public func lines(baseline: Double, deviation: Double, root: URL) -> [String] {
    let assumed = Basis(
      rate: baseline, deviation: deviation, rateSource: "Assumed: the baseline succeeds in \(baseline.percent) %",
      deviationSource: "Assumed: the true rates of its training seeds have an SD of \(deviation.percent) points")
    let observed = (try? RecordedRuns(root)).flatMap { basis($0, $0.roles.baseline, assumedDeviation: deviation) }
    return [assumed, observed].compactMap { $0.map(text) }
  }

  /// What is observed of the baseline, and assumed of the spread where one seed does not show it; nil before its first whole
  /// evaluation.
  func basis(_ runs: RecordedRuns, _ baseline: String, assumedDeviation: Double = 0.03) -> Basis? {
    let rates = runs.runs(of: baseline).compactMap { try? $0.wholeEvaluation().rate }
    guard let first = rates.first else { return nil }
    guard rates.count > 1 else {
      return Basis(
        rate: first.share, deviation: assumedDeviation,
        rateSource: "Observed: the one finished run of \(baseline) succeeds in \(first.share.percent) %",
        deviationSource: "Assumed, because one seed does not show it: the true rates of training seeds have an SD of "
          + "\(assumedDeviation.percent) points")
    }
    let shares = rates.map(\.share)
    let mean = shares.reduce(0, +) / Double(shares.count)
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shares.count - 1)
    // What a finite number of episodes adds is not a difference between seeds.
    let deviation = max(0, variance - mean * (1 - mean) / Double(first.episodes)).squareRoot()
    return Basis(
      rate: mean, deviation: deviation,
      rateSource: "Observed: the \(rates.count) finished runs of \(baseline) succeed in \(mean.percent) % on average",
      deviationSource: "Observed: an SD of \(deviation.percent) points between training seeds beyond the luck of the "
        + "episodes")
  }

  /// What a basis is, and what the rule for verdicts gives on it.
  func text(_ basis: Basis) -> String {
    let analysis = analysis(basis)
    let replaced =
      analysis.baseline == basis.rate
      ? ""
      : "; planned with \(analysis.baseline.percent) %, because a rate near 0 or 100 % leaves no noise to plan with"
    let found =
      seeds < 2
      ? "one seed per arm compares two checkpoints, not methods"
      : analysis.smallestDifference(seeds: seeds).map {
        "\(seeds) seeds per arm give the verdict in 80 % of experiments if an arm's true rate is \($0.percent) points "
          + (analysis.noisierSign < 0 ? "lower" : "higher")
      } ?? "\(seeds) seeds per arm give a verdict on no true difference in 80 % of experiments"
    let needed = [0.02, 0.05, 0.1].map { difference in
      let count = analysis.seedsNeeded(forDifference: difference, limit: 100).map { "\($0)" } ?? "more than 100"
      return "\(Int(difference * 100)) points take \(count)"
    }.joined(separator: ", ")
    return "\(basis.rateSource)\(replaced). \(basis.deviationSource). Then \(found). Seeds per arm for 80 %: \(needed)."
  }

  func analysis(_ basis: Basis) -> PowerAnalysis {
    PowerAnalysis(
      tasks: tasks, episodesPerTask: episodesPerTask, baseline: min(max(basis.rate, 0.02), 0.98),
      seedDeviation: basis.deviation)
  }
}
