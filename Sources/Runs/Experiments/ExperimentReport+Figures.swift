import ExperimentStatistics
import Failures
import Foundation
import ModelFiles
import OrderedCollections
import PolicyEvaluation

extension ExperimentReport {
  /// The results as JSON, with success rates and differences as fractions, −1 … 1.
  public var json: JSON {
    [
      "title": .string(title), "demonstration": .bool(isDemonstration),
      "findings": .array(findings.map(JSON.string)),
      "results": .array(rows.map(\.json)),
      "comparisons": .array(comparisons.map { $0.json(isPreliminary: preliminary != nil) }),
      "preliminary": preliminary.map(JSON.string) ?? .null, "look": look?.json ?? .null,
      "checks": .array(checks.map(\.json)),
      "aggregates": runs.aggregates(baseline: runs.roles.baseline),
      "ablations": .object(
        OrderedDictionary(runs.runs.compactMap { run in run.ablations.map { (run.name, $0.json) } }) { $1 }),
      "training": .object(OrderedDictionary(uniqueKeysWithValues: runs.runs.map { ($0.name, $0.trainingFigures) })),
      "missing": .array(missing.map(JSON.string)), "warnings": .array(warnings.map(JSON.string)),
    ]
  }

  /// The result table for a terminal.
  public func table() -> String {
    let heads = ["experiment", "success", "95 % interval", "episodes", "mean steps"]
    let body = rows.map { row in
      [
        row.label, row.rate.share.percent + " %", row.rate.interval.percent,
        "\(row.rate.successes)/\(row.rate.episodes)", row.meanSteps.map { String(format: "%.1f", $0) } ?? "–",
      ]
    }
    var table = TextTable([heads] + body).lines + [""]
    table += [preliminary, look?.text, amendment].compactMap(\.self)
    table += comparisons.map { $0.finding(isPreliminary: preliminary != nil).text }
    table += warnings.map { "Warning: \($0)" } + missing.map { "Missing: \($0)" }
    return table.joined(separator: "\n")
  }
}

extension ResultRow {
  /// `E0 · given the contrary instruction …` or, indented, one of its seeds.
  var label: String {
    let name = if case .seed(let seed) = part { "   seed \(seed)" } else { "\(experiment) · \(title)" }
    return name + refusedNote
  }

  /// ` · refused: E0_seed0`; empty if the checks refuse nothing that the row counts.
  var refusedNote: String { refused.isEmpty ? "" : " · refused: \(refused.listed)" }

  fileprivate var json: JSON {
    let seeds: [Int] =
      switch part {
      case .pooled(let seeds): seeds
      case .seed(let seed): [seed]
      case .untrained: []
      }
    return [
      "experiment": .string(experiment), "condition": .string(condition), "title": .string(title),
      "training_seeds": .array(seeds.map(JSON.integer)), "pooled": .bool(isHeadline && seeds.count > 1),
      "refused": .array(refused.map(JSON.string)),
      "success": rate.json, "mean_steps": meanSteps.map(JSON.number) ?? .null,
      "tasks": .object(OrderedDictionary(uniqueKeysWithValues: tasks.map { ($0.task, $0.rate.json) })),
    ]
  }
}

extension SuccessRate {
  var json: JSON {
    [
      "successes": .integer(successes), "episodes": .integer(episodes), "share": .number(share),
      "wilson_95": interval.json,
    ]
  }
}

extension ClosedRange<Double> {
  fileprivate var json: JSON { .array([.number(lowerBound), .number(upperBound)]) }
}

extension PairedSuccesses {
  /// Counts, difference and test, the first of the pair as the treatment.
  var json: JSON {
    [
      "episodes": .integer(count), "both": .integer(both), "only_treatment": .integer(onlyFirst),
      "only_baseline": .integer(onlySecond), "neither": .integer(neither), "difference": .number(difference),
      "newcombe_95": interval.json, "mcnemar_exact_p": .number(p),
      "smallest_visible_difference": smallestVisibleDifference.map(JSON.number) ?? .null,
    ]
  }
}

extension Comparison {
  fileprivate func json(isPreliminary: Bool) -> JSON {
    var json: OrderedDictionary<String, JSON> = [
      "treatment": .string(treatment), "baseline": .string(baseline),
      "finding": .string(finding(isPreliminary: isPreliminary).text),
    ]
    switch result {
    case .failure(let reason): json["refused"] = .string(message(of: reason))
    case .success(let comparison):
      json["unit"] = comparison.runs == nil ? "checkpoints" : "methods"
      json["verdict"] = isPreliminary ? .null : .string(verdict.map(\.word) ?? "")
      json["difference"] = .number(comparison.difference)
      json["interval_95"] = comparison.interval(at: look).json
      json["p_holm"] = adjustedP.map(JSON.number) ?? .null
      json["t_over_runs"] = comparison.runs?.json ?? .null
      if isControl { json["equivalence"] = comparison.equivalence(at: look).json }
      json["allowed_differences"] = .array(allowed.map(JSON.string))
      json["paired"] = comparison.pairs.json
      json["by_training_seed"] = .object(
        OrderedDictionary(comparison.bySeed.map { (String($0.seed), $0.pairs.json) }, uniquingKeysWith: { $1 }))
    }
    return .object(json)
  }
}

extension Verdict {
  fileprivate var word: String {
    let answer =
      switch self {
      case .methods(let answer), .checkpoints(let answer): answer
      }
    return switch answer {
    case .better: "better"
    case .worse: "worse"
    case .cannotTell: "cannot tell"
    }
  }
}

extension PooledT {
  fileprivate var json: JSON {
    [
      "degrees_of_freedom": .integer(degreesOfFreedom), "standard_error": .number(standardError), "p": .number(p()),
      "interval_95": interval(level: 0.95).json,
    ]
  }
}

extension EquivalenceTest {
  fileprivate var json: JSON {
    let word: JSON =
      switch answer {
      case .equivalent: "equivalent"
      case .different: "different"
      case .cannotTell: "cannot tell"
      }
    return ["margin": .number(margin), "interval_90": interval.json, "answer": word]
  }
}

extension RecordedRun {
  fileprivate var trainingFigures: JSON {
    guard let metrics else { return .null }
    let keys = metrics.curves.keys.sorted()
    let ends: [(String, JSON)] = keys.compactMap { key in
      metrics.curves[key]?.firstAndLast.map { (key, ["first": .number($0.first), "last_tenth": .number($0.last)]) }
    }
    return .object([
      "lines": .integer(metrics.lineCount),
      "last_step": metrics.curves["loss"]?.last.map { .integer(Int($0.step)) } ?? .null,
      "curves": .object(OrderedDictionary(ends, uniquingKeysWith: { $1 })),
    ])
  }
}
