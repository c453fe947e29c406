import ExperimentStatistics
import Failures
import Foundation

extension ReportPage {
  /// The arms against the baseline, or why they are not compared.
  var comparisons: HTML {
    let intervals = report.comparisons.compactMap { comparison -> ClosedRange<Double>? in
      try? comparison.result.get().interval(at: comparison.look)
    }
    let plot = IntervalPlot.difference(holding: intervals)
    return """
      <table class="cards">
      <thead><tr><th>comparison</th><th class="n">difference, points</th><th class="n">95 % interval</th>\
      <th class="plot">\(plot.head())</th><th class="n">seeds</th><th class="n">only one / only \(baseline)</th>\
      <th class="n">p (Holm)</th></tr></thead>
      <tbody>\(report.comparisons.map { row($0, plot) })</tbody></table>
      <p class="muted">The unit is the training run: a difference of methods is announced if a t test over the runs and \
      McNemar's exact test over the paired episodes both reject equality at 5 %, p being the larger of the two, adjusted for \
      the number of comparisons by Holm's method. The interval is at each end the wider of the two tests' intervals, in points \
      of success. With one training seed only the two checkpoints are compared. Arms whose records differ are not compared.</p>
      """
  }

  var baseline: String { report.comparisons.first?.baseline ?? "baseline" }

  private func row(_ comparison: Comparison, _ plot: IntervalPlot) -> HTML {
    let name: HTML = "<td class=\"name\"><b>\(comparison.treatment) − \(comparison.baseline)</b></td>"
    switch comparison.result {
    case .failure(let reason):
      let words = report.wording(message(of: reason))
      return "<tr>\(name)<td colspan=\"6\" class=\"refused\">not compared: \(words)</td></tr>"
    case .success(let found):
      let (pairs, interval) = (found.pairs, found.interval(at: comparison.look))
      return """
        <tr>\(name)<td class="n" data-label="difference, points">\(found.difference.points)</td>\
        <td class="n" data-label="95 % interval">\(interval.points)</td>\
        \(plot.cell(plot.row(found.difference, interval, style(comparison.treatment))))\
        <td class="n" data-label="seeds">\(found.bySeed.count)</td>\
        <td class="n" data-label="only \(comparison.treatment) / only \(baseline)">\(pairs.onlyFirst) / \(pairs.onlySecond)</td>\
        <td class="n" data-label="p (Holm)">\((comparison.adjustedP ?? 1).probability)</td></tr>
        """
    }
  }

  /// What the design can detect: a sentence, and the power over the true difference.
  var power: HTML {
    guard let design = ExperimentDesign(of: report.runs, baseline: baseline, plannedSeeds: report.plan?.seeds.count),
      let basis = design.basis(report.runs, baseline)
    else {
      return "<p>Without a whole evaluation of \(baseline) there is nothing to plan with.</p>"
    }
    let analysis = design.analysis(basis)
    let seeds = Set([design.seeds, 3, 5, 10]).filter { $0 >= 2 }.sorted().prefix(4)
    let curves = seeds.enumerated().map { index, count in
      LineChart.Curve(
        arm: "\(count) seeds", note: count == design.seeds ? " (this design)" : "", style: ArmStyle(index),
        line: (0...60).compactMap { half in
          let power = analysis.power(ofDifference: analysis.noisierSign * Double(half) / 200, seeds: count)
          return power.isFinite ? .init(step: Double(half) / 2, value: power * 100) : nil
        })
    }
    let chart = LineChart(
      title: "Power", measure: "% of experiments that give the verdict", alwaysHolds: [0, 100],
      horizontalName:
        "points by which an arm's true rate is \(analysis.noisierSign < 0 ? "lower" : "higher") than \(baseline)'s",
      curves: curves)
    return """
      <p>\(design.text(basis))</p>
      \(figures([chart.html]))
      <p class="muted">Two-sided at 5 %, of one comparison, by the rule above; \(counted(design.tasks, "task")) \
      of \(counted(design.episodesPerTask, "episode")), in the direction where episodes are noisier. More arms need more, as Holm's method \
      divides the 5 % among them.</p>
      """
  }
}
