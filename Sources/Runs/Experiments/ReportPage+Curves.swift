import Foundation

extension ReportPage {
  var curves: HTML {
    let figures = [
      chart("Loss", "action loss", "loss", mayBeLogarithmic: true),
      chart("Gradient norm", "L2 norm before clipping", "grad_norm", mayBeLogarithmic: true),
      chart("World cosine", "cosine of predicted and true latents", "world_cos"),
      chart("World gate", "tanh of the gate; 0 is the baseline", "world_gate", fromZero: true),
      chart("World loss", "1 \u{2212} cosine", "world_loss"),
      chart("Time per update", "seconds", "update_s", fromZero: true),
    ].compactMap(\.self)
    let body: HTML =
      figures.isEmpty
      ? "<p>No run has a metrics.jsonl with curves.</p>"
      : """
      <div class="charts">\(figures)</div>
      <p class="muted">Faint lines are the logged values, each of one batch; bold lines are their moving mean. Runs \
      of one experiment share a color; later seeds are dashed.</p>
      """
    return "<section><h2>Training</h2>\(body)</section>"
  }

  private func chart(
    _ title: String, _ measure: String, _ key: String, mayBeLogarithmic: Bool = false, fromZero: Bool = false
  ) -> HTML? {
    let curves = report.runs.runs.compactMap { run -> LineChart.Curve? in
      guard let points = run.metrics?.curves[key] else { return nil }
      let seeds = report.runs.runs(of: run.experiment).map(\.seed)
      return LineChart.Curve(
        name: run.name, color: color(run.experiment), dash: seeds.firstIndex(of: run.seed) ?? 0, points: points)
    }
    return LineChart(
      title: title, measure: measure, mayBeLogarithmic: mayBeLogarithmic, fromZero: fromZero, curves: curves
    ).html
  }
}
