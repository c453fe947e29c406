import ExperimentStatistics
import ModelFiles

/// Summaries of arms over tasks and runs; they describe, and decide nothing.
extension RecordedRuns {
  /// An arm's success rates by task, one for each whole evaluation; nil without any.
  func scores(of experiment: String) -> TaskScores? {
    let evaluations = runs(of: experiment).compactMap { try? $0.wholeEvaluation() }
    guard let first = evaluations.first, evaluations.allSatisfy({ $0.tasks == first.tasks }) else { return nil }
    return TaskScores(byTask: first.tasks.map { task in evaluations.map { $0.rate(ofTask: task).share } })
  }

  /// The interquartile mean of each arm, and how probably it improves on the baseline.
  func aggregates(baseline: String) -> JSON {
    let bootstrap = StratifiedBootstrap()
    let base = scores(of: baseline)
    let members = experiments.compactMap { experiment -> (String, JSON)? in
      guard let own = scores(of: experiment) else { return nil }
      var json: JSON = [
        "interquartile_mean": value(own.interquartileMean, bootstrap.interval(of: own) { $0.interquartileMean })
      ]
      if let base, experiment != baseline, base.byTask.count == own.byTask.count, var members = json.object {
        members["probability_of_improvement"] = value(
          own.probabilityOfImprovement(over: base),
          bootstrap.interval(of: own, base) { $0.probabilityOfImprovement(over: $1) })
        json = .object(members)
      }
      return (experiment, json)
    }
    return .object(.init(members, uniquingKeysWith: { $1 }))
  }

  private func value(_ value: Double, _ interval: ClosedRange<Double>) -> JSON {
    ["value": .number(value), "bootstrap_95": .array([.number(interval.lowerBound), .number(interval.upperBound)])]
  }
}
