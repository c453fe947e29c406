import Foundation

/// The report's tables in the formats of papers and spreadsheets.
extension ExperimentReport {
  /// The results and findings as Markdown.
  public var markdown: String {
    var lines = ["# \(title.oneLine)", ""]
    lines += ["| experiment | success | 95 % interval | episodes |", "|---|---|---|---|"]
    for row in rows {
      let cells = [
        row.label.trimmingCharacters(in: .whitespaces), "\(row.rate.share.percent) %", row.rate.interval.percent,
        "\(row.rate.successes)/\(row.rate.episodes)",
      ]
      lines.append(markdownRow(cells))
    }
    lines.append("")
    lines += (findings + warnings.map { "Warning: \($0)" } + missing.map { "Missing: \($0)" }).map { "- \($0.oneLine)" }
    lines += runs.runs.flatMap { run in run.ablations?.markdown(of: run.name) ?? [] }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The results of the arms as a LaTeX table.
  public var latex: String {
    let body = rows.filter(\.isHeadline).map { row in
      let name = (row.condition == "eval" ? row.experiment : "\(row.experiment), \(row.condition.dropFirst(5))").latex
      let mark = row.refused.isEmpty ? "" : " (refused)"
      let interval = "\(row.rate.interval.lowerBound.percent)--\(row.rate.interval.upperBound.percent)"
      return
        "\(name)\(mark) & \(row.rate.share.percent) & \(interval) & \(row.rate.successes)/\(row.rate.episodes) \\\\"
    }
    let note = preliminary == nil ? [] : ["% PRELIMINARY: planned runs are missing"]
    return
      (note + [
        "\\begin{tabular}{lrrr}", "\\hline", "arm & success (\\%) & 95\\,\\% interval & episodes \\\\", "\\hline",
      ]
      + body + ["\\hline", "\\end{tabular}"]).joined(separator: "\n") + "\n"
  }

  /// Every episode as a line of comma-separated values, without evaluations that were edited.
  ///
  /// `refused` is 1 for an evaluation that is no result of its run, such as one of other weights.
  public var csv: String {
    var lines = ["run,experiment,training_seed,evaluation,task,episode,success,steps,instruction,problem,refused"]
    func add(
      _ run: String, _ experiment: String, _ seed: String, _ name: String, _ evaluation: RecordedEvaluation,
      isRefused: Bool
    ) {
      for episode in evaluation.episodes {
        let fields = [
          run, experiment, seed, name, episode.task, String(episode.index), episode.isSuccess ? "1" : "0",
          episode.steps.map(String.init) ?? "", episode.instruction ?? "", episode.problem ?? "",
          isRefused ? "1" : "0",
        ]
        lines.append(fields.map(Self.field).joined(separator: ","))
      }
    }
    for run in runs.runs {
      for (name, evaluation) in run.places where evaluation.isUnchanged {
        let isRefused = run.refusal(of: run.evaluations[name] == nil ? "eval" : name) != nil
        add(run.name, run.experiment, String(run.seed), name, evaluation, isRefused: isRefused)
      }
    }
    if let random = runs.random { add("random", "random", "", "eval", random, isRefused: false) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A field as RFC 4180 has it; a leading sign is set off, because spreadsheets take it for a formula.
  private static func field(_ text: String) -> String {
    let formulas: Set<Unicode.Scalar> = ["=", "+", "-", "@"], separators: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
    let text = text.unicodeScalars.first.map(formulas.contains) == true ? "'" + text : text
    guard text.unicodeScalars.contains(where: separators.contains) else { return text }
    return "\"" + text.mapScalars { $0 == "\"" ? "\"\"" : nil } + "\""
  }
}

/// A row of a Markdown table; a bar or a line's end in a cell would end it.
func markdownRow(_ cells: [String]) -> String {
  let cells = cells.map { $0.oneLine.mapScalars { ["\\", "|"].contains($0) ? "\\\($0)" : nil } }
  return "| " + cells.joined(separator: " | ") + " |"
}

extension String {
  /// The text with spaces for the ends of its lines.
  var oneLine: String { split(whereSeparator: \.isNewline).joined(separator: " ") }

  /// The text as LaTeX sets it, whatever characters it has.
  fileprivate var latex: String {
    oneLine.mapScalars { scalar in
      switch scalar {
      case "{", "}", "#", "$", "%", "&", "_": "\\\(scalar)"
      case "\\": "\\textbackslash{}"
      case "^": "\\textasciicircum{}"
      case "~": "\\textasciitilde{}"
      default: nil
      }
    }
  }

  /// The text with some scalars replaced: a sign and a combining mark after it are one `Character`, so a search by
  /// characters misses the sign.
  fileprivate func mapScalars(_ replacement: (Unicode.Scalar) -> String?) -> String {
    var result = ""
    for scalar in unicodeScalars { result += replacement(scalar) ?? String(scalar) }
    return result
  }
}
