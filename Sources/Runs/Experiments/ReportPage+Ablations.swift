import Failures
import Foundation

extension ReportPage {
  /// What each checkpoint loses under each ablation; nil without ablations.
  var ablations: HTML? {
    let studies = report.runs.runs.compactMap { run in run.ablations.map { (run, $0) } }
    guard !studies.isEmpty else { return nil }
    return """
      <p class="muted">Each checkpoint is rolled out again on the same episodes with the same noise, while one thing is \
      withheld from it. Differences are paired, with Newcombe's interval at 95 % and McNemar's exact p, adjusted by Holm's \
      method over the conditions of a checkpoint. They say what this checkpoint uses; another training run of the same method \
      may use other things.</p>
      \(studies.map { run, study in ablations(of: run, study, isOpen: studies.count <= 3) })
      """
  }

  private func ablations(of run: RecordedRun, _ study: AblationStudy, isOpen: Bool) -> HTML {
    let plot = IntervalPlot.difference(holding: study.conditions.compactMap { try? $0.result.get().interval })
    let base = study.unablated.rate
    return """
      <h3>\(run.name)</h3>
      <table class="cards">
      <thead><tr><th>condition</th><th class="n">success</th><th class="n">difference</th><th class="n">95 % interval</th>\
      <th class="plot">\(plot.head())</th><th class="n">only ablated / only without</th>\
      <th class="n">p (Holm)</th></tr></thead>
      <tbody><tr><td class="name">without ablation</td><td class="n" data-label="success">\(base.share.percent) %</td>\
      <td colspan="5"></td></tr>\(study.conditions.map { row($0, plot, style(run.experiment)) })</tbody></table>
      <details\(isOpen ? " open" as HTML : "")><summary>In words</summary>
      <ul class="findings">\(study.conditions.map { condition -> HTML in
        let finding = study.finding(condition).worded(report.wording)
        return "<li><b>\(finding.headline)</b> \(finding.unbroken)</li>"
      })</ul></details>
      """
  }

  private func row(_ condition: AblationStudy.Condition, _ plot: IntervalPlot, _ style: ArmStyle) -> HTML {
    let share = condition.evaluation.isUnchanged ? "\(condition.evaluation.rate.share.percent) %" : "–"
    let start: HTML = "<td class=\"name\">\(condition.name)</td><td class=\"n\" data-label=\"success\">\(share)</td>"
    switch condition.result {
    case .failure(let reason):
      return """
        <tr>\(start)<td colspan="5" class="refused">not compared: \
        \(report.wording(message(of: reason)))</td></tr>
        """
    case .success(let pairs):
      return """
        <tr>\(start)<td class="n" data-label="difference">\(pairs.difference.points)</td>\
        <td class="n" data-label="95 % interval">\(pairs.interval.points)</td>\
        \(plot.cell(plot.row(pairs.difference, pairs.interval, style)))\
        <td class="n" data-label="only ablated / only without">\(pairs.onlyFirst) / \(pairs.onlySecond)</td>\
        <td class="n" data-label="p (Holm)">\((condition.adjustedP ?? 1).probability)</td></tr>
        """
    }
  }
}

extension AblationStudy {
  /// The study as Markdown, below a heading with the run's name.
  func markdown(of run: String) -> [String] {
    let rows = conditions.map { condition -> String in
      let pairs = try? condition.result.get()
      let cells = [
        condition.name, condition.evaluation.isUnchanged ? "\(condition.evaluation.rate.share.percent) %" : "–",
        pairs?.difference.points ?? "–",
        pairs?.interval.points ?? "–", condition.adjustedP?.probability ?? "–",
      ]
      return markdownRow(cells)
    }
    return [
      "", "## Ablations of the checkpoint \(run.oneLine)", "",
      "| condition | success | difference | 95 % interval | p (Holm) |",
      "|---|---|---|---|---|", "| without ablation | \(unablated.rate.share.percent) % | | | |",
    ] + rows + [""] + conditions.map { "- \(finding($0).text.oneLine)" }
  }
}
