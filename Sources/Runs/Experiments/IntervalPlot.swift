import Foundation

/// A dot with whiskers on a scale, as wide as there is room.
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

  /// A place on the scale in percent of the width; dots at the ends stay inside.
  private func x(_ value: Double) -> String {
    let inside = min(max(value.isFinite ? value : 0, scale.lowerBound), scale.upperBound)
    let share = (inside - scale.lowerBound) / (scale.upperBound - scale.lowerBound)
    return (4 + 92 * share).coordinate + "%"
  }

  /// The figure for one row.
  ///
  /// - Parameter parts: values that the row's value is the mean of, such as those of single seeds, drawn below it.
  func row(
    _ value: Double, _ interval: ClosedRange<Double>, _ style: ArmStyle, isSmall: Bool = false, parts: [Double] = []
  ) -> HTML {
    let height = parts.isEmpty ? (isSmall ? 16 : 24) : 34
    let middle = parts.isEmpty ? height / 2 : 12
    let size = isSmall ? " small" : ""
    let marks = parts.map { part -> HTML in
      "<line class=\"part \(style.css)\" x1=\"\(x(part))\" x2=\"\(x(part))\" y1=\"22\" y2=\"31\"/>"
    }
    return """
      <svg class="dots" height="\(height)" role="img" aria-label="\(value.percent), 95 % interval \(interval.percent)">
      \(gridLines)
      <line class="whisker \(style.css)\(size)" x1="\(x(interval.lowerBound))" x2="\(x(interval.upperBound))" y1="\(middle)" \
      y2="\(middle)"/>
      <circle class="dot \(style.css)\(size)" cx="\(x(value))" cy="\(middle)" r="\(isSmall ? 4 : 5.5)"/>
      \(marks)
      </svg>
      """
  }

  /// A row's cell in a table; where a phone shows no head, the scale's labels are below the figure.
  func cell(_ figure: HTML) -> HTML { "<td class=\"plot\">\(figure)<div class=\"scale\">\(head())</div></td>" }

  /// The scale's labels, for above the rows.
  func head(_ label: ((Double) -> String)? = nil) -> HTML {
    let label = label ?? (scale.lowerBound < 0 ? \.wholePoints : { $0 == 0 ? "0" : "\(Int($0 * 100)) %" })
    let texts = ticks.map { tick -> HTML in
      "<text x=\"\(x(tick))\" y=\"11\" text-anchor=\"middle\">\(label(tick))</text>"
    }
    return "<svg class=\"dots\" height=\"14\" aria-hidden=\"true\">\(texts)</svg>"
  }

  private var gridLines: HTML {
    HTML(
      ticks.map { tick -> HTML in
        """
        <line class="\(tick == 0 && scale.lowerBound < 0 ? "axis" : "grid")" x1="\(x(tick))" x2="\(x(tick))" y1="0" \
        y2="100%"/>
        """
      }, separator: "")
  }
}
