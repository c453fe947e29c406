import Foundation
import PolicyEvaluation

/// The report as an HTML page.
struct ReportPage {
  let report: ExperimentReport

  init(_ report: ExperimentReport) { self.report = report }

  var html: HTML {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(report.title)</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <main>
    \(header)
    \(tiles)
    \(findings)
    \(gaps)
    \(results)
    \(comparisons)
    \(ablations)
    \(curves)
    \(videos)
    \(settings)
    </main>
    </body>
    </html>

    """
  }

  /// A color of the palette for each arm, in the order of the rows; seeds share it.
  func color(_ experiment: String, _ condition: String = "eval") -> String {
    if experiment == "random" { return "cr" }
    if condition != "eval" { return "cx" }
    let others = report.runs.experiments.filter { !["E0", "E1", "E2"].contains($0) }
    switch experiment {
    case "E0": return "c0"
    case "E1": return "c1"
    case "E2": return "c2"
    default: return "c\(3 + (others.firstIndex(of: experiment) ?? 0) % 3)"
    }
  }

  private var header: HTML {
    let runs = report.runs
    let trained = runs.experiments.map { experiment in
      let seeds = runs.runs(of: experiment).count
      return seeds == 1 ? experiment : "\(experiment) (\(seeds) seeds)"
    }
    let evaluations = runs.runs.flatMap { $0.places.map(\.evaluation) } + [runs.random].compactMap(\.self)
    let episodes = evaluations.map(\.episodes.count).reduce(0, +)
    let tasks = evaluations.reduce(into: Set<String>()) { $0.formUnion($1.tasks) }.count
    let note: HTML =
      report.isDemonstration
      ? """
      <p class="note"><b>This is a demonstration.</b> The video encoder is untrained and the policies are tiny, trained from \
      scratch for a few minutes. The results show that the program works from dataset to rollout. They do not show \
      that a world modality helps.</p>
      """ : ""
    return """
      <header>
      <h1>\(report.title)</h1>
      <p class="lead">\(runs.runs.count) training run\(runs.runs.count == 1 ? "" : "s"), \(trained.joined(separator: ", ")), \
      evaluated in closed loop over \(episodes) episodes of \(tasks) task\(tasks == 1 ? "" : "s"). E0 is the SmolVLA \
      baseline. E1 is the world policy with its memory zeroed, which controls for the added parameters. E2 reads the \
      predicted memory.</p>
      \(note)
      </header>
      """
  }

  private var tiles: HTML {
    let shown = report.rows.filter(\.isHeadline)
    let tiles = shown.map { row -> HTML in
      let name = row.condition == "eval_contrary" ? "\(row.experiment) contrary instruction" : row.shortLabel
      return """
        <div class="tile \(color(row.experiment, row.condition))"><div class="name">\(name)</div>\
        <div class="figure">\(row.rate.share.percent)<span>%</span></div>\
        <div class="muted" title="95 % interval">95 %: \(row.rate.interval.percent)</div></div>
        """
    }
    return tiles.isEmpty ? "" : "<div class=\"tiles\">\(tiles)</div>"
  }

  private var findings: HTML {
    guard !report.statements.isEmpty else { return "" }
    return """
      <section><h2>What the figures say</h2>
      <ul class="findings">\(report.statements.map { finding -> HTML in "<li><b>\(finding.headline)</b> \(finding.unbroken)</li>" })</ul></section>
      """
  }

  private var gaps: HTML {
    let warnings: HTML =
      report.warnings.isEmpty
      ? "" : "<p><b>Warnings</b></p><ul>\(report.warnings.map { line -> HTML in "<li>\(line)</li>" })</ul>"
    let missing: HTML =
      report.missing.isEmpty
      ? "" : "<p><b>Missing</b></p><ul>\(report.missing.map { line -> HTML in "<li>\(line)</li>" })</ul>"
    guard !report.warnings.isEmpty || !report.missing.isEmpty else { return "" }
    return "<section class=\"note warn\">\(warnings)\(missing)</section>"
  }
}

extension ResultRow {
  /// A short label for a tile.
  var shortLabel: String {
    switch (experiment, condition) {
    case ("random", _): "random policy"
    case ("E0", "eval"): "E0 baseline"
    case ("E1", "eval"): "E1 memory zeroed"
    case ("E2", "eval"): "E2 with memory"
    case (_, "eval"): experiment
    default: "\(experiment) \(condition)"
    }
  }
}
