import Foundation

/// Curves over steps, as a figure that is as wide as there is room, with axes and a legend.
struct LineChart {
  struct Curve {
    /// What it is of, and what the legend adds to that.
    let arm: String
    var note = ""
    let style: ArmStyle
    /// The curve that counts, such as a mean.
    let line: [RecordedMetrics.Point]
    /// What lies behind it: single seeds, or the values before they were smoothed.
    var faint: [[RecordedMetrics.Point]] = []
    /// The lowest and the highest value at each step; may be empty.
    var band: [(step: Double, values: ClosedRange<Double>)] = []
  }

  let title: String
  /// What the vertical axis measures, with its unit.
  let measure: String
  var mayBeLogarithmic = false
  /// Values that the vertical axis holds whatever the curves are.
  var alwaysHolds: [Double] = []
  /// What the horizontal axis counts.
  var horizontalName = "training step"
  /// Whether each point of the line has a dot.
  var isDotted = false
  let curves: [Curve]

  /// The drawing's own units; it is stretched to the figure's size, and its lines keep their width.
  private static let side = 1000.0

  /// The figure with its caption; nil if there is nothing to draw.
  var html: HTML? {
    let drawn = curves.filter { !$0.line.isEmpty }
    guard drawn.contains(where: { $0.line.count > 1 }) || (isDotted && !drawn.isEmpty) else { return nil }
    let points = drawn.flatMap { $0.line + $0.faint.flatMap(\.self) }
    let horizontal = Axis(exactly: 0...max(points.map(\.step).max() ?? 1, 1))
    let vertical = Axis(
      holding: alwaysHolds + points.map(\.value)
        + drawn.flatMap { $0.band.flatMap { [$0.values.lowerBound, $0.values.upperBound] } },
      mayBeLogarithmic: mayBeLogarithmic)
    let place = Place(horizontal: horizontal, vertical: vertical)
    let unit = vertical.isLogarithmic ? "\(measure), logarithmic" : measure
    return """
      <figure class="chart">
      <figcaption><b>\(title)</b> <span class="muted">\(unit)</span></figcaption>
      <div class="axes" role="img" aria-label="\(title) by \(horizontalName)">
      <div class="y">\(vertical.ticks.map { tick in label(vertical.label(tick), "bottom", vertical.position(tick)) })</div>
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none">
      \(vertical.ticks.map(place.gridLine))
      \(drawn.map(place.background))
      \(drawn.map { place.line($0, isDotted: isDotted) })
      </svg>
      <div class="x">\(horizontal.ticks.map { tick in label(horizontal.label(tick), "left", horizontal.position(tick)) })</div>
      <div class="axisname muted">\(horizontalName)</div>
      </div>
      \(Self.legend(drawn, place))
      </figure>
      """
  }

  private func label(_ text: String, _ side: String, _ share: Double) -> HTML {
    "<span style=\"\(side):\(share * 100)%\">\(text)</span>"
  }

  private static func legend(_ curves: [Curve], _ place: Place) -> HTML {
    let entries = curves.map { curve -> HTML in
      """
      <li><svg viewBox="0 0 34 8" aria-hidden="true"><line class="line \(curve.style.css)" x1="1" x2="33" y1="4" y2="4"/></svg>\
      \(curve.arm)\(curve.note)</li>
      """
    }
    let notes = coincidences(curves, place).map { names -> HTML in
      """
      <p class="muted coincide">The curves of \(names.dropLast().joined(separator: ", ")) and \(names.last ?? "") coincide: none \
      is missing, they lie on each other.</p>
      """
    }
    return "<ul class=\"legend\">\(entries)</ul>\(notes)"
  }

  /// Groups of curves that differ by less than the eye sees.
  private static func coincidences(_ curves: [Curve], _ place: Place) -> [[String]] {
    var groups: [[Curve]] = []
    for curve in curves {
      let index = groups.firstIndex { place.coincide($0[0].line, curve.line) }
      if let index { groups[index].append(curve) } else { groups.append([curve]) }
    }
    return groups.filter { $0.count > 1 }.map { $0.map(\.arm) }
  }

  /// Where values lie in the drawing.
  private struct Place {
    let horizontal: Axis, vertical: Axis

    private func x(_ step: Double) -> Double { LineChart.side * horizontal.position(step) }
    private func y(_ value: Double) -> Double { LineChart.side * (1 - vertical.position(value)) }
    private func point(_ step: Double, _ value: Double) -> String { "\(x(step).coordinate),\(y(value).coordinate)" }

    private func path(_ points: [RecordedMetrics.Point]) -> String {
      points.map { point($0.step, $0.value) }.joined(separator: " ")
    }

    func gridLine(_ tick: Double) -> HTML {
      let isEnd = tick == vertical.ticks.first
      return "<line class=\"\(isEnd ? "axis" : "grid")\" x1=\"0\" x2=\"1000\" y1=\"\(y(tick))\" y2=\"\(y(tick))\"/>"
    }

    /// The band and the faint lines, which lie behind every curve.
    func background(_ curve: Curve) -> HTML {
      let edge =
        curve.band.map { point($0.step, $0.values.upperBound) }
        + curve.band.reversed().map { point($0.step, $0.values.lowerBound) }
      let band: HTML =
        edge.isEmpty ? "" : "<polygon class=\"band \(curve.style.css)\" points=\"\(edge.joined(separator: " "))\"/>"
      let faint = curve.faint.filter { $0.count > 1 }.map { points -> HTML in
        "<polyline class=\"faint \(curve.style.css)\" points=\"\(path(points.thinned(to: 400)))\"/>"
      }
      return "\(band)\(faint)"
    }

    func line(_ curve: Curve, isDotted: Bool) -> HTML {
      // A line of no length with round ends is a dot that the stretching leaves round.
      let dots =
        isDotted ? curve.line.map { "M\(point($0.step, $0.value)) h0" }.joined(separator: " ") : ""
      let marks: HTML = isDotted ? "<path class=\"mark \(curve.style.css)\" d=\"\(dots)\"/>" : ""
      return """
        <polyline class="line \(curve.style.css)" points="\(path(curve.line))"><title>\(curve.arm)\(curve.note)</title></polyline>\(marks)
        """
    }

    func coincide(_ one: [RecordedMetrics.Point], _ other: [RecordedMetrics.Point]) -> Bool {
      let shared = other.filter { one.value(at: $0.step) != nil }
      guard shared.count * 2 > other.count else { return false }
      return shared.allSatisfy { point in
        one.value(at: point.step).map { abs(y($0) - y(point.value)) < 0.006 * LineChart.side } ?? false
      }
    }
  }
}

/// How an arm looks in every figure: a color, and a kind of line that tells it apart where lines cover each other.
struct ArmStyle: Sendable, Equatable {
  /// The classes of the page's style, such as `c1 k1`.
  let css: String

  /// The style of the arm with a number; colors begin again after six, kinds of lines after four.
  init(_ index: Int) { css = "c\(index % Palette.light.arms.count) k\(index % 4)" }

  private init(css: String) { self.css = css }

  /// A policy that was not trained.
  static let untrained = ArmStyle(css: "cr k0")

  /// The same arm in another experiment, such as with another instruction.
  var hollow: ArmStyle { ArmStyle(css: css + " hollow") }
}
