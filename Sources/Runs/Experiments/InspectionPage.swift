import Failures
import Foundation
import ModelFiles

extension Inspection {
  /// Writes the page as one self-contained file; a page of this program is replaced.
  ///
  /// - Parameters:
  ///   - overwrite: whether any other file is.
  ///   - wording: what is done to the sentences of checks.
  public func write(to url: URL, overwrite: Bool = false, wording: (String) -> String = { $0 }) throws {
    try Self.requirePlace(for: url, overwrite: overwrite)
    try AtomicFile.write(Array(page(wording: wording).utf8), to: url, overwrite: true)
  }

  /// Refuses a place where there is something else than a page of this program.
  public static func requirePlace(for url: URL, overwrite: Bool) throws {
    guard overwrite || ReportPage.isOwn(url) || !url.isThere else { throw FileError.exists(url.path) }
  }

  /// The page: what it is, what is wrong, its tables, and a row of images with plots for each part.
  func page(wording: (String) -> String = { $0 }) -> String {
    var sections = [
      ReportPage.Section(id: "about", title: nil, body: about),
      ReportPage.Section(id: "checks", title: "Checks", body: findings(wording)),
    ]
    sections += tables.enumerated().filter { !$0.element.rows.isEmpty }.map { index, table in
      ReportPage.Section(id: "table\(index)", title: table.heading.capitalizedFirst, body: html(table))
    }
    if !parts.isEmpty {
      sections.append(ReportPage.Section(id: "parts", title: partsTitle, body: "\(note)\(parts.map(html))"))
    }
    return ReportPage.html("\(kind.capitalizedFirst) \(name)", sections, isLive: false).source
  }

  private var note: HTML { partsNote.isEmpty ? "" : "<p class=\"muted\">\(partsNote)</p>" }

  private var about: HTML {
    let rows = facts.map { name, value -> HTML in "<tr><th>\(name)</th><td>\(value)</td></tr>" }
    return """
      <h1>\(kind.capitalizedFirst)</h1>
      <p class="lead">\(name)</p>
      <table class="facts"><tbody>\(rows)</tbody></table>
      """
  }

  private func findings(_ wording: (String) -> String) -> HTML {
    func list(_ outcome: Check.Outcome, _ mark: String) -> [HTML] {
      checks.all.filter { $0.outcome == outcome }.map { check -> HTML in
        "<li><b class=\"\(mark)\">\(outcome.rawValue)</b> \(check.name): \(wording(check.text))</li>"
      }
    }
    let all = list(.problem, "bad") + list(.warning, "bad") + list(.ok, "good")
    return "<ul class=\"findings\">\(all)</ul>"
  }

  private func html(_ table: Table) -> HTML {
    let head = table.head.map { cell -> HTML in "<th>\(cell)</th>" }
    let rows = table.rows.map { row -> HTML in
      let cells = zip(table.head, row).map { name, cell -> HTML in "<td data-label=\"\(name)\">\(cell)</td>" }
      return "<tr>\(cells)</tr>"
    }
    return """
      <div class="scroll"><table class="settings cards"><thead><tr>\(head)</tr></thead><tbody>\(rows)</tbody></table></div>
      """
  }

  private func html(_ part: Part) -> HTML {
    let remarks = part.remarks.map { remark -> HTML in "<p class=\"broken\">\(remark)</p>" }
    let strips = part.strips.map { strip -> HTML in
      let images = strip.images.map { image -> HTML in
        "<img alt=\"\(strip.name)\" src=\"\(HTML.data(image, "image/jpeg"))\">"
      }
      return "<h4>\(strip.name)</h4><div class=\"frames\">\(images)</div>"
    }
    return """
      <div class="episode"><h3>\(part.title)</h3>\(remarks)\(strips)
      <div class="charts">\(part.plots.compactMap(\.html))</div></div>
      """
  }
}

extension Inspection.Plot {
  /// The points of one curve that a page draws.
  private static let mostPoints = 300

  fileprivate var html: HTML? {
    LineChart(
      title: title, measure: measure, horizontalName: horizontalName,
      curves: curves.enumerated().map { index, curve in
        let points = curve.values.enumerated().filter(\.element.isFinite).map {
          RecordedMetrics.Point(step: Double($0.offset), value: Double($0.element))
        }
        return LineChart.Curve(arm: curve.name, style: ArmStyle(index), line: points.thinned(to: Self.mostPoints))
      }
    ).html
  }
}
