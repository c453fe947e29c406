import Evaluation
import Foundation

extension Comparison {
  /// What the comparison's figures support, and no more.
  var finding: String {
    switch result {
    case .failure(let reason): return "\(treatment) is not compared with \(baseline): \(reason)."
    case .success(let pairs): return pairs.finding(treatment, baseline)
    }
  }
}

extension Comparison.Pairs {
  fileprivate func finding(_ treatment: String, _ baseline: String) -> String {
    let figures =
      "\(all.difference.points) points, 95 % interval \(all.interval.points), exact McNemar p \(all.p.equation)"
    var sentences: [String]
    if all.p < 0.05 {
      let direction = all.difference > 0 ? "more" : "less"
      sentences = [
        "\(treatment) reached the goal \(direction) often than \(baseline) in the same \(all.count) episodes: \(figures)."
      ]
    } else {
      sentences = [
        "No difference between \(treatment) and \(baseline) that \(all.count) episodes could see: \(figures)."
      ]
      if let visible = all.smallestVisibleDifference {
        sentences.append(
          "That is no proof of equality: only a true difference of about \(Int((visible * 100).rounded(.up))) points or "
            + "more would have shown in four of five repetitions.")
      } else {
        sentences.append("So few episodes could have shown no difference at all.")
      }
    }
    sentences.append(
      seeds.count == 1
        ? "One training seed each: this is said of two checkpoints, not of two methods."
        : "Episodes of the \(seeds.count) training seeds are counted as independent; by seed the difference is "
          + seeds.map { "\($0.pairs.difference.points)" }.joined(separator: ", ") + " points.")
    return sentences.joined(separator: " ")
  }
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

/// The sentences above the figures: each says what was seen, and whether it is more than chance.
struct Findings: Sendable {
  let sentences: [String]

  init(_ runs: RecordedRuns, rows: [ResultRow], comparisons: [Comparison]) {
    func headline(_ experiment: String, _ condition: String) -> SuccessRate? {
      rows.first { $0.experiment == experiment && $0.condition == condition && $0.isHeadline }?.rate
    }
    let baseline = headline("E0", "eval")
    var sentences: [String] = []
    if let baseline, let random = headline("random", "eval") {
      sentences.append(
        Self.contrast(
          baseline, random, "E0 succeeds in \(baseline.text), a random policy in \(random.text)",
          apart: "E0 has learned something: the two intervals do not touch.",
          together: "The two intervals overlap: these episodes do not show that E0 has learned anything."))
    }
    if let baseline, let contrary = headline("E0", "eval_contrary") {
      let isLower = contrary.share < baseline.share
      sentences.append(
        Self.contrast(
          baseline, contrary, "Told the contrary instruction, E0 still reaches the original goal in \(contrary.text)",
          apart: isLower ? "It listens to the instruction." : "It does better when told the contrary: look into this.",
          together: "The intervals overlap: these episodes do not show that it listens to the instruction."))
    }
    for comparison in comparisons {
      var sentence = comparison.finding
      if comparison.treatment == "E1", case .success(let pairs) = comparison.result {
        sentence +=
          pairs.intervalsOverlap
          ? " The capacity control holds as far as this can tell: E1's and E0's intervals overlap."
          : " The capacity control fails: E1's and E0's intervals do not overlap, so the added parameters alone change "
            + "the result and no effect of E2 can be put down to its memory."
      }
      sentences.append(sentence)
    }
    for run in runs.runs {
      guard let curves = run.metrics?.curves, curves["world_cos"] != nil || curves["world_gate"] != nil else {
        continue
      }
      // A zeroed memory has nothing to predict.
      guard run.policy?["world_memory_mode_train"]?.string != "zero" else { continue }
      let parts = [("world_cos", "cosine of predicted and true latents"), ("world_gate", "gate")].compactMap {
        key, name in
        curves[key]?.firstAndLast.map { "its \(name) went from \($0.first.short) to \($0.last.short)" }
      }
      if !parts.isEmpty {
        sentences.append("During the training of \(run.name) " + parts.joined(separator: " and ") + ".")
      }
    }
    self.sentences = sentences
  }

  private static func contrast(
    _ one: SuccessRate, _ other: SuccessRate, _ fact: String, apart: String, together: String
  ) -> String {
    "\(fact). " + (one.interval.overlaps(other.interval) ? together : apart)
  }
}
