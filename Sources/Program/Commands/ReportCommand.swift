import Experiments
import Failures
import Foundation
import LayeredSettings
import TerminalOutput

/// `lerobot-wm report`: one page that shows what a folder of runs supports.
enum ReportCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("runs", help: "folder of runs: E0_seed0/, E1_seed0/, …, random/; may also be the first argument")
    var runs = ""
    @Setting("output", help: "the page; by default report.html in that folder") var output: String?
    @Setting(
      "allow_differences", help: "entries of protocols and training records that may differ, separated by commas")
    var allowedDifferences = ""
    @Setting("overwrite", help: "replace a file that is no page of this program; such a page is made again without it")
    var overwrites = false
    @Setting("demo", help: "state that the encoder is untrained and the policies are tiny") var isDemo = false

    func validate() throws(ConfigurationError) {
      guard !runs.isEmpty else {
        throw ConfigurationError("runs", "is needed: the folder of the runs, such as outputs/matrix")
      }
    }
  }

  static let name = "report"
  static let summary = "gather an experiment's runs into one page with tables, curves and videos"
  static let operands = [("RUNS", "the folder of runs, as --runs names it")]
  static let examples = ["lerobot-wm report outputs/demo"]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    if let path = arguments.takePositional(after: ["overwrite", "demo"]) { configured.value.runs = path }
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let root = URL(fileURLWithPath: settings.runs, isDirectory: true)
    let page = settings.output.map { URL(fileURLWithPath: $0) } ?? root.appendingPathComponent("report.html")
    let report = try report(
      root, isDemonstration: settings.isDemo, allowedDifferences: listedNames(settings.allowedDifferences))
    try report.write(to: page, overwrite: settings.overwrites)
    print(FlagTranslation.translated(report.table()).withoutControls)
    print(page.path)
    return 0
  }

  /// The report of a folder of runs, with what only the program knows: its commit, and its commands.
  static func report(
    _ root: URL, isDemonstration: Bool = false, allowedDifferences: [String] = [], hashes: FileHashes = FileHashes(),
    translation: FlagTranslation? = FlagTranslation.source?.make()
  ) throws -> ExperimentReport {
    let folder =
      root.path.hasPrefix(FileManager.default.currentDirectoryPath + "/")
      ? String(root.path.dropFirst(FileManager.default.currentDirectoryPath.count + 1)) : root.path
    return try ExperimentReport(
      root: root, isDemonstration: isDemonstration, allowedDifferences: allowedDifferences, program: ProgramRecord.text,
      wording: { translation?($0) ?? $0 }, hashes: hashes, filmingCommand: filmingCommand(below: folder))
  }

  /// The command that films episodes of an evaluation below a folder of runs, as a shell takes it.
  static func filmingCommand(below folder: String) -> ExperimentReport.FilmingCommand {
    { evaluation, films, episodes in
      let numbers = episodes.map(String.init).joined(separator: ",")
      let words = [
        "lerobot-wm", "reproduce", "\(folder)/\(evaluation)", "--output_dir=\(folder)/\(films)",
        "--eval.recorded_episodes=[\(numbers)]",
      ]
      return words.map(shellQuoted).joined(separator: " ")
    }
  }
}
