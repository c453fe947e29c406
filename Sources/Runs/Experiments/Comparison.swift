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

  /// The largest difference between E1 and E0 that counts as none, as a share.
  static let controlMargin = 0.05

  /// Compares the plain evaluations of all training seeds of two arms.
  ///
  /// - Parameter allowed: entries of protocols and training records that may differ.
  init(_ treatment: String, against baseline: String, in runs: RecordedRuns, allowing allowed: [String] = []) {
    self.treatment = treatment
    self.baseline = baseline
    self.allowed = allowed
    isControl = runs.roles.isControl(treatment)
    result = Result {
      try Self.compared(runs.runs(of: treatment), runs.runs(of: baseline), treatment, baseline, allowed)
    }
  }

  /// Comparisons of several arms with one baseline, which share one probability of a false announcement.
  static func family(
    of arms: [String], against baseline: String, in runs: RecordedRuns, allowing allowed: [String]
  ) -> [Comparison] {
    var all = arms.map { Comparison($0, against: baseline, in: runs, allowing: allowed) }
    let family = ComparisonFamily(all.compactMap { try? $0.result.get() })
    var judgements = zip(family.adjustedP, family.verdicts()).makeIterator()
    for index in all.indices where (try? all[index].result.get()) != nil {
      guard let (p, verdict) = judgements.next() else { break }
      (all[index].adjustedP, all[index].verdict) = (p, verdict)
    }
    return all
  }

  private static func compared(
    _ treatment: [RecordedRun], _ baseline: [RecordedRun], _ treatmentName: String, _ baselineName: String,
    _ allowed: [String]
  ) throws -> MethodComparison {
    for (runs, name) in [(treatment, treatmentName), (baseline, baselineName)] where runs.isEmpty {
      throw Failure("\(name) has no run")
    }
    let seeds = (treatment.map(\.seed), baseline.map(\.seed))
    guard seeds.0 == seeds.1 else {
      throw Failure(
        "training seeds differ: \(treatmentName) has \(seeds.0.listed), \(baselineName) has \(seeds.1.listed)")
    }
    try requireDifferentCheckpoints(treatment + baseline)
    var pairs: [(treatment: EvaluatedRun, baseline: EvaluatedRun)] = []
    var first: RecordedEvaluation?
    for (one, other) in zip(treatment, baseline) {
      let (mine, theirs) = try matched(one, other, allowed)
      // All seeds are of one method, so all must have been evaluated alike, not only the two of a pair.
      if let first { try requireAlike(first, mine, treatment[0].name, one.name, except: allowed) }
      first = first ?? mine
      pairs.append(
        (
          EvaluatedRun(seed: one.seed, successes: mine.episodes.map(\.isSuccess)),
          EvaluatedRun(seed: one.seed, successes: theirs.episodes.map(\.isSuccess))
        ))
    }
    return try MethodComparison(pairs.map(\.treatment), against: pairs.map(\.baseline))
  }

  /// Refuses copies of a run, which would count as independent.
  private static func requireDifferentCheckpoints(_ runs: [RecordedRun]) throws {
    var names: [String: String] = [:]
    for run in runs {
      if let seed = run.training?["seed"]?.integer, seed != run.seed {
        throw Failure("\(run.name) was trained with seed \(seed), so it is not the run that its folder names")
      }
      guard let hash = run.evaluations["eval"]?.setting("model_sha256")?.string else { continue }
      if let known = names[hash] { throw Failure("\(known) and \(run.name) are one checkpoint under two names") }
      names[hash] = run.name
    }
  }

  /// The two runs' evaluations, if they were trained on as many samples and evaluated on the same episodes.
  private static func matched(
    _ one: RecordedRun, _ other: RecordedRun, _ allowed: [String]
  ) throws -> (RecordedEvaluation, RecordedEvaluation) {
    let (first, second) = (try one.wholeEvaluation(), try other.wholeEvaluation())
    if let samples = one.samples, let others = other.samples, samples != others {
      throw Failure("sample budgets differ: \(one.name) saw \(samples) samples, \(other.name) saw \(others)")
    }
    let except = RecordDifferences.armEntries + allowed
    try requireAlike(first, second, one.name, other.name, except: except)
    if (one.record == nil) != (other.record == nil) {
      let lacking = one.record == nil ? one.name : other.name
      throw Failure("\(lacking) has no training_record.json, so how it was trained cannot be compared")
    }
    if let record = one.record, let theirs = other.record {
      let differences = RecordDifferences.between(
        record, theirs, ignoring: RecordDifferences.incidentalToTraining + except)
      if let failure = RecordDifferences.failure(differences, one.name, other.name) {
        throw Failure("they were not trained alike: \(failure)")
      }
    }
    return (first, second)
  }

  private static func requireAlike(
    _ first: RecordedEvaluation, _ second: RecordedEvaluation, _ firstName: String, _ secondName: String,
    except allowed: [String]
  ) throws {
    guard first.tasks == second.tasks else {
      throw Failure(
        "tasks differ: \(firstName) was evaluated on \(first.tasks.listed), \(secondName) on \(second.tasks.listed)")
    }
    for task in first.tasks {
      let counts = (first.rate(ofTask: task).episodes, second.rate(ofTask: task).episodes)
      guard counts.0 == counts.1 else {
        throw Failure("episode counts differ: \(firstName) has \(counts.0) of \(task), \(secondName) has \(counts.1)")
      }
    }
    for key in ["seed", "n_action_steps"] {
      let name = key == "seed" ? "evaluation seed" : key
      guard let one = first.setting(key), let other = second.setting(key) else {
        let missing = first.setting(key) == nil ? firstName : secondName
        throw Failure("the \(name) of \(missing) is not recorded in its protocol, so it cannot be compared")
      }
      guard one == other else {
        throw Failure("\(name) differs: \(one.plain) in \(firstName), \(other.plain) in \(secondName)")
      }
    }
    for (evaluation, name) in [(first, firstName), (second, secondName)] where !allowed.contains("ablation") {
      guard let ablation = evaluation.ablation else { continue }
      throw Failure(
        "\(name) was evaluated under the ablation \(ablation), which says nothing about the method; evaluate it without "
          + "(`ablate` compares the conditions of one checkpoint)")
    }
    for (one, other) in zip(first.episodes, second.episodes) where one.instruction != other.instruction {
      func shown(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "not recorded" }
      throw Failure(
        "instructions differ: episode \(one.index) of \(one.task) was \(shown(one.instruction)) in \(firstName), "
          + "\(shown(other.instruction)) in \(secondName)")
    }
    let differences = RecordDifferences.between(
      first.manifest, second.manifest, ignoring: RecordDifferences.incidentalToEvaluation + allowed)
    if let failure = RecordDifferences.failure(differences, firstName, secondName) {
      throw Failure("they were not evaluated alike: \(failure)")
    }
  }
}

extension Sequence where Element: CustomStringConvertible {
  /// `a, b, c`, cut after eight.
  var listed: String {
    let all = map(\.description)
    return all.prefix(8).joined(separator: ", ") + (all.count > 8 ? " and \(all.count - 8) more" : "")
  }
}
