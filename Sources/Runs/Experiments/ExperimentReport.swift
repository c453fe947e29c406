import Failures
import Foundation
import ModelFiles
import PolicyEvaluation

/// The report of an experiment matrix: a folder of runs read once, shown as one page, a table or figures.
///
/// ```swift
/// let report = try ExperimentReport(root: URL(fileURLWithPath: "outputs/demo"), isDemonstration: true)
/// try report.write(to: URL(fileURLWithPath: "outputs/demo/report.html"), overwrite: true)
/// print(report.table())
/// ```
///
/// Below the root lie `EXPERIMENT_seedN/` (`metrics.jsonl`, `checkpoints/last/pretrained_model/`, `eval/eval_info.json`,
/// `eval_CONDITION/eval_info.json`) and `random/eval_info.json`. What is missing is said to be missing.
public struct ExperimentReport: Sendable {
  let runs: RecordedRuns
  let title: String
  let isDemonstration: Bool
  let videos: RolloutVideos
  let rows: [ResultRow]
  let comparisons: [Comparison]
  let statements: [Finding]
  /// Parts of the matrix that are not there, each with its path.
  public let missing: [String]
  /// What a reader should know before believing the figures.
  public let warnings: [String]

  /// Reads a folder of runs.
  ///
  /// - Parameters:
  ///   - isDemonstration: say plainly that encoder and policies show the machinery, not the method.
  ///   - videoBudget: bytes of videos and pictures that the page may carry, as they lie on disk; in the page they take
  ///     a third more.
  /// - Throws: one sentence that names the file, if the folder holds no run or a file is broken.
  public init(
    root: URL, title: String = "World modality: the experiment matrix", isDemonstration: Bool = false,
    videoBudget: Int = 9_000_000
  ) throws {
    runs = try RecordedRuns(root)
    self.title = title
    self.isDemonstration = isDemonstration
    videos = RolloutVideos(runs, budget: videoBudget)
    rows = ResultRow.all(of: runs)
    // E1 and E2 are always asked for, so that their absence is said; whatever else was trained comes after them.
    let others = runs.experiments.filter { !["E0", "E1", "E2"].contains($0) }
    comparisons = (["E1", "E2"] + others).map { [runs] in Comparison($0, against: "E0", in: runs) }
    statements = Finding.all(runs, rows: rows, comparisons: comparisons)
    missing = runs.missing
    warnings = runs.warnings
  }

  /// What the figures say, each in a few sentences.
  public var findings: [String] { statements.map(\.text) }

  /// Writes the page, and the same figures as `report.json` (the page's name with that ending) beside it.
  ///
  /// - Throws: one sentence, if a file stands there already and may not be replaced, or cannot be written.
  public func write(to url: URL, overwrite: Bool = false) throws {
    let figures = url.deletingPathExtension().appendingPathExtension("json")
    guard figures != url else {
      throw Failure("\(url.path): expected a name that ends in .html; .json is the name of the figures beside it")
    }
    // Neither is written where the other could not be.
    for url in [url, figures] where !overwrite && url.isThere { throw FileError.exists(url.path) }
    try AtomicFile.write(Array(html().utf8), to: url, overwrite: overwrite)
    try json.write(to: figures, layout: .indented(2), overwrite: overwrite)
  }

  /// The whole page: one file that needs no other.
  public func html() -> String { ReportPage(self).html.source }
}
