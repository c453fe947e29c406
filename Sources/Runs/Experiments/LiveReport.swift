import Foundation
import ModelFiles
import Synchronization

/// The page of runs that are still at work, made again when their files have changed.
public final class LiveReport: Sendable {
  /// What the page is made of at one moment.
  private struct Snapshot: Sendable {
    /// Names, sizes and times of the files that it shows.
    let files: [String]
    let page: String, digests: String
    let parts: [String: String]
    /// Until when this is current enough.
    var restsUntil = ContinuousClock.now
    /// The report, for the files that a written page has beside it; nil if it could not be made.
    let report: ExperimentReport?
  }

  private let root: URL
  private let make: @Sendable () throws -> ExperimentReport
  private let latest = Mutex<Snapshot?>(nil)
  private let restFactor: Int

  /// A page of the runs below `root`, whose report `make` reads.
  ///
  /// - Parameter restFactor: how many times as long as the report took to make it is kept, whatever changes.
  public init(_ root: URL, restFactor: Int = 4, make: @escaping @Sendable () throws -> ExperimentReport) {
    self.root = root
    self.restFactor = restFactor
    self.make = make
  }

  /// What is at a path, and its type; nil if nothing is.
  ///
  /// There are `/`, the page; `/digests`, by which it finds what has changed; and `/section/ID`, its parts; and
  /// `/report.json`, `.md` and `.tex`, the tables. No path names a file.
  public func contents(of path: String) -> (type: String, text: String)? {
    let now = snapshot()
    switch path {
    case "/": return ("text/html; charset=utf-8", now.page)
    case "/digests": return ("application/json", now.digests)
    case "/report.json": return now.report.map { ("application/json", $0.json.text(.indented(2))) }
    case "/report.md": return now.report.map { ("text/plain; charset=utf-8", $0.markdown) }
    case "/report.tex": return now.report.map { ("text/plain; charset=utf-8", $0.latex) }
    default:
      guard path.hasPrefix("/section/") else { return nil }
      return now.parts[String(path.dropFirst("/section/".count))].map { ("text/html; charset=utf-8", $0) }
    }
  }

  private func snapshot() -> Snapshot {
    latest.withLock { latest in
      let files = files()
      if let latest, latest.files == files || ContinuousClock.now < latest.restsUntil { return latest }
      let start = ContinuousClock.now
      var made = snapshot(of: files)
      made.restsUntil = .now + (ContinuousClock.now - start) * restFactor
      latest = made
      return made
    }
  }

  private func snapshot(of files: [String]) -> Snapshot {
    var report: ExperimentReport?
    let sections: [ReportPage.Section]
    do {
      let made = try make()
      report = made
      sections = ReportPage(report: made).sections
    } catch {
      // Runs that have just begun, or a file that is being written.
      sections = [
        ReportPage.Section(
          id: "about", title: nil, body: "<p class=\"note\">Nothing to show at the moment: \("\(error)")</p>")
      ]
    }
    let digests = JSON.object(.init(sections.map { ($0.id, JSON.string($0.digest)) }) { $1 }).text(.compact)
    return Snapshot(
      files: files, page: ReportPage.live(report, sections).source, digests: digests,
      parts: Dictionary(sections.map { ($0.id, $0.html.source) }) { $1 }, report: report)
  }

  /// Names, sizes and times of all files that a report reads: the plan, each run's log, and whatever is in its newest
  /// checkpoint's model and in the folders of its evaluations.
  private func files() -> [String] {
    func names(_ folder: URL) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    }
    func tree(_ url: URL) -> [URL] {
      let below = (try? FileManager.default.subpathsOfDirectory(atPath: url.path)) ?? []
      return [url] + below.sorted().map(url.appendingPathComponent)
    }
    let runs = names(root).flatMap { name -> [URL] in
      let folder = root.appendingPathComponent(name)
      let results = names(folder).filter { part in
        part.hasPrefix("eval") || [RecordedRun.filmsFolder, "videos"].contains(part)
      }
      // A checkpoint's step is in the name that the link leads to.
      let model = folder.appendingPathComponent("checkpoints/last/pretrained_model").resolvingSymlinksInPath()
      return [folder, folder.appendingPathComponent("metrics.jsonl")] + tree(model)
        + results.flatMap { tree(folder.appendingPathComponent($0)) }
    }
    return ([root.appendingPathComponent("matrix.json")] + runs).compactMap(\.fileState)
  }
}
