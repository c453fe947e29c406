import ExperimentStatistics
import Failures
import Foundation
import PolicyEvaluation

/// A finding: one sentence, and its numbers.
struct Finding: Sendable {
  let verdict: String
  let detail: String

  /// The detail with ranges that do not break across lines.
  var unbroken: String { detail.replacingOccurrences(of: " … ", with: "\u{A0}…\u{A0}") }

  var text: String { "\(verdict) \(detail)" }
}

extension Comparison {
  /// What the comparison supports.
  var finding: Finding {
    switch result {
    case .failure(let reason):
      return Finding(
        verdict: "\(treatment) is not compared with \(baseline).", detail: "\(message(of: reason).capitalizedFirst).")
    case .success(let pairs):
      let control = treatment == "E1" ? " " + pairs.control : ""
      let reservation = allowed.isEmpty ? "" : "Although \(allowed.joined(separator: ", ")) may differ: "
      return Finding(verdict: reservation + pairs.verdict(treatment, baseline), detail: pairs.detail + control)
    }
  }
}

extension Comparison.Pairs {
  fileprivate func verdict(_ treatment: String, _ baseline: String) -> String {
    guard all.p < 0.05 else {
      return "No difference between \(treatment) and \(baseline) that \(all.count) episodes could detect."
    }
    let direction = all.difference > 0 ? "more" : "less"
    return "\(treatment) reached the goal \(direction) often than \(baseline) in the same \(all.count) episodes."
  }

  fileprivate var detail: String {
    var sentences = [
      "\(all.difference.points.capitalizedFirst) points, 95 % interval \(all.interval.points), exact McNemar p \(all.p.equation)."
    ]
    if all.p >= 0.05 {
      let visible = all.smallestVisibleDifference.map { Int(($0 * 100).rounded(.up)) }
      sentences.append(
        visible.map {
          "This does not prove equality: only a true difference of about \($0) points or more would have been detected in four "
            + "of five repetitions."
        } ?? "So few episodes cannot detect any difference.")
    }
    sentences.append(
      seeds.count == 1
        ? "One training seed each, so this compares two checkpoints, not two methods."
        : "Episodes of the \(seeds.count) training seeds are counted as independent; by seed the difference is "
          + seeds.map(\.pairs.difference.points).joined(separator: ", ") + " points.")
    return sentences.joined(separator: " ")
  }

  /// Whether the added parameters alone change the result.
  fileprivate var control: String {
    intervalsOverlap
      ? "As far as these episodes show, the capacity control holds: E1's and E0's intervals overlap."
      : "The capacity control fails: E1's and E0's intervals do not overlap, so the added parameters alone change the "
        + "result, and no effect of E2 can be attributed to its memory."
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
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
  /// What was seen, and whether it is more than chance.
  static func all(_ runs: RecordedRuns, rows: [ResultRow], comparisons: [Comparison]) -> [Finding] {
    func rate(_ experiment: String, _ condition: String) -> SuccessRate? {
      rows.first { $0.experiment == experiment && $0.condition == condition && $0.isHeadline }?.rate
    }
    let baseline = rate("E0", "eval")
    let chance = baseline.flatMap { baseline in rate("random", "eval").map { aboveChance(baseline, $0) } }
    let listens = baseline.flatMap { baseline in rate("E0", "eval_contrary").map { listening(baseline, $0) } }
    return [chance, listens].compactMap(\.self) + comparisons.map(\.finding) + runs.runs.compactMap(training)
  }

  private static func aboveChance(_ baseline: SuccessRate, _ random: SuccessRate) -> Finding {
    let rates = "It succeeds in \(baseline.text), a random policy in \(random.text)."
    if baseline.interval.overlaps(random.interval) {
      return Finding(
        verdict: "These episodes do not show that E0 has learned anything.", detail: "\(rates) The intervals overlap."
      )
    }
    let better = baseline.share > random.share
    return Finding(verdict: better ? "E0 does better than chance." : "E0 does worse than chance.", detail: rates)
  }

  private static func listening(_ baseline: SuccessRate, _ contrary: SuccessRate) -> Finding {
    let rates = "Given the contrary instruction, it reaches the original goal in \(contrary.text)."
    if baseline.interval.overlaps(contrary.interval) {
      return Finding(
        verdict: "These episodes do not show that E0 follows the instruction.",
        detail: "\(rates) The interval overlaps that of E0 with the true instruction.")
    }
    let isLower = contrary.share < baseline.share
    return Finding(
      verdict: isLower
        ? "E0 follows the instruction." : "E0 does better with the contrary instruction: investigate this.",
      detail: rates)
  }

  /// The progress of a Prophet and its gate; nil for a run without one or with a zeroed memory.
  private static func training(_ run: RecordedRun) -> Finding? {
    guard run.policy?["world_memory_mode_train"]?.string != "zero", let curves = run.metrics?.curves else { return nil }
    let cosine = curves["world_cos"]?.firstAndLast, gate = curves["world_gate"]?.firstAndLast
    guard cosine != nil || gate != nil else { return nil }
    let verdict = cosine.map {
      $0.last > $0.first
        ? "The Prophet of \(run.name) learned to predict." : "The Prophet of \(run.name) did not improve."
    }
    let details = [
      cosine.map { "Its cosine with the true latents went from \($0.first.short) to \($0.last.short) in training." },
      gate.map { "The gate went from \($0.first.short) to \($0.last.short)." },
    ]
    return Finding(
      verdict: verdict ?? "\(run.name) logged its gate, but no world_cos.",
      detail: details.compactMap(\.self).joined(separator: " "))
  }
}
