import ExperimentStatistics
import Foundation
import PolicyEvaluation

extension ReportPage {
  /// The success table with its intervals, over time, and by task if there are several.
  var results: HTML {
    guard !report.rows.isEmpty else { return "<p>No run was evaluated.</p>" }
    return """
      <table class="cards">
      <thead><tr><th>arm</th><th class="n">success</th><th class="n">95 % interval</th>\
      <th class="plot">\(IntervalPlot.share.head())</th>\
      <th class="n">episodes</th><th class="n">mean steps</th></tr></thead>
      <tbody>\(report.rows.map(row))</tbody></table>
      <p class="muted">Dots and whiskers are success rates with Wilson's interval at 95 %, which covers the luck of the episodes \
      alone; it does not cover that of another training run, so a pooled interval may leave out single seeds. The strokes \
      below a pooled dot are its seeds, and their SD is given beside it; grid lines stand at 0, 25, 50, 75 and 100 %. An episode that ends with an error is a failure; \
      steps are counted up to success or the time limit.</p>
      \(timeToSuccess)
      \(tasks)
      """
  }

  /// The share of episodes that had reached the goal by each control step, one curve for each arm.
  private var timeToSuccess: HTML {
    func episodes(_ experiment: String) -> [RecordedEvaluation.Episode] {
      report.runs.runs(of: experiment).compactMap { try? $0.wholeEvaluation() }.flatMap(\.episodes)
    }
    // All curves go on to the longest episode of any arm, so that none seems to end early.
    let longest = report.runs.experiments.flatMap(episodes).compactMap(\.steps).max() ?? 0
    let curves = report.runs.experiments.compactMap { experiment -> LineChart.Curve? in
      let episodes = episodes(experiment)
      guard episodes.contains(where: { $0.steps != nil }), (1...100_000).contains(longest) else { return nil }
      var successes = [Int](repeating: 0, count: longest + 1)
      for episode in episodes where episode.isSuccess {
        if let steps = episode.steps, steps >= 0 { successes[steps] += 1 }
      }
      var reached = 0
      let points = successes.enumerated().map { step, count in
        reached += count
        return RecordedMetrics.Point(step: Double(step), value: Double(reached) / Double(episodes.count) * 100)
      }
      return LineChart.Curve(arm: experiment, style: style(experiment), line: points)
    }
    let chart = LineChart(
      title: "Time to success", measure: "% of episodes that had reached the goal", alwaysHolds: [0, 100],
      horizontalName: "control step", curves: curves)
    return figures([chart.html, successOverTraining])
  }

  /// What the evaluations during training found.
  private var successOverTraining: HTML? {
    chart(
      "Success over training", "% of the episodes of evaluations during training", "eval/pc_success",
      alwaysHolds: [0, 100], isSmoothed: false)
  }

  private func row(_ row: ResultRow) -> HTML {
    let name: HTML =
      if case .seed = row.part {
        "<td class=\"name seed\">\(row.title)\(row.refusedNote)</td>"
      } else {
        "<td class=\"name\"><b>\(row.experiment)</b> <span class=\"muted\">\(row.title)\(row.pooledNote)\(row.refusedNote)</span></td>"
      }
    let parts = seedShares(of: row)
    let steps = row.meanSteps.map { String(format: "%.1f", $0) } ?? "–"
    let spread: HTML =
      parts.count > 1
      ? "<div class=\"muted\">SD of seeds \(String(format: "%.1f", Self.deviation(parts) * 100))</div>" : ""
    return """
      <tr class="\(row.isHeadline ? "" : "minor")">\(name)\
      <td class="n" data-label="success">\(row.rate.share.percent) % \(spread)</td>\
      <td class="n" data-label="95 % interval">\(row.rate.interval.percent)</td>\
      \(IntervalPlot.share.cell(plot(row, parts)))\
      <td class="n" data-label="episodes">\(row.rate.successes)/\(row.rate.episodes)</td>\
      <td class="n" data-label="mean steps">\(steps)</td></tr>
      """
  }

  private func plot(_ row: ResultRow, _ parts: [Double]) -> HTML {
    IntervalPlot.share.row(row.rate.share, row.rate.interval, style(of: row), isSmall: !row.isHeadline, parts: parts)
  }

  /// The shares of the seeds that a row pools; empty for any other row.
  func seedShares(of row: ResultRow) -> [Double] {
    guard case .pooled(let seeds) = row.part, seeds.count > 1 else { return [] }
    return report.rows.filter { other in
      guard case .seed = other.part else { return false }
      return other.experiment == row.experiment && other.condition == row.condition
    }.map(\.rate.share)
  }

  static func deviation(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(values.count - 1, 1))).squareRoot()
  }

  /// Every task's success rates with their intervals, one panel for each task.
  private var tasks: HTML {
    let rows = report.rows.filter(\.isHeadline)
    var names: [String] = []
    for task in rows.flatMap({ $0.tasks.map(\.task) }) where !names.contains(task) { names.append(task) }
    guard names.count > 1 else { return "" }
    let panels = names.map { name -> HTML in
      let lines = rows.compactMap { row -> HTML? in
        row.tasks.first { $0.task == name }.map { line(row, $0.rate) }
      }
      return """
        <div class="task"><h4>\(name)</h4><div class="lines"><span></span>\
        \(IntervalPlot.share.head { $0 == 0 || $0 == 1 ? "\(Int($0 * 100)) %" : "" })<span></span>\(lines)</div></div>
        """
    }
    return """
      <h3>By task</h3>
      <div class="tasks">\(panels)</div>
      <p class="muted">Intervals at 95 % of the episodes of one task, all seeds pooled. Among many tasks some differ by chance: \
      no single one is a finding.</p>
      """
  }

  private func line(_ row: ResultRow, _ rate: SuccessRate) -> HTML {
    """
    <span class="arm">\(name(of: row))</span>\(IntervalPlot.share.row(rate.share, rate.interval, style(of: row), isSmall: true))\
    <span class="n">\(rate.share.percent) % <span class="muted">\(rate.successes)/\(rate.episodes)</span></span>
    """
  }

  /// `E0`, or `E0 contrary` for another evaluation of the arm.
  func name(of row: ResultRow) -> String {
    row.condition == "eval" ? row.experiment : "\(row.experiment) \(row.condition.dropFirst("eval_".count))"
  }

  func figures(_ all: [HTML?]) -> HTML {
    let shown = all.compactMap(\.self)
    return shown.isEmpty ? "" : "<div class=\"charts\">\(shown)</div>"
  }
}

extension ResultRow {
  /// The seeds that a row pools, if several.
  fileprivate var pooledNote: String {
    guard case .pooled(let seeds) = part else { return "" }
    return seeds.count > 1 ? " · seeds \(seeds.listed) pooled" : " · seed \(seeds.listed)"
  }
}
