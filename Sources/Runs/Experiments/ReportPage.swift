import Failures
import Foundation
import ModelFiles
import PolicyEvaluation

/// The report as an HTML page.
struct ReportPage {
  let report: ExperimentReport
  /// The name, without ending, of the files with the same results.
  var name = "report"

  /// A part of the page, which a live page replaces alone.
  struct Section: Sendable {
    let id: String
    /// Its heading; nil for one without.
    let title: String?
    let body: HTML

    /// The digest by which a live page knows that the part has changed.
    var digest: String { String(sha256(of: body.source).prefix(16)) }

    var html: HTML {
      let heading: HTML = title.map { "<h2>\($0)</h2>" } ?? ""
      return "<section id=\"\(id)\" data-digest=\"\(digest)\">\(heading)\(body)</section>"
    }
  }

  var sections: [Section] {
    let ablations = ablations.map { [Section(id: "ablations", title: "Ablations", body: $0)] } ?? []
    return [
      Section(id: "about", title: nil, body: header),
      Section(id: "verdict", title: "Verdict", body: verdict),
      Section(id: "success", title: "Success", body: results),
      Section(id: "comparisons", title: "Against the baseline", body: comparisons),
      Section(id: "power", title: "What this design can detect", body: power),
    ] + ablations + [
      Section(id: "training", title: "Training", body: curves),
      Section(id: "rollouts", title: "Rollouts", body: videos),
      Section(id: "protocol", title: "Protocol and checks", body: checks),
      Section(id: "provenance", title: "Provenance and data", body: provenance),
    ]
  }

  var html: HTML { Self.html(report.title, sections, isLive: false) }

  /// A page that asks its server for changes; without a report, one that says why.
  static func live(_ report: ExperimentReport?, _ sections: [Section]) -> HTML {
    html(report?.title ?? "Waiting for runs", sections, isLive: true)
  }

  /// A page of sections under one title.
  static func html(_ title: String, _ sections: [Section], isLive: Bool) -> HTML {
    let script = isLive ? playScript + liveScript : playScript
    let links = sections.compactMap { section in
      section.title.map { title -> HTML in "<a href=\"#\(section.id)\">\(title)</a>" }
    }
    // Without scripts a live page is reloaded now and then.
    let reload: HTML = isLive ? "<noscript><meta http-equiv=\"refresh\" content=\"20\"></noscript>" : ""
    let state: HTML = isLive ? "<p id=\"live\" class=\"muted\" role=\"status\">live</p>" : ""
    return """
      <!DOCTYPE html>
      <html lang="en"\(isLive ? " class=\"live\"" as HTML : "")>
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="\(generator)">
      <meta http-equiv="Content-Security-Policy" content="\(policy(of: script, isLive: isLive))">
      \(reload)<title>\(title)</title>
      <style>\(style)</style>
      </head>
      <body>
      <main>
      <nav>\(links)\(state)</nav>
      \(sections.map(\.html))
      </main>
      <script>\(HTML(stringLiteral: script))</script>
      </body>
      </html>

      """
  }

  /// What marks a file as a page of this program, which may be written again.
  static let generator = "lerobot-wm"

  /// Whether a file is a page that this program wrote.
  static func isOwn(_ url: URL) -> Bool {
    guard let head = (try? MappedFile(url))?.contents.prefix(2000) else { return false }
    return String(decoding: head, as: UTF8.self).contains("<meta name=\"generator\" content=\"\(generator)\">")
  }

  /// Allows the page nothing but what it holds, and its own script: a name in a data file can run nothing.
  private static func policy(of script: String, isLive: Bool) -> String {
    let hexadecimal = Array(sha256(of: script))
    let bytes = stride(from: 0, to: hexadecimal.count - 1, by: 2).compactMap {
      UInt8(String(hexadecimal[$0...$0 + 1]), radix: 16)
    }
    return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; script-src 'sha256-"
      + Data(bytes).base64EncodedString() + "'" + (isLive ? "; connect-src 'self'" : "")
  }

  /// How an arm is drawn, by its place among the arms.
  func style(_ experiment: String) -> ArmStyle { ArmStyle(report.runs.experiments.firstIndex(of: experiment) ?? 0) }

  func style(of row: ResultRow) -> ArmStyle {
    if case .untrained = row.part { return .untrained }
    let own = style(row.experiment)
    return row.condition == "eval" ? own : own.hollow
  }

  private var header: HTML {
    let runs = report.runs
    let evaluations = runs.runs.flatMap(\.evaluations.values)
    let episodes = evaluations.map(\.episodes.count).reduce(0, +)
    let tasks = evaluations.reduce(into: Set<String>()) { $0.formUnion($1.tasks) }.count
    let note: HTML =
      report.isDemonstration
      ? """
      <p class="note"><b>This is a demonstration.</b> The video encoder is untrained and the policies are tiny, trained from \
      scratch for a few minutes. The results show that the program works from dataset to rollout. They do not show \
      that a world modality helps.</p>
      """ : ""
    let arms = runs.experiments.map { experiment -> HTML in
      let title = report.rows.first { $0.experiment == experiment && $0.condition == "eval" }?.title ?? "not evaluated"
      let seeds = runs.runs(of: experiment).map(\.seed)
      return """
        <li><span class="key"><svg viewBox="0 0 34 8" aria-hidden="true"><line class="line \(style(experiment).css)" x1="1" x2="33" \
        y1="4" y2="4"/></svg></span><b>\(experiment)</b> \(title) <span class="muted">seed\(seeds.count == 1 ? "" : "s") \
        \(seeds.listed)</span></li>
        """
    }
    return """
      <h1>\(report.title)</h1>
      <p class="lead">\(counted(runs.runs.count, "training run")), evaluated in closed loop over \
      \(counted(episodes, "episode")) of \(counted(tasks, "task")).</p>
      <ul class="arms">\(arms)</ul>
      \(note)
      """
  }
}
