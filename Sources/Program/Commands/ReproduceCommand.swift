import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles

/// `lerobot-wm reproduce`: runs a recorded evaluation again and compares it episode by episode.
enum ReproduceCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("eval_info", help: "the recorded evaluation, an eval_info.json; may also be the first argument")
    var evaluation = ""
    @Setting("output_dir", help: "folder of the new evaluation; default outputs/reproduce/DATE/TIME_NAME")
    var outputDirectory: String?
    /// Flags for `eval`, over the recorded ones.
    var flags: [Arguments.Flag] = []

    func validate() throws(ConfigurationError) {
      guard !evaluation.isEmpty else {
        throw ConfigurationError("eval_info", "is needed: an evaluation's folder or its eval_info.json")
      }
    }
  }

  static let name = "reproduce"
  static let summary = "run a recorded evaluation again and compare it episode by episode"
  static let operands = [
    ("EVAL_INFO", "the recorded evaluation, as --eval_info names it: the file, or its folder or run")
  ]
  static let extraFlags = [("…", "every other flag is one of eval, over the recorded ones, such as --policy.path")]
  static var passesFlagsTo: [any Command.Type] { [EvalCommand.self] }
  static let examples = [
    "lerobot-wm reproduce outputs/demo/E2_seed0/eval/eval_info.json --eval.batch_size=1 --num_compute_threads=2"
  ]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    if let path = arguments.takePositional() { configured.value.evaluation = path }
    let own = Settings().json.object ?? [:]
    configured.value.flags = arguments.flags.filter { own[$0.name] == nil }
    arguments.flags.removeAll { own[$0.name] == nil }
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let recorded = recordedFile(settings.evaluation)
    let output = settings.outputDirectory ?? defaultOutput("reproduce", "eval")
    let folder = URL(fileURLWithPath: output, isDirectory: true)
    let ofOneStart = ["output_dir", "overwrite", "resume", "profile"]
    let repeated = try recordedFlags(recorded).filter {
      !ofOneStart.contains($0.name) && !$0.name.hasPrefix("eval.recording")
    }
    let flags = repeated + settings.flags.map(\.fromHere)
    try enterWorkingDirectory(of: recorded)
    let status = try EvalCommand.main(flags.map(\.word) + ["--output_dir=\(folder.path)"])
    let file = folder.appendingPathComponent("eval_info.json")
    guard status == 0 else { return status }
    let comparison = try RepeatedEvaluation(recorded: recorded, repeated: file)
    if !comparison.isUnchanged { say("\(recorded.path) was edited: its digests are of other contents") }
    for change in comparison.changes { say("not as recorded: \(change.text("recorded", "now"))") }
    comparison.differences.forEach { print($0) }
    let count = comparison.episodes
    let others = comparison.changes.map(\.name).filter { !Self.surroundings.contains(String($0.prefix { $0 != "." })) }
    guard others.isEmpty else {
      print("not the same evaluation: \(others.count) entries of its protocol are others, such as \(others[0])")
      return 1
    }
    print(
      comparison.differences.isEmpty
        ? "reproduced: \(count) of \(count) episodes are equal"
        : "not reproduced: \(comparison.differences.count) of \(count) episodes differ")
    return comparison.differences.isEmpty ? 0 : 1
  }

  /// The file of a path that may also be the folder of an evaluation or of a run.
  private static func recordedFile(_ path: String) -> URL {
    let url = URL(fileURLWithPath: path)
    let files = ["eval_info.json", "eval/eval_info.json"].map(url.appendingPathComponent)
    return files.first { FileManager.default.fileExists(atPath: $0.path) } ?? url
  }

  /// Entries of a protocol that say what it ran on and with; a result that survives their change is reproduced.
  private static let surroundings = Set(IncidentalEntries.machine + ["renderer", "precision"])

  /// Goes to the folder that the recorded paths are relative to, if it is still there.
  private static func enterWorkingDirectory(of recorded: URL) throws {
    guard let path = try JSON(contentsOf: recorded)["protocol"]?["working_directory"]?.string else { return }
    _ = FileManager.default.changeCurrentDirectoryPath(path)
  }

  /// The flags of the recorded command line.
  private static func recordedFlags(_ file: URL) throws -> [Arguments.Flag] {
    guard let line = try JSON(contentsOf: file)["protocol"]?["command_line"]?.array?.compactMap(\.string), !line.isEmpty
    else {
      throw Failure("\(file.path) does not record its command line; evaluate its checkpoint with `eval`")
    }
    let words = Array(line.dropFirst())
    let flags = Arguments(words.first == EvalCommand.name ? Array(words.dropFirst()) : words).flags
    // The size of LIBERO's images was not always chosen by the checkpoint.
    let environment = try JSON(contentsOf: file)["protocol"]?["env"]
    let sizes = ["observation_height", "observation_width"].compactMap { name -> String? in
      guard !flags.contains(where: { $0.name == "env.\(name)" }) else { return nil }
      return environment?[name]?.integer.map { "--env.\(name)=\($0)" }
    }
    return flags + Arguments(sizes).flags
  }
}

extension Arguments.Flag {
  /// The same flag; of a model that lies in the present folder by its whole path.
  fileprivate var fromHere: Arguments.Flag {
    let ofModels: Set = ["policy.path", "policy.vlm_model_name", "policy.world_vision_model_name", "config_path"]
    guard ofModels.contains(name), let path = text, FileManager.default.fileExists(atPath: path) else { return self }
    return Arguments(["--\(name)=\(URL(fileURLWithPath: path).path)"]).flags.first ?? self
  }
}
