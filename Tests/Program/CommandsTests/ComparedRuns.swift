import Experiments
import Foundation
import ModelFiles
import Testing

/// The smallest experiment that is real: E0 and E2, trained and evaluated by the program once for all tests, each of which
/// has a copy to damage or to run parts of it again with other settings.
enum ComparedRuns {
  private static let made = Result {
    let root = try Fixture.root().appendingPathComponent("runs")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    for arm in ["E0", "E2"] {
      try train(arm, in: Fixture.folder, root: "runs")
      try evaluate(arm, in: Fixture.folder, root: "runs")
    }
    return root
  }

  /// A fresh folder with a copy of the experiment in `out`.
  static func within(copying copied: [String] = [], _ body: (URL) throws -> Void) throws {
    let runs = try made.get()
    try Fixture.within(copying: copied) { folder in
      try FileManager.default.copyItem(at: runs, to: folder.appendingPathComponent("out"))
      try body(folder)
    }
  }

  static func train(
    _ arm: String, _ flags: [String] = [], in folder: URL, root: String = "out"
  ) throws {
    let world = arm == "E0" ? [] : Flags.world
    try Program.succeed(
      ["train", "--output_dir=\(root)/\(arm)_seed3", "--overwrite"] + Flags.train + world + ["--steps=2"] + flags,
      in: folder)
  }

  @discardableResult
  static func evaluate(
    _ arm: String, _ flags: [String] = [], in folder: URL, root: String = "out", environment: [String: String] = [:]
  ) throws -> Outcome {
    let run = "\(root)/\(arm)_seed3"
    let path = flags.contains { $0.hasPrefix("--policy.path") } ? [] : ["--policy.path=\(model(arm, root: root))"]
    return try Program.run(
      Flags.evaluate + path + ["--output_dir=\(run)/eval", "--overwrite"] + flags, in: folder, environment: environment)
  }

  /// The checkpoint that is evaluated.
  static func model(_ arm: String, root: String = "out") -> String {
    "\(root)/\(arm)_seed3/checkpoints/last/pretrained_model"
  }

  /// What the report says of the experiment, line by line.
  static func report(allowing allowed: [String] = [], in folder: URL) throws -> String {
    try ExperimentReport(root: folder.appendingPathComponent("out"), allowedDifferences: allowed).table()
  }

  /// Checks that E2 and E0 are not compared, and why.
  static func expectRefusal(_ clue: String, in folder: URL) throws {
    let text = try report(in: folder)
    let line = text.split(separator: "\n").first { $0.hasPrefix("E2 is not compared with E0.") } ?? ""
    // A reason is a sentence of its own there.
    #expect(line.lowercased().contains(clue.lowercased()), "\(text)")
    #expect(!text.contains("E2 is better than") && !text.contains("E2 is worse than"), "\(text)")
    let checks = try ExperimentReport(root: folder.appendingPathComponent("out")).checks
    #expect(checks.contains { $0.outcome == .problem && $0.text.contains(clue) }, "\(checks)")
  }

  /// Changes a file's last byte.
  static func flip(_ file: URL, at offset: Int? = nil) throws {
    var bytes = try Data(contentsOf: file)
    bytes[offset ?? bytes.count - 1] ^= 1
    try bytes.write(to: file)
  }

  /// Replaces the first occurrence of a text.
  static func edit(_ file: URL, _ text: String, _ replacement: String) throws {
    let before = try String(contentsOf: file, encoding: .utf8)
    let range = try #require(before.range(of: text), "\(text) in \(file.path)")
    try before.replacingCharacters(in: range, with: replacement).write(to: file, atomically: true, encoding: .utf8)
  }
}
