import Foundation

extension ReportPage {
  var curves: HTML {
    let all =
      [
        chart("Loss", "action loss", "loss", mayBeLogarithmic: true),
        chart("Gradient norm", "L2 norm before clipping", "grad_norm", mayBeLogarithmic: true),
        chart("World cosine", "cosine of predicted and true latents", "world_cos"),
        chart("World loss", "1 \u{2212} cosine", "world_loss"),
      ]
      + gates + [chart("Time per update", "seconds", "update_s", alwaysHolds: [0])]
    guard all.contains(where: { $0 != nil }) else { return "<p>No run has a metrics.jsonl with curves.</p>" }
    return """
      \(figures(all))
      <p class="muted">Strong lines are moving means, of all seeds of an arm where it has several; the band then reaches from \
      its lowest to its highest seed, and faint lines are the seeds. With one seed the faint line is what was logged, each \
      value of one batch. Arms differ in color and in the kind of line, so that lines on one another can be seen.</p>
      """
  }

  /// A chart for each gate; a policy has one for each place where its memory enters.
  private var gates: [HTML?] {
    let keys = Set(
      report.runs.runs.flatMap { run in (run.metrics?.curves.keys.filter(\.isGate)).map(Array.init) ?? [] })
    return keys.sorted().map { key in
      let place = key.dropFirst("world_gate".count).replacing("_", with: " ")
      return chart(
        "World gate\(place)", "tanh of the gate; 0 is as without a memory, ±1 reads it fully", key, alwaysHolds: [0])
    }
  }

  /// A chart of a logged value by arm; nil if no run logged it.
  func chart(
    _ title: String, _ measure: String, _ key: String, mayBeLogarithmic: Bool = false, alwaysHolds: [Double] = [],
    isSmoothed: Bool = true
  ) -> HTML? {
    let curves = report.runs.experiments.compactMap { experiment -> LineChart.Curve? in
      let logged = SeedCurves(report.runs.runs(of: experiment).compactMap { $0.metrics?.curves[key] })
      guard let first = logged.seeds.first else { return nil }
      let seeds = isSmoothed ? logged.smoothed : logged
      let count = logged.seeds.count
      return LineChart.Curve(
        arm: experiment, note: count == 1 ? "" : ", mean and range of \(count) seeds", style: style(experiment),
        line: seeds.mean, faint: count > 1 ? seeds.seeds : isSmoothed ? [first] : [], band: seeds.range)
    }
    return LineChart(
      title: title, measure: measure, mayBeLogarithmic: mayBeLogarithmic, alwaysHolds: alwaysHolds,
      isDotted: !isSmoothed, curves: curves
    ).html
  }
}
