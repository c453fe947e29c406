import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles
import TerminalOutput

/// `lerobot-wm doctor`: every check that other commands make when they start, without starting anything.
enum DoctorCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("output_root", help: "the folder of a matrix, whose runs and evaluations are checked") var outputRoot:
      String?
    @Setting("json", help: "print the checks as JSON") var printsJSON = false
    var paths: [String] = []
    /// Flags of `train` or `eval`, whose start is checked.
    var flags: [Arguments.Flag] = []
  }

  static let name = "doctor"
  static let summary = "check the machine, and the data, checkpoints and runs that are named"
  static let operands = [
    ("PATH …", "datasets, checkpoints, runs, evaluations, latent caches and folders of matrices to check")
  ]
  static let extraFlags = [
    ("dataset.…, --policy.…, …", "with flags of train, everything that train checks when it starts"),
    ("policy.path, --env.…, …", "without a dataset, everything that eval checks when it starts"),
  ]
  static var passesFlagsTo: [any Command.Type] { [TrainCommand.self, EvalCommand.self] }
  static let examples = [
    "lerobot-wm doctor outputs/demo",
    "lerobot-wm doctor --dataset.repo_id=HuggingFaceVLA/libero --policy.path=lerobot/smolvla_base --output_dir=outputs/run",
  ]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    while let path = arguments.takePositional(after: ["json"]) { configured.value.paths.append(path) }
    let own = Settings().json.object ?? [:]
    configured.value.flags = arguments.flags.filter { own[$0.name] == nil }
    arguments.flags.removeAll { own[$0.name] == nil }
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    var checks = Checks()
    checks.machine()
    // A problem is among the checks; what depends on it is not checked.
    for path in settings.paths + [settings.outputRoot].compactMap(\.self) {
      try? checks.check(path: URL(fileURLWithPath: path))
    }
    try checks.check(flags: settings.flags)
    print(settings.printsJSON ? json(checks).text(.indented(2)) : checks.text.withoutControls)
    return checks.problems > 0 ? 1 : 0
  }

  private static func json(_ checks: Checks) -> JSON {
    let all = checks.all.map { Check($0.name, $0.outcome, FlagTranslation.translated($0.text)).json }
    return [
      "checks": .array(all), "problems": .integer(checks.problems), "warnings": .integer(checks.warnings.count),
    ]
  }
}

extension Checks {
  var problems: Int { all.count { $0.outcome == .problem } }

  /// A line for each check, and one that counts what is wrong.
  var text: String {
    let width = all.map(\.name.count).max() ?? 0
    let lines = all.map { check in
      check.outcome.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0)
        + check.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + FlagTranslation.translated(check.text)
    }
    return (lines + ["\(counted(problems, "problem")), \(counted(warnings.count, "warning"))"]).joined(separator: "\n")
  }
}
