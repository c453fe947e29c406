import Foundation

extension ReportPage {
  /// What the statistics support, the rates, and what else was seen.
  var verdict: HTML {
    """
    \(findings(report.verdicts, "verdicts"))
    \(tiles)
    \(gaps)
    \(report.observations.isEmpty ? "" : "<h3>What else the figures say</h3>" as HTML)
    \(findings(report.observations, "findings"))
    """
  }

  private func findings(_ all: [Finding], _ kind: String) -> HTML {
    let lines = all.map { finding -> HTML in "<li><b>\(finding.headline)</b> \(finding.unbroken)</li>" }
    return lines.isEmpty ? "" : "<ul class=\"\(kind)\">\(lines)</ul>"
  }

  private var tiles: HTML {
    let tiles = report.rows.filter(\.isHeadline).map { row -> HTML in
      let parts = seedShares(of: row)
      let spread: HTML =
        parts.count > 1
        ? "<div class=\"muted\">seeds \(parts.map { $0.percent }.joined(separator: " · "))</div>" : ""
      return """
        <div class="tile \(style(of: row).css)"><div class="name" title="\(row.title)">\(name(of: row)) \
        <span class="muted">\(row.title)</span></div>\
        <div class="figure">\(row.rate.share.percent)<span>%</span></div>\
        <div class="muted">95 % \(row.rate.interval.percent)</div>\(spread)</div>
        """
    }
    return tiles.isEmpty ? "" : "<div class=\"tiles\">\(tiles)</div>"
  }

  private var gaps: HTML {
    func list(_ title: String, _ lines: [String]) -> HTML {
      lines.isEmpty ? "" : "<p><b>\(title)</b></p><ul>\(lines.map { line -> HTML in "<li>\(line)</li>" })</ul>"
    }
    guard !report.warnings.isEmpty || !report.missing.isEmpty else { return "" }
    return "<div class=\"note warn\">\(list("Warnings", report.warnings))\(list("Missing", report.missing))</div>"
  }
}
