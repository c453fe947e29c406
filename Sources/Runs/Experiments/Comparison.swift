import ExperimentStatistics
import Failures
import Foundation
import ModelFiles
import PolicyEvaluation

/// A comparison of two arms over their training runs, or the reason why they cannot be compared.
struct Comparison: Sendable {
  /// The arm and the one it is compared with.
  let treatment: String, baseline: String
  /// Whether the arm controls for the treatment's parameters, so that it must equal the baseline.
  let isControl: Bool
  /// Entries of the records that may differ, by the user's word.
  let allowed: [String]
  /// The comparison, treatment first, or why there is none.
  let result: Result<MethodComparison, any Error>
  /// Holm's adjusted p over the comparisons of the report; nil without a comparison.
  private(set) var adjustedP: Double?
  /// What the comparison shows at 5 % over all of them; nil without a comparison.
  private(set) var verdict: Verdict?
  /// The look of a sequential plan at which it is made; nil if it is made once, when all is there.
  let look: SequentialPlan.Look?

  /// The largest difference between a control and the baseline that counts as none, as a share.
  static let controlMargin = 0.05

  /// Compares the plain evaluations of the training seeds of two arms.
  ///
  /// - Parameters:
  ///   - allowed: entries of protocols and training records that may differ.
  ///   - look: the look of a sequential plan, whose seeds count; nil for all seeds.
  init(
    _ treatment: String, against baseline: String, in runs: RecordedRuns, allowing allowed: [String] = [],
    look: SequentialPlan.Look? = nil
  ) {
    (self.treatment, self.baseline, self.allowed, self.look) = (treatment, baseline, allowed, look)
    isControl = runs.roles.isControl(treatment)
    result = Result { try Self.compared(treatment, baseline, in: runs, allowed, look) }
  }

  /// Comparisons of several arms with one baseline, which share one probability of a false announcement.
  static func family(
    of arms: [String], against baseline: String, in runs: RecordedRuns, allowing allowed: [String],
    look: SequentialPlan.Look? = nil
  ) -> [Comparison] {
    var all = arms.map { Comparison($0, against: baseline, in: runs, allowing: allowed, look: look) }
    let family = ComparisonFamily(all.compactMap { try? $0.result.get() })
    let sequential = look.flatMap { family.verdicts(atLook: $0.seeds.count, of: $0.planned) }
    let adjustedP = look?.planned == 1 ? family.adjustedEvidenceP : family.adjustedP
    var judgements = zip(adjustedP, sequential ?? family.verdicts()).makeIterator()
    for index in all.indices where (try? all[index].result.get()) != nil {
      guard let (p, verdict) = judgements.next() else { break }
      (all[index].adjustedP, all[index].verdict) = (p, verdict)
    }
    return all
  }

  private static func compared(
    _ treatmentName: String, _ baselineName: String, in all: RecordedRuns, _ allowed: [String],
    _ look: SequentialPlan.Look?
  ) throws -> MethodComparison {
    let seeds = look.map { Set($0.seeds) }
    let (treatment, baseline) = (
      all.runs(of: treatmentName, seeds: seeds), all.runs(of: baselineName, seeds: seeds)
    )
    if let damaged = all.damaged.first(where: { [treatmentName, baselineName].contains($0.experiment) }) {
      throw Failure(damaged.text)
    }
    for (runs, name) in [(treatment, treatmentName), (baseline, baselineName)] where runs.isEmpty {
      throw Failure("\(name) has no run; train it, or leave it out of the plan")
    }
    let numbers = (treatment.map(\.seed), baseline.map(\.seed))
    guard numbers.0 == numbers.1 else {
      throw Failure(
        "training seeds differ: \(treatmentName) has \(numbers.0.listed), \(baselineName) has \(numbers.1.listed); train the "
          + "missing runs")
    }
    let pairs = try zip(treatment, baseline).map { try matched($0, $1, allowed) }
    try requireDifferentCheckpoints(treatment + baseline)
    // All seeds are of one method, so all must have been trained and evaluated alike, not only the two of a pair.
    try requireOneMethod(treatment, pairs.map(\.0), allowed)
    try requireOneMethod(baseline, pairs.map(\.1), allowed)
    func evaluated(_ runs: [RecordedRun], _ evaluations: [RecordedEvaluation]) -> [EvaluatedRun] {
      zip(runs, evaluations).map { EvaluatedRun(seed: $0.seed, successes: $1.inTurn.map(\.isSuccess)) }
    }
    return try MethodComparison(
      evaluated(treatment, pairs.map(\.0)), against: evaluated(baseline, pairs.map(\.1)))
  }
}

extension RecordedEvaluation {
  /// The episodes with the tasks in turn, so that any first part of them is of all tasks.
  var inTurn: [Episode] {
    let places = Dictionary(uniqueKeysWithValues: tasks.enumerated().map { ($1, $0) })
    return episodes.sorted { ($0.index, places[$0.task] ?? 0) < ($1.index, places[$1.task] ?? 0) }
  }
}

extension Sequence where Element: CustomStringConvertible {
  /// `a, b, c`, cut after eight.
  var listed: String {
    let all = map(\.description)
    return all.prefix(8).joined(separator: ", ") + (all.count > 8 ? " and \(all.count - 8) more" : "")
  }
}
