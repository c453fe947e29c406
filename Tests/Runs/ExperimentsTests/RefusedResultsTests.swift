import Experiments
import Foundation
import ModelFiles
import Testing

/// Results that the checks refuse, in every format of the report.
struct RefusedResultsTests {
  private let weights = "E2_seed0/checkpoints/last/pretrained_model/model.safetensors"

  /// An edited file: its digests are of other contents.
  private func edit(_ folder: String, in matrix: FixtureMatrix) throws {
    try matrix.set("\(folder)/eval_info.json", ["outcomes_sha256"], to: "0")
  }

  @Test func `a rate of other weights is marked wherever it stands`() throws {
    let matrix = try FixtureMatrix()
    try matrix.write("others", weights)
    let report = try matrix.report()
    func lines(_ text: String, _ start: String) -> [Substring] {
      text.split(separator: "\n").filter { $0.contains(start) }
    }
    for (text, start) in [
      (report.table(), "E2 · "), (report.markdown, "| E2 · "), (report.html(), "<b>E2</b> <span"),
    ] {
      let rows = lines(text, start)
      #expect(!rows.isEmpty && rows.allSatisfy { $0.contains("refused: E2_seed0") }, "\(rows)")
    }
    #expect(lines(report.latex, "E2 ").first?.hasPrefix("E2 (refused) & ") == true, "\(report.latex)")
    #expect(lines(report.latex, "E0 ").first?.hasPrefix("E0 & ") == true)
    let rows = try #require(report.json["results"]?.array)
    #expect(rows.filter { $0["refused"] == ["E2_seed0"] }.map { $0["experiment"]?.string } == ["E2"])
    let csv = report.csv.split(separator: "\n")
    #expect(csv[0].hasSuffix(",refused"))
    #expect(csv.filter { $0.hasPrefix("E2_seed0,E2,0,eval,") }.allSatisfy { $0.hasSuffix(",1") })
    #expect(csv.filter { $0.hasPrefix("E0_seed0,E0,0,eval,") }.allSatisfy { $0.hasSuffix(",0") })
    #expect(
      report.warnings.contains { $0.hasPrefix("E2_seed0 was evaluated with other weights") }, "\(report.warnings)")
  }

  @Test func `an evaluation under another condition is refused alike in the table and in the CSV`() throws {
    let matrix = try FixtureMatrix()
    try FileManager.default.removeItem(at: matrix("E0_seed0/eval"))
    let report = try matrix.report()
    let rows = try #require(report.json["results"]?.array).filter { $0["condition"] == "eval_contrary" }
    #expect(!rows.isEmpty && rows.allSatisfy { $0["refused"] == ["E0_seed0"] })
    let lines = report.csv.split(separator: "\n").filter { $0.hasPrefix("E0_seed0,E0,0,eval_contrary,") }
    #expect(!lines.isEmpty && lines.allSatisfy { $0.hasSuffix(",1") })
  }

  @Test func `an edited evaluation stands in no table and is paired with nothing`() throws {
    let matrix = try FixtureMatrix()
    let before = try matrix.report()
    #expect(before.html().contains("The arms disagree in <b>"))
    try edit("E1_seed0/eval", in: matrix)
    try edit("E2_seed0/eval", in: matrix)
    let report = try matrix.report()
    #expect(!report.csv.contains("E2_seed0,E2,0,eval,") && report.csv.contains("E0_seed0,E0,0,eval,"))
    #expect(!report.html().contains("The arms disagree in <b>"))
    #expect(!report.table().contains("E2 · ") && report.warnings.contains { $0.contains("E2_seed0/eval was edited") })
  }

  @Test func `no finding rests on a baseline of other weights`() throws {
    let matrix = try FixtureMatrix()
    #expect(try matrix.report().findings.contains { $0.contains("does better than chance") })
    try matrix.write("others", "E0_seed0/checkpoints/last/pretrained_model/model.safetensors")
    #expect(try !matrix.report().findings.contains { $0.contains("chance") })
  }

  @Test func `an edited evaluation of random actions is left out by name`() throws {
    let matrix = try FixtureMatrix()
    try edit("random", in: matrix)
    let report = try matrix.report()
    #expect(
      report.warnings.contains { $0.hasPrefix("random is left out: ") && $0.contains("was edited") },
      "\(report.warnings)")
    #expect(!report.csv.contains("random,") && !report.table().contains("random · "))
    #expect(report.checks.contains { $0.name == "random" && $0.outcome == .problem })
  }

  @Test func `films of other weights are not shown, and why`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    let film = "\0\0\0\u{18}ftypisom....avc1" + String(repeating: "x", count: 400)
    for arm in ["E0", "E1", "E2"] {
      try FileManager.default.copyItem(at: matrix("\(arm)_seed0/eval"), to: matrix("\(arm)_seed0/films"))
      for episode in 0..<6 {
        try matrix.write(film, "\(arm)_seed0/films/videos/shapes_push_left/eval_episode_\(episode).mp4")
      }
    }
    func films() throws -> (count: Int, warnings: [String]) {
      let report = try matrix.report()
      return (report.html().components(separatedBy: "<video controls").count - 1, report.warnings)
    }
    let own = try films()
    #expect(own.count > 0 && !own.warnings.contains { $0.contains("films") })
    for arm in ["E0", "E1", "E2"] {
      try matrix.set("\(arm)_seed0/films/eval_info.json", ["protocol", "model_sha256"], to: .string(sha256(of: "x")))
    }
    let foreign = try films()
    #expect(foreign.count == 0)
    #expect(foreign.warnings.contains { $0.hasPrefix("E0_seed0/films is of other weights than E0_seed0/eval") })
  }
}
