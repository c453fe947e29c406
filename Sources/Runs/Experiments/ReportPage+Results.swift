import Failures
import Foundation
import PolicyEvaluation

extension ReportPage {
  /// The success table with its intervals, and by task if there are several.
  var results: HTML {
    guard !report.rows.isEmpty else {
      return "<section><h2>Success</h2><p>No run was evaluated.</p></section>"
    }
    return """
      <section><h2>Success</h2>
      <div class="scroll"><table>
      <thead><tr><th>experiment</th><th class="n">success</th><th class="n">95 % interval</th>\
      <th class="plot">\(IntervalPlot.share.head { $0 == 0 ? "0" : "\(Int($0 * 100)) %" })</th>\
      <th class="n">episodes</th><th class="n">mean steps</th></tr></thead>
      <tbody>\(report.rows.map(row))</tbody></table></div>
      <p class="muted">Intervals are Wilson's at 95 %: they cover the randomness of the episodes, not that of another \
      training run. An episode that ends with an error is a failure; steps are counted up to success or the time limit.</p>
      \(timeToSuccess)
      \(tasks)
      </section>
      """
  }

  /// The share of episodes that had reached the goal by each control step, one curve for each arm.
  private var timeToSuccess: HTML {
    let curves = report.runs.experiments.compactMap { experiment -> LineChart.Curve? in
      let episodes = report.runs.runs(of: experiment).compactMap { $0.evaluations["eval"] }.flatMap(\.episodes)
      guard let longest = episodes.compactMap(\.steps).max(), (1...100_000).contains(longest) else { return nil }
      var successes = [Int](repeating: 0, count: longest + 1)
      for episode in episodes where episode.isSuccess {
        if let steps = episode.steps, steps >= 0 { successes[steps] += 1 }
      }
      var reached = 0
      let points = successes.enumerated().map { step, count in
        reached += count
        return RecordedMetrics.Point(step: Double(step), value: Double(reached) / Double(episodes.count))
      }
      return LineChart.Curve(name: experiment, color: color(experiment), dash: 0, points: points)
    }
    let chart = LineChart(
      title: "Time to success", measure: "share of episodes that had reached the goal", fromZero: true,
      horizontalName: "control step", isSmoothed: false, curves: curves)
    return chart.html.map { "<div class=\"charts\">\($0)</div>" } ?? ""
  }

  private func row(_ row: ResultRow) -> HTML {
    let color = color(row.experiment, row.condition)
    let name: HTML =
      if case .seed = row.part {
        "<td class=\"seed\">\(row.title)</td>"
      } else {
        "<td><b>\(row.experiment)</b> <span class=\"muted\">\(row.title)\(row.pooledNote)</span></td>"
      }
    let steps = row.meanSteps.map { String(format: "%.1f", $0) } ?? "–"
    return """
      <tr class="\(row.isHeadline ? "" : "minor")">\(name)<td class="n">\(row.rate.share.percent) %</td>\
      <td class="n">\(row.rate.interval.percent)</td>\
      <td class="plot">\(IntervalPlot.share.row(row.rate.share, row.rate.interval, color: color, isSmall: !row.isHeadline))</td>\
      <td class="n">\(row.rate.successes)/\(row.rate.episodes)</td><td class="n">\(steps)</td></tr>
      """
  }

  private var tasks: HTML {
    let rows = report.rows.filter(\.isHeadline)
    var names: [String] = []
    for task in rows.flatMap({ $0.tasks.map(\.task) }) where !names.contains(task) { names.append(task) }
    guard names.count > 1 else { return "" }
    let heads = rows.map { row -> HTML in
      "<th class=\"n\">\(row.condition == "eval" ? row.experiment : "\(row.experiment) \(row.condition.dropFirst(5))")</th>"
    }
    let lines = names.map { name -> HTML in
      let cells = rows.map { row -> HTML in
        guard let rate = row.tasks.first(where: { $0.task == name })?.rate else {
          return "<td class=\"n muted\">–</td>"
        }
        return
          "<td class=\"n\">\(rate.share.percent) % <span class=\"muted\">\(rate.successes)/\(rate.episodes)</span></td>"
      }
      return "<tr><td>\(name)</td>\(cells)</tr>"
    }
    return """
      <h3>By task</h3>
      <div class="scroll"><table><thead><tr><th>task</th>\(heads)</tr></thead><tbody>\(lines)</tbody></table></div>
      """
  }

  /// The arms against E0, pair by pair, or why they are not compared.
  var comparisons: HTML {
    let intervals = report.comparisons.compactMap { comparison -> ClosedRange<Double>? in
      try? comparison.result.get().interval(at: comparison.look)
    }
    let plot = IntervalPlot.difference(holding: intervals)
    return """
      <section><h2>Against the baseline</h2>
      <div class="scroll"><table>
      <thead><tr><th>comparison</th><th class="n">difference</th><th class="n">95 % interval</th>\
      <th class="plot">\(plot.head { $0.wholePoints })</th><th class="n">seeds</th><th class="n">only one / only E0</th>\
      <th class="n">p (Holm)</th></tr></thead>
      <tbody>\(report.comparisons.map { row($0, plot) })</tbody></table></div>
      <p class="muted">The unit is the training run: a difference of methods is announced if a t test over the runs and \
      McNemar's exact test over the paired episodes both reject equality at 5 %, p being the larger of the two, adjusted for \
      the number of comparisons by Holm's method. The interval is at each end the wider of the two tests' intervals, in points \
      of success. With one training seed only the two checkpoints are compared. Arms whose records differ are not compared.</p>
      </section>
      """
  }

  private func row(_ comparison: Comparison, _ plot: IntervalPlot) -> HTML {
    let name: HTML = "<td><b>\(comparison.treatment)</b> minus \(comparison.baseline)</td>"
    switch comparison.result {
    case .failure(let reason):
      return "<tr>\(name)<td colspan=\"6\" class=\"refused\">not compared: \(message(of: reason))</td></tr>"
    case .success(let found):
      let (pairs, interval) = (found.pairs, found.interval(at: comparison.look))
      return """
        <tr>\(name)<td class="n">\(found.difference.points)</td><td class="n">\(interval.points)</td>\
        <td class="plot">\(plot.row(found.difference, interval, color: color(comparison.treatment)))</td>\
        <td class="n">\(found.bySeed.count)</td><td class="n">\(pairs.onlyFirst) / \(pairs.onlySecond)</td>\
        <td class="n">\((comparison.adjustedP ?? 1).probability)</td></tr>
        """
    }
  }
}

extension ResultRow {
  /// The seeds that a row pools, if several.
  fileprivate var pooledNote: String {
    guard case .pooled(let seeds) = part else { return "" }
    return seeds.count > 1 ? " · seeds \(seeds.listed) pooled" : " · seed \(seeds.listed)"
  }
}
