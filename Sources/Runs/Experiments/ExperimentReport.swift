import Failures
import Foundation
import ModelFiles
import PolicyEvaluation

/// The report of an experiment matrix: a folder of runs read once, shown as a page, a table or JSON.
///
/// ```swift
/// let report = try ExperimentReport(root: URL(fileURLWithPath: "outputs/demo"), isDemonstration: true)
/// try report.write(to: URL(fileURLWithPath: "outputs/demo/report.html"), overwrite: true)
/// print(report.table())
/// ```
///
/// The root contains `EXPERIMENT_seedN/` (`metrics.jsonl`, `checkpoints/last/pretrained_model/`, `eval/eval_info.json`,
/// `eval_CONDITION/eval_info.json`) and `random/eval_info.json`. The report names what is missing.
public struct ExperimentReport: Sendable {
  let runs: RecordedRuns
  let title: String
  let isDemonstration: Bool
  let videos: RolloutVideos
  let rows: [ResultRow]
  let comparisons: [Comparison]
  /// What was planned before the first run; nil for runs that no matrix made.
  let plan: MatrixPlan?
  /// What was added to the plan after its first start; nil if nothing was.
  let amendment: String?
  /// What of the plan is still to come; nil if nothing is.
  let preliminary: String?
  /// The look of a sequential plan; nil before its first, and without one.
  let look: SequentialPlan.Look?
  /// What is missing of the plan, and what the comparisons show, the primary one first.
  let verdicts: [Finding]
  /// What else was seen.
  let observations: [Finding]
  /// The program that made the report, with its version.
  let program: String
  /// The command that films some episodes of a run's evaluation again; nil if there is none.
  let filmingCommand: FilmingCommand?
  /// Puts a sentence into its readers' words, such as flags for settings.
  let wording: @Sendable (String) -> String
  /// Missing parts of the matrix, each with its path.
  public let missing: [String]
  /// Reasons to doubt the results.
  public let warnings: [String]

  /// The command that plays an evaluation again and films the episodes with some numbers; evaluation and folder of the films
  /// are below the root, such as `E2_seed0/eval/eval_info.json` and `E2_seed0/films`.
  public typealias FilmingCommand = @Sendable (_ evaluation: String, _ films: String, _ episodes: [Int]) -> String

  /// Reads a folder of runs.
  ///
  /// - Parameters:
  ///   - isDemonstration: whether the page states that encoder and policies demonstrate the program, not the method.
  ///   - allowedDifferences: entries of protocols and training records in which compared runs may differ.
  ///   - videoBudget: the bytes of videos and images on disk that the page may embed, which take a third more there.
  ///   - program: the version of the program that makes the report.
  ///   - wording: puts a sentence into its readers' words, such as flags for settings in backquotes.
  ///   - hashes: what is known of the files, for reports that are made again and again.
  /// - Throws: if the folder holds no run or a file is damaged; the error names the file.
  public init(
    root: URL, title: String = "World modality: the experiment matrix", isDemonstration: Bool = false,
    videoBudget: Int = 9_000_000, allowedDifferences: [String] = [], program: String = ProgramVersion.number,
    wording: @escaping @Sendable (String) -> String = { $0 }, hashes: FileHashes = FileHashes(),
    filmingCommand: FilmingCommand? = nil
  ) throws {
    self.program = program
    self.wording = wording
    self.filmingCommand = filmingCommand
    runs = try RecordedRuns(root, hashes: hashes)
    self.title = title
    self.isDemonstration = isDemonstration
    videos = RolloutVideos(runs, budget: videoBudget)
    rows = ResultRow.all(of: runs)
    try runs.requireEntries(allowedDifferences)
    plan = try MatrixPlan(root)
    // Planned arms are always compared, so that the report names them if missing; other arms follow.
    let planned = plan?.experiments ?? Arm.usual
    let baseline = runs.roles.baseline
    let others = runs.experiments.filter { !planned.contains($0) }
    look = plan?.look(in: runs)
    comparisons = Comparison.family(
      of: (planned + others).filter { $0 != baseline }, against: baseline, in: runs, allowing: allowedDifferences,
      look: look)
    let lacking = plan?.lacking(in: runs) ?? []
    let found = runs.runs.map(\.name)
    let unplanned = plan.map { plan in plan.added + found.filter { !plan.runs.contains($0) } } ?? []
    amendment = (unplanned.isEmpty ? nil : unplanned.listed).map {
      "The plan was changed after its first start: \($0) came later. Verdicts at 5 % hold only if no result had been looked "
        + "at by then."
    }
    let isPlanLost = plan == nil && root.appendingPathComponent(StagePlan.fileName).isThere
    preliminary =
      isPlanLost
      ? "PRELIMINARY: matrix.json, which holds the plan of these runs, is missing; restore it, because without it there is no "
        + "verdict."
      : lacking.isEmpty || look != nil
        ? nil
        : "PRELIMINARY: \(lacking.count) of \(plan?.runs.count ?? 0) planned runs are not finished and evaluated ("
          + "\(lacking.listed)), so there is no verdict yet."
    let isPreliminary = preliminary != nil
    let isPrimary = { [plan] comparison in plan?.isPrimary(comparison) == true }
    verdicts =
      [preliminary, look?.text, amendment].compactMap { $0.map { Finding(headline: $0, detail: "") } }
      + (comparisons.filter(isPrimary) + comparisons.filter { !isPrimary($0) }).map {
        $0.finding(isPreliminary: isPreliminary).worded(wording)
      }
    observations = Finding.observations(runs, rows: rows).map { $0.worded(wording) }
    missing = runs.missing(of: planned).map(wording)
    warnings = runs.warnings.map(wording)
  }

  /// What `doctor` says of the folder: of each run, of the plan, and of arms that cannot be compared.
  public var checks: [Check] {
    let refused = comparisons.compactMap { comparison -> Check? in
      // Arms without any run are among the missing parts.
      let arms = [comparison.treatment, comparison.baseline]
      guard case .failure(let reason) = comparison.result, arms.allSatisfy(runs.experiments.contains) else {
        return nil
      }
      let name = "\(comparison.treatment) against \(comparison.baseline)"
      let isMissing = preliminary != nil
      return Check(name, isMissing ? .warning : .problem, "not compared: \(message(of: reason))")
    }
    return checksOfRuns + refused
  }

  /// What `doctor` says of each run and of the plan.
  var checksOfRuns: [Check] {
    guard plan != nil || preliminary != nil else { return runs.checks() }
    return runs.checks() + [
      preliminary.map { Check("plan", .warning, $0) } ?? Check("plan", .ok, "all planned runs are evaluated")
    ]
  }

  /// Whether the comparison that a sequential plan is about has a verdict.
  public var isDecided: Bool {
    guard let plan, look != nil, let primary = comparisons.first(where: plan.isPrimary) else { return false }
    return switch primary.verdict {
    case .methods(let answer), .checkpoints(let answer): answer != .cannotTell
    case nil: false
    }
  }

  /// The number of an evaluation's episodes, and whether digests show that none was changed; LeRobot's files have none.
  ///
  /// - Throws: if some are missing, ended with an error, or were changed afterwards.
  public static func checkedEpisodes(of file: URL) throws -> (count: Int, haveDigests: Bool) {
    let evaluation = try RecordedEvaluation(file)
    try evaluation.requireWhole(file.deletingLastPathComponent().path)
    return (evaluation.episodes.count, evaluation.hasDigests)
  }

  /// The findings, each in a few sentences.
  public var findings: [String] { (verdicts + observations).map(\.text) }

  /// Writes the page, and beside it the same results as `report.json`, `report.md`, `report.tex` and, episode by episode,
  /// `report.csv` (the page's name with these endings).
  ///
  /// A page that this program wrote is made again without asking, with the files beside it: all that they hold comes from
  /// the runs.
  ///
  /// - Throws: if another file exists and may not be replaced, or cannot be written.
  public func write(to url: URL, overwrite: Bool = false) throws {
    let figures = url.deletingPathExtension().appendingPathExtension("json")
    guard figures != url else {
      throw Failure("\(url.path): expected a name that ends in .html; the results go to the same name with .json")
    }
    let overwrite = overwrite || ReportPage.isOwn(url)
    let tables = [("md", markdown), ("tex", latex), ("csv", csv)].map { ending, text in
      (url.deletingPathExtension().appendingPathExtension(ending), text)
    }
    // None is written if another cannot be.
    for url in [url, figures] + tables.map(\.0) where !overwrite && url.isThere { throw FileError.exists(url.path) }
    try AtomicFile.write(
      Array(html(name: url.deletingPathExtension().lastPathComponent).utf8), to: url, overwrite: overwrite)
    try json.write(to: figures, layout: .indented(2), overwrite: overwrite)
    for (url, text) in tables { try AtomicFile.write(Array(text.utf8), to: url, overwrite: overwrite) }
  }

  /// The page as one self-contained file; `name` is that of the files beside it, without ending.
  public func html(name: String = "report") -> String { ReportPage(report: self, name: name).html.source }
}
