import Failures
import Foundation
import ModelFiles

extension ReportPage {
  /// Where and with what the results were made, the data to take away, and how to cite them.
  var provenance: HTML {
    let columns = settingsColumns
    return """
      <h3>Data</h3>
      <ul class="downloads">\(downloads)</ul>
      <h3>Where and with what</h3>
      \(table(SettingsColumn.originRows(of: columns), columns))
      <h3>Versions and fingerprints</h3>
      \(table(SettingsColumn.versionRows(of: columns), columns))
      <h3>Command lines</h3>
      \(commandLines)
      <h3>How to cite</h3>
      <pre tabindex="0">\(citation)</pre>
      """
  }

  /// The episodes as a link within the page, and the files beside it.
  private var downloads: HTML {
    let csv = HTML.data(Array(report.csv.utf8), "text/csv;charset=utf-8")
    return """
      <li><a download="\(name).csv" href="\(csv)">\(name).csv</a> <span class="muted">every episode of every evaluation, one \
      per line; this page holds it</span></li>
      <li><a href="\(name).json">\(name).json</a> <span class="muted">all figures, with interquartile means and probabilities of \
      improvement; beside this page</span></li>
      <li><a href="\(name).md">\(name).md</a>, <a href="\(name).tex">\(name).tex</a> <span class="muted">the tables for Markdown \
      and LaTeX; beside this page</span></li>
      """
  }

  private var commandLines: HTML {
    let lines =
      report.runs.runs.flatMap { run in
        [(run.name, run.record?.nearest("command_line"))]
          + run.evaluations.sorted { $0.key < $1.key }.map { ("\(run.name)/\($0)", $1.setting("command_line")) }
      } + [report.runs.random.map { ("random", $0.setting("command_line")) }].compactMap(\.self)
    let known = lines.compactMap { name, line -> HTML? in
      guard let words = line?.array?.compactMap(\.string), !words.isEmpty else { return nil }
      return "<h4>\(name)</h4><pre tabindex=\"0\">\(words.map(shellQuoted).joined(separator: " "))</pre>"
    }
    guard !known.isEmpty else { return "<p>No record has its command line.</p>" }
    return "<details><summary>\(known.count) command lines</summary>\(known)</details>"
  }

  private var citation: String {
    """
    @software{lerobot_wm,
      title   = {lerobot-wm: world-modality experiments with SmolVLA},
      version = {\(report.program)},
      note    = {Report "\(report.title)"\(report.lastDate.map { ", results of \($0)" } ?? "")}
    }
    """
  }
}

extension ExperimentReport {
  /// The day of the newest evaluation, `2026-11-27`; nil if none has a date.
  var lastDate: String? {
    let evaluations = runs.runs.flatMap(\.evaluations.values) + [runs.random].compactMap(\.self)
    return evaluations.compactMap { $0.setting("date")?.string.map { String($0.prefix(10)) } }.max()
  }
}

extension SettingsColumn {
  /// Who trained and evaluated a run, where, when and for how long.
  static func originRows(of columns: [SettingsColumn]) -> [(name: String, values: [String?])] {
    func program(_ json: JSON?) -> String? {
      guard let program = json?.nearest("program"), let version = program["version"]?.string else { return nil }
      return version
        + (program["commit"]?.string.map { ", commit \($0.prefix(12))" + ($0.hasSuffix("+") ? "+" : "") } ?? "")
    }
    let rows: [(String, (SettingsColumn) -> String?)] = [
      ("trained with lerobot-wm", { program($0.record) }),
      ("trained on", { $0.record?.nearest("hardware")?.string }),
      ("time of all updates", { $0.trainingSeconds.map(formattedDuration) }),
      ("dataset (SHA-256)", { $0.record?.nearest("dataset")?["sha256"]?.string }),
      ("frames of the dataset", { $0.record?.nearest("dataset")?["frames"]?.plain }),
      ("evaluated with lerobot-wm", { program($0.manifest) }),
      ("evaluated on", { $0.manifest?.nearest("hardware")?.string ?? $0.manifest?.nearest("device")?.string }),
      ("rendered by", { $0.manifest?.nearest("renderer")?.string }),
      ("evaluated at", { $0.manifest?.nearest("date")?.string }),
      ("time of the evaluation", { $0.evaluationSeconds.map(formattedDuration) }),
    ]
    return rows.map { name, value in (name, columns.map(value)) }.filter { !$0.1.allSatisfy { $0 == nil } }
  }
}
