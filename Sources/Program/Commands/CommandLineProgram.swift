import CFileFaults
import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles
import TerminalOutput

/// One thing the program does, with its settings.
protocol Command: SendableMetatype {
  associatedtype Settings: ConfigurationSection
  /// What it is called after `lerobot-wm`.
  static var name: String { get }
  /// What it does, in one line.
  static var summary: String { get }
  /// What may follow the command's name before its flags, and what it is for.
  static var operands: [(String, String)] { get }
  /// Flags beside the settings by name, and what they are for.
  static var extraFlags: [(String, String)] { get }
  /// The commands that it passes flags on to which are not its own.
  static var passesFlagsTo: [any Command.Type] { get }
  /// Settings of LeRobot's that it does not have.
  static var foreignSettings: [ForeignSetting] { get }
  /// Whole command lines.
  static var examples: [String] { get }
  /// Whether a command line means it: the first word, and what follows.
  static func isCalled(_ word: String, with arguments: [String]) -> Bool
  /// Files that come before the flags, such as a checkpoint's settings.
  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws
  /// Does it; returns the exit status.
  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32
}

extension Command {
  static var operands: [(String, String)] { [] }
  static var extraFlags: [(String, String)] { [] }
  static var passesFlagsTo: [any Command.Type] { [] }
  static var foreignSettings: [ForeignSetting] { [] }
  static func isCalled(_ word: String, with arguments: [String]) -> Bool { name == word }
  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {}

  /// The settings that flags give, as a run of the command would take them.
  static func settings(from flags: [Arguments.Flag]) throws -> Settings {
    var (configured, arguments) = (Configured<Settings>(), Arguments([]))
    arguments.flags = flags
    try layers(&configured, &arguments)
    try configured.apply(arguments, also: extraFlags.map(\.0), foreign: foreignSettings)
    return try configured.validated()
  }

  static func main(_ arguments: [String]) throws -> Int32 {
    var arguments = Arguments(arguments)
    var configured = Configured<Settings>()
    let wantsHelp = arguments.wantsHelp
    if !wantsHelp { try layers(&configured, &arguments) }
    if wantsHelp {
      // The kind of policy or environment decides which flags there are.
      arguments.flags.removeAll { $0.name != "policy.type" && $0.name != "env.type" }
      arguments.positional = []
      try configured.apply(arguments)
      print(
        configured.help(
          usage: (["lerobot-wm", name, "[-h]"] + operands.map { "[\($0.0)]" } + ["[--name value | --name=value …]"])
            .joined(separator: " "),
          summary: summary, operands: operands,
          also: [(flag: "help, -h", help: "show this help and exit" + otherHelp)]
            + extraFlags.map { (flag: $0.0 + ($0.0.hasSuffix("…") ? "" : " str"), help: $0.1) },
          examples: examples, width: TerminalOutput.width, emphasis: TerminalOutput.takesEmphasis))
      return 0
    }
    try configured.apply(arguments, also: extraFlags.map(\.0), foreign: foreignSettings)
    let settings = try configured.validated()
    if !configured.mistyped.isEmpty {
      say("warning: unknown settings of the checkpoint: \(configured.mistyped.joined(separator: ", "))")
    }
    if !configured.withoutEffect.isEmpty {
      say("warning: LeRobot's settings without effect here: \(configured.withoutEffect.joined(separator: ", "))")
    }
    return try run(settings, configured)
  }

  /// How to see the settings of the kinds of policy and environment that are not chosen.
  private static var otherHelp: String {
    let names = Set(settingNames)
    let kinds = [("policy.type", "smolvla_world"), ("env.type", "libero")].filter { names.contains($0.0) }
    guard !kinds.isEmpty else { return "" }
    return "; \(kinds.map { "--\($0)=\($1) --help" }.joined(separator: " and ")) list the settings of that type"
  }

  /// The names of all settings, whatever kinds of policy and environment are chosen.
  static var settingNames: [String] { Settings().namesOfEveryKind + extraFlags.map(\.0) }
}

/// The program: finds the command by the name it was called by or by its first word, and prints errors as one sentence.
public enum CommandLineProgram {
  static let name = "lerobot-wm"

  private static var commands: [any Command.Type] {
    [
      TrainCommand.self, EvalCommand.self, MergeCommand.self, AblateCommand.self, FeaturesCommand.self,
      PrecomputeCommand.self, RecordCommand.self,
      ScratchCommand.self, ProbeCommand.self, ReplayCommand.self, MatrixCommand.self, ReportCommand.self,
      WatchCommand.self, ReproduceCommand.self, DoctorCommand.self, InspectCommand.self,
    ]
  }

  /// Writes what was printed and not written yet; returns the exit status, an error's if the result could not be printed.
  public static func status(afterPrinting status: Int32) -> Int32 {
    guard fflush(nil) == 0 else {
      return max(status, fail("the result could not be printed: \(String(cString: strerror(errno)))"))
    }
    return status
  }

  /// Runs a whole command line, the program's name first; returns the exit status.
  public static func run(_ arguments: [String]) -> Int32 {
    // A file that may not grow is an error to report, not a signal that ends the program.
    signal(SIGXFSZ, SIG_IGN)
    wm_report_file_faults()
    let called = URL(fileURLWithPath: arguments.first ?? "").lastPathComponent
    var rest = Array(arguments.dropFirst())
    let alias = called.hasPrefix("lerobot-wm-") ? String(called.dropFirst("lerobot-wm-".count)) : nil
    guard var word = alias ?? (rest.isEmpty ? nil : rest.removeFirst()) else {
      print(overview)
      return 2
    }
    // `help train` is `train --help`.
    if word == "help", let asked = rest.first { (word, rest) = (asked, ["--help"]) }
    if ["--help", "-h", "help"].contains(word) {
      print(overview)
      return 0
    }
    if word == "--version" {
      print("\(name) \(ProgramRecord.text)\n`\(name) doctor` prints the versions of its engines.")
      return 0
    }
    guard let command = commands.first(where: { $0.isCalled(word, with: rest) }) else {
      let hint = nearestName(to: word, among: commands.map { $0.name }).map { "; did you mean \($0)?" }
      return fail("there is no command \(word)\(hint ?? "; `\(name) --help` lists them")")
    }
    return FlagTranslation.$source.withValue(.init { flagTranslation(for: command) }) {
      do { return try TransferProgress.shown { try command.main(rest) } } catch { return fail(message(of: error)) }
    }
  }

  private static func flagTranslation(for command: any Command.Type) -> FlagTranslation {
    FlagTranslation(
      own: command.settingNames, passedOn: command.passesFlagsTo.flatMap { $0.settingNames },
      others: commands.flatMap { $0.settingNames }, commands: commands.map { $0.name })
  }

  private static func fail(_ message: String) -> Int32 {
    let sentence = message.asSentence
    say("\(name): \(sentence)")
    // A matrix reports why a stage failed.
    if let file = ProcessInfo.processInfo.environment[StageLog.errorFileVariable] {
      try? AtomicFile.write(Array(sentence.utf8), to: URL(fileURLWithPath: file), overwrite: true)
    }
    return 1
  }

  private static var overview: String {
    let width = commands.map { $0.name.count }.max() ?? 0
    let lines = commands.map { command in
      "  " + command.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + command.summary
    }
    return """
      lerobot-wm COMMAND [--name=value …]

      \(lines.joined(separator: "\n"))

      lerobot-wm COMMAND --help lists a command's settings; lerobot-wm --version says which program this is.
      """
  }
}
