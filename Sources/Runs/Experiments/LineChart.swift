import Foundation

/// Curves over steps as an SVG, with axes and a legend.
struct LineChart {
  struct Curve {
    let name: String
    /// A color's name in the page's palette, such as `c0`.
    let color: String
    /// The line style, which distinguishes seeds of one arm.
    let dash: Int
    let points: [RecordedMetrics.Point]
  }

  let title: String
  /// What the vertical axis measures, with its unit.
  let measure: String
  var mayBeLogarithmic = false
  var fromZero = false
  /// What the horizontal axis counts.
  var horizontalName = "training step"
  /// Whether the moving mean is drawn over noisy values.
  var isSmoothed = true
  var height = 270.0
  let curves: [Curve]

  private var width: Double { 520 }
  private var left: Double { 52 }
  private var right: Double { width - 12 }
  private var top: Double { 12 }
  private var bottom: Double { height - 42 }

  /// The figure with its caption; nil if there is nothing to draw.
  var html: HTML? {
    let drawn = curves.filter { $0.points.count > 1 }
    guard !drawn.isEmpty else { return nil }
    let thin = drawn.map { ($0, $0.points.thinned(to: 400)) }
    // Values of single batches are noisy, so their moving mean is drawn over them.
    let lines = thin.map { curve, points in
      (curve, points, isSmoothed ? points.smoothed(reach: points.count / 40) : points)
    }
    let steps = lines.flatMap { $0.1.map(\.step) }
    let horizontal = Axis(exactly: 0...max(steps.max() ?? 1, 1))
    let vertical = Axis(
      holding: lines.flatMap { $0.1.map(\.value) }, mayBeLogarithmic: mayBeLogarithmic, fromZero: fromZero)
    let unit = vertical.isLogarithmic ? "\(measure), logarithmic" : measure
    return """
      <figure class="chart">
      <figcaption><b>\(title)</b> <span class="muted">\(unit)</span></figcaption>
      <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="\(title) by \(horizontalName)">
      \(grid(horizontal, vertical))
      \(lines.map { curve, raw, smooth in draw(curve, raw, smooth, horizontal, vertical) })
      </svg>
      \(Self.legend(drawn))
      </figure>
      """
  }

  private func x(_ axis: Axis, _ value: Double) -> Double { left + (right - left) * axis.position(value) }
  private func y(_ axis: Axis, _ value: Double) -> Double { bottom - (bottom - top) * axis.position(value) }

  private func grid(_ horizontal: Axis, _ vertical: Axis) -> HTML {
    let rows = vertical.ticks.map { tick -> HTML in
      let y = y(vertical, tick)
      return """
        <line class="grid" x1="\(left)" x2="\(right)" y1="\(y)" y2="\(y)"/>\
        <text x="\(left - 8)" y="\(y + 4)" text-anchor="end">\(vertical.label(tick))</text>
        """
    }
    let columns = horizontal.ticks.map { tick -> HTML in
      let x = x(horizontal, tick)
      return """
        <line class="axis" x1="\(x)" x2="\(x)" y1="\(bottom)" y2="\(bottom + 4)"/>\
        <text x="\(x)" y="\(bottom + 18)" text-anchor="middle">\(horizontal.label(tick))</text>
        """
    }
    return """
      \(rows)
      <line class="axis" x1="\(left)" x2="\(right)" y1="\(bottom)" y2="\(bottom)"/>
      \(columns)
      <text x="\((left + right) / 2)" y="\(height - 6)" text-anchor="middle">\(horizontalName)</text>
      """
  }

  private func draw(
    _ curve: Curve, _ raw: [RecordedMetrics.Point], _ smooth: [RecordedMetrics.Point], _ horizontal: Axis,
    _ vertical: Axis
  ) -> HTML {
    func path(_ points: [RecordedMetrics.Point]) -> String {
      points.map { "\(x(horizontal, $0.step).coordinate),\(y(vertical, $0.value).coordinate)" }.joined(separator: " ")
    }
    let behind: HTML = raw == smooth ? "" : "<polyline class=\"raw \(curve.color)\" points=\"\(path(raw))\"/>"
    return """
      \(behind)
      <polyline class="line \(curve.color) dash\(curve.dash % 3)" points="\(path(smooth))"><title>\(curve.name)</title></polyline>
      """
  }

  private static func legend(_ curves: [Curve]) -> HTML {
    let entries = curves.map { curve -> HTML in
      """
      <li><svg viewBox="0 0 26 8" aria-hidden="true"><line class="line \(curve.color) dash\(curve.dash % 3)" x1="1" x2="25" y1="4" y2="4"/></svg>\(curve.name)</li>
      """
    }
    return "<ul class=\"legend\">\(entries)</ul>"
  }
}
