import ExperimentStatistics
import Failures
import Foundation
import PolicyEvaluation

/// A finding: one sentence, and its numbers.
struct Finding: Sendable {
  let headline: String
  let detail: String

  /// The detail with ranges and percents that do not break across lines.
  var unbroken: String { detail.replacing(" … ", with: "\u{A0}…\u{A0}").replacing(" %", with: "\u{A0}%") }

  var text: String { "\(headline) \(detail)" }

  func worded(_ wording: (String) -> String) -> Finding {
    Finding(headline: wording(headline), detail: wording(detail))
  }
}

extension Comparison {
  /// What the comparison supports; without a verdict while planned runs are missing.
  func finding(isPreliminary: Bool) -> Finding {
    switch result {
    case .failure(let reason):
      return Finding(
        headline: "\(treatment) is not compared with \(baseline).", detail: "\(message(of: reason).capitalizedFirst).")
    case .success(let comparison):
      guard !isPreliminary else {
        return Finding(headline: "\(treatment) and \(baseline) so far:", detail: comparison.figures(adjustedP, look))
      }
      let reservation = allowed.isEmpty ? "" : "Although \(allowed.joined(separator: ", ")) may differ: "
      let control = isControl ? [comparison.control(treatment, baseline, at: look)] : []
      return Finding(
        headline: reservation + statement(comparison),
        detail: ([comparison.figures(adjustedP, look), comparison.meaning(verdict)] + control).joined(separator: " "))
    }
  }

  private func statement(_ comparison: MethodComparison) -> String {
    switch verdict {
    case .methods(.better): return "\(treatment) is better than \(baseline)."
    case .methods(.worse): return "\(treatment) is worse than \(baseline)."
    case .methods(.cannotTell), nil:
      return "These runs cannot tell whether \(treatment) is better or worse than \(baseline)."
    case .checkpoints(let answer):
      let seed = comparison.bySeed.first?.seed ?? 0
      let (one, other) = ("The checkpoint \(treatment)_seed\(seed)", "the checkpoint \(baseline)_seed\(seed)")
      switch answer {
      case .better: return "\(one) reached the goal more often than \(other)."
      case .worse: return "\(one) reached the goal less often than \(other)."
      case .cannotTell:
        let first = one.prefix(1).lowercased() + one.dropFirst()
        return "These episodes cannot tell whether \(first) or \(other) does better."
      }
    }
  }
}

extension MethodComparison {
  /// The difference, its interval and the tests.
  fileprivate func figures(_ adjustedP: Double?, _ look: SequentialPlan.Look?) -> String {
    let tests = [
      runs.map { "t test over \($0.degreesOfFreedom + 2) runs p \($0.p().equation)" },
      "exact McNemar p \(pairs.p.equation)",
      look?.planned == 1 ? evidence.map { "e-process p \($0.p.equation)" } : nil,
      adjustedP.map { "p over all comparisons (Holm) \($0.equation)" },
    ].compactMap(\.self).joined(separator: ", ")
    var sentences = [
      "\(difference.points.capitalizedFirst) points, 95 % interval \(interval(at: look).points)\(look?.planned ?? 1 > 1 ? " over all looks" : ""), \(tests)."
    ]
    if bySeed.count > 1 {
      let differences = bySeed.map(\.pairs.difference.points).joined(separator: ", ")
      sentences.append("By training seed the difference is \(differences) points.")
    }
    return sentences.joined(separator: " ")
  }

  /// What the verdict is about, and what it could not have seen.
  fileprivate func meaning(_ verdict: Verdict?) -> String {
    switch verdict {
    case .checkpoints:
      "With one training seed each this says nothing about the methods: another seed may give the opposite."
    case .methods(.cannotTell), nil:
      smallestDifference.map {
        "This does not prove equality: if runs spread as these did, the t test alone rejects it in 80 % of experiments only from "
          + "a true difference of about \(Int(($0 * 100).rounded(.up))) points on."
      } ?? "This does not prove equality."
    case .methods: ""
    }
  }

  /// The true difference at which the t test over so many runs, which vary as these do, rejects equality in 80 % of
  /// experiments.
  private var smallestDifference: Double? {
    guard let runs, runs.standardError > 0 else { return nil }
    let t = StudentT(degreesOfFreedom: Double(runs.degreesOfFreedom))
    return (t.quantile(0.975) + t.quantile(0.8)) * runs.standardError
  }

  /// Whether the added parameters alone change the result.
  fileprivate func control(_ control: String, _ baseline: String, at look: SequentialPlan.Look?) -> String {
    let test = equivalence(at: look)
    let kind = look == nil ? "90 % interval" : "95 % interval over all looks"
    let margin = "±\(Int(Comparison.controlMargin * 100)) points (\(kind) \(test.interval.points))"
    let unit = runs == nil ? " for these two checkpoints" : ""
    switch test.answer {
    case .equivalent: return "The capacity control holds\(unit): \(control) and \(baseline) are equal within \(margin)."
    case .different:
      return
        "The capacity control fails\(unit): \(control) and \(baseline) are not equal within \(margin), so the added parameters alone "
        + "change the result, and no effect of a treatment can be attributed to its memory."
    case .cannotTell:
      return "The capacity control is undecided\(unit): these runs cannot show equality within \(margin)."
    }
  }
}

extension String {
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

extension Double {
  fileprivate var equation: String { self < 0.001 ? probability : "= " + probability }
}

extension ClosedRange<Double> {
  /// `−12.1 … +17.0`
  var points: String { "\(lowerBound.points) … \(upperBound.points)" }
  /// `57.2 … 83.9`
  var percent: String { "\(lowerBound.percent) … \(upperBound.percent)" }
}

extension Finding {
  /// What was seen besides the comparisons, and whether it is more than chance.
  static func observations(_ runs: RecordedRuns, rows: [ResultRow]) -> [Finding] {
    func rate(_ experiment: String, _ condition: String) -> SuccessRate? {
      rows.first { $0.experiment == experiment && $0.condition == condition && $0.isHeadline && $0.refused.isEmpty }?
        .rate
    }
    // A pooled interval is too narrow for runs that differ, so each run must show it by itself.
    let name = runs.roles.baseline
    let trained = runs.runs.compactMap { heldGate($0, in: runs) } + training(runs)
    guard let baseline = rate(name, "eval") else { return trained }
    let own = runs.runs(of: name)
    // One run says nothing of another seed.
    let subject = own.count == 1 ? own[0].name : name
    let runRates = own.compactMap { $0.evaluations["eval"]?.rate }
    let chance = rate("random", "eval").map { aboveChance(subject, baseline, runRates, $0) }
    let listens = rate(name, "eval_contrary").map { listening(subject, baseline, runRates, $0) }
    return [chance, listens].compactMap(\.self) + trained
  }

  private static func training(_ runs: RecordedRuns) -> [Finding] {
    runs.experiments.compactMap { TrainingFindings($0, in: runs) }.flatMap(\.all)
  }

  private static func aboveChance(
    _ name: String, _ baseline: SuccessRate, _ runs: [SuccessRate], _ random: SuccessRate
  ) -> Finding {
    let rates = "It succeeds in \(baseline.text), a random policy in \(random.text)."
    guard differAlike(runs, from: random) else {
      return Finding(
        headline: "These episodes do not show that \(name) has learned anything.",
        detail: "\(rates) \(runs.count > 1 ? "Not every run's interval is clear of it." : "The intervals overlap.")")
    }
    let better = baseline.share > random.share
    return Finding(headline: "\(name) does \(better ? "better" : "worse") than chance.", detail: rates)
  }

  /// Whether every run's interval lies clear of another rate's, all on one side.
  private static func differAlike(_ runs: [SuccessRate], from other: SuccessRate) -> Bool {
    runs.allSatisfy { $0.interval.lowerBound > other.interval.upperBound }
      || runs.allSatisfy { $0.interval.upperBound < other.interval.lowerBound }
  }

  private static func listening(
    _ name: String, _ baseline: SuccessRate, _ runs: [SuccessRate], _ contrary: SuccessRate
  ) -> Finding {
    let rates = "Given the contrary instruction, it reaches the original goal in \(contrary.text)."
    guard differAlike(runs, from: contrary) else {
      return Finding(
        headline: "These episodes do not show that \(name) follows the instruction.",
        detail: "\(rates) The interval overlaps that of \(runs.count > 1 ? "a run" : name) with the true instruction.")
    }
    let isLower = contrary.share < baseline.share
    return Finding(
      headline: isLower
        ? "\(name) follows the instruction." : "\(name) does better with the contrary instruction: investigate this.",
      detail: rates)
  }
}
