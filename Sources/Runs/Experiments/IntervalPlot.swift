import Foundation

/// A dot with whiskers on a scale, for a table's cell.
struct IntervalPlot {
  /// The scale's ends, and its grid lines.
  let scale: ClosedRange<Double>
  let ticks: [Double]

  static let share = IntervalPlot(scale: 0...1, ticks: [0, 0.25, 0.5, 0.75, 1])

  /// Differences of success rates, wide enough for all of `intervals`.
  static func difference(holding intervals: [ClosedRange<Double>]) -> IntervalPlot {
    let reach = intervals.flatMap { [abs($0.lowerBound), abs($0.upperBound)] }.max() ?? 0.1
    let end = min(1, ([0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1].first { $0 >= reach }) ?? 1)
    return IntervalPlot(scale: -end...end, ticks: [-end, -end / 2, 0, end / 2, end])
  }

  private var width: Double { 260 }
  private func x(_ value: Double) -> Double {
    let inside = min(max(value, scale.lowerBound), scale.upperBound)
    return 12 + (width - 24) * (inside - scale.lowerBound) / (scale.upperBound - scale.lowerBound)
  }

  /// The figure for one row.
  func row(_ value: Double, _ interval: ClosedRange<Double>, color: String, isSmall: Bool = false) -> HTML {
    let middle = 12.0
    return """
      <svg class="dots" viewBox="0 0 \(width) 24" role="img" aria-label="\(value.percent), interval \(interval.percent)">
      \(lines(height: 24))
      <line class="whisker \(color)\(isSmall ? " small" : "")" x1="\(x(interval.lowerBound))" x2="\(x(interval.upperBound))" y1="\(middle)" y2="\(middle)"/>
      <circle class="dot \(color)\(isSmall ? " small" : "")" cx="\(x(value))" cy="\(middle)" r="\(isSmall ? 3.5 : 5.5)"/>
      </svg>
      """
  }

  /// The scale's labels, for the column's head.
  func head(_ label: (Double) -> String) -> HTML {
    let texts = ticks.map { tick -> HTML in
      "<text x=\"\(x(tick))\" y=\"11\" text-anchor=\"middle\">\(label(tick))</text>"
    }
    return "<svg class=\"dots\" viewBox=\"0 0 \(width) 14\" aria-hidden=\"true\">\(texts)</svg>"
  }

  private func lines(height: Double) -> HTML {
    HTML(
      ticks.map { tick -> HTML in
        "<line class=\"\(tick == 0 && scale.lowerBound < 0 ? "axis" : "grid")\" x1=\"\(x(tick))\" x2=\"\(x(tick))\" y1=\"0\" y2=\"\(height)\"/>"
      }, separator: "")
  }
}
