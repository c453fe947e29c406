import ExperimentStatistics
import Experiments
import Failures
import Foundation
import MediaCoding
import ModelFiles
import PolicyEvaluation
import Testing

struct ExperimentReportTests {
  @Test func `the page stands alone and shows every part`() throws {
    let matrix = try FixtureMatrix()
    let report = try matrix.report(isDemonstration: true)
    let html = report.html()
    // Nothing is fetched: no address but those of data within the page.
    for outside in ["http:", "https:", "<link", "@import", "url(", "<script src", "<iframe"] {
      #expect(!html.contains(outside), "\(outside)")
    }
    #expect(html.contains("default-src &#39;none&#39;"))
    for part in [
      "This is a demonstration", "do not show", "Success", "Against the baseline", "World cosine", "World gate",
      "given the contrary instruction", "each action at random", "2.13.0+cpu", "demo/shapes", "By task", "Rollouts",
    ] {
      #expect(html.contains(part), "\(part)")
    }
    #expect(report.missing == [])
    #expect(report.warnings == [])
    let plain = try matrix.report()
    #expect(!plain.html().contains("This is a demonstration"))
  }

  @Test func `every tag that is opened is closed, in order`() throws {
    let html = try FixtureMatrix(seeds: [0, 1]).report(isDemonstration: true).html()
    let void: Set = ["meta", "img", "!DOCTYPE"]
    var open: [String] = []
    for match in html.matches(of: /<(\/?)([!A-Za-z][A-Za-z0-9]*)[^<>]*?(\/?)>/) {
      let name = String(match.2)
      if void.contains(name) || !match.3.isEmpty { continue }
      if match.1.isEmpty { open.append(name) } else { #expect(open.popLast() == name) }
    }
    #expect(open == [])
  }

  @Test func `the figures are those that were counted`() throws {
    let matrix = try FixtureMatrix()
    try FileManager.default.removeItem(at: matrix("E1_seed0"))
    let one = [true, true, true, false], other = [true, false, false, true]
    try matrix.evaluation("E0_seed0/eval", [("a", other), ("b", other)])
    try matrix.evaluation("E2_seed0/eval", [("a", one), ("b", one)])
    let json = try matrix.report().json
    let row = try #require(json["results"]?.array?.first { $0["experiment"] == "E2" })
    #expect(row["success"]?["successes"] == 6)
    let interval = SuccessRate(successes: 6, episodes: 8).interval
    #expect(row["success"]?["wilson_95"] == [.number(interval.lowerBound), .number(interval.upperBound)])
    #expect(row["tasks"]?["shapes/a"]?["successes"] == 3)
    // Successes last 24 + (7k mod 13) steps here, failures 60.
    #expect(row["mean_steps"] == .number((24 + 31 + 25 + 60) / 4))
    let comparison = try #require(json["comparisons"]?.array?.first { $0["treatment"] == "E2" })
    #expect(comparison["paired"]?["only_treatment"] == 4)
    #expect(comparison["paired"]?["only_baseline"] == 2)
    #expect(comparison["paired"]?["difference"] == 0.25)
    #expect(comparison["paired"]?["mcnemar_exact_p"]?.double.map { abs($0 - 0.6875) < 1e-12 } == true)
    #expect(comparison["unit"] == "checkpoints" && comparison["verdict"] == "cannot tell")
    #expect(
      comparison["finding"]?.string?.hasPrefix(
        "These episodes cannot tell whether the checkpoint E2_seed0 or the checkpoint E0_seed0 does better.") == true)
    let refused = try #require(json["comparisons"]?.array?.first { $0["treatment"] == "E1" })
    #expect(refused["refused"] == "E1 has no run; train it, or leave it out of the plan")
  }

  @Test func `seeds are shown apart and pooled, and paired within a seed`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1])
    for seed in [0, 1] {
      try matrix.evaluation("E0_seed\(seed)/eval", [("a", [seed == 0, false])])
      try matrix.evaluation("E2_seed\(seed)/eval", [("a", [seed == 0, false])])
    }
    let json = try matrix.report().json
    let rows = try #require(json["results"]?.array).filter { $0["experiment"] == "E2" }
    #expect(rows.map { $0["success"]?["episodes"] } == [4, 2, 2])
    #expect(rows.map { $0["pooled"] } == [true, false, false])
    let comparison = try #require(json["comparisons"]?.array?.first { $0["treatment"] == "E2" })
    #expect(comparison["paired"]?["both"] == 1 && comparison["paired"]?["neither"] == 3)
    #expect(comparison["by_training_seed"]?["1"]?["neither"] == 2)
  }

  @Test func `an effect that is there is said, with its direction`() throws {
    let matrix = try FixtureMatrix()
    let bad = [Bool](repeating: false, count: 20), good = [Bool](repeating: true, count: 20)
    try matrix.evaluation("E0_seed0/eval", [("a", good)])
    try matrix.evaluation("E1_seed0/eval", [("a", bad)])
    try matrix.evaluation("E2_seed0/eval", [("a", good)])
    let findings = try matrix.report().findings.joined(separator: "\n")
    #expect(findings.contains("The checkpoint E1_seed0 reached the goal less often than the checkpoint E0_seed0."))
    #expect(findings.contains("The capacity control fails"))
    #expect(findings.contains("cannot tell whether the checkpoint E2_seed0 or"))
    #expect(findings.contains("E0_seed0 follows the instruction"))
  }

  @Test func `the table for a terminal is aligned and says what the page says`() throws {
    let report = try FixtureMatrix(seeds: [0, 1, 2]).report()
    let lines = report.table().split(separator: "\n", omittingEmptySubsequences: false)
    let table = lines.prefix { !$0.isEmpty }
    #expect(Set(table.map(\.count)).count == 1)
    // Three arms of four rows, the contrary instruction, random, and the head.
    #expect(table.count == 16)
    #expect(report.findings.contains { $0.contains("t test over 6 runs") })
  }

  @Test func `page and figures are written together, and never over others unasked`() throws {
    let matrix = try FixtureMatrix()
    let report = try matrix.report()
    try report.write(to: matrix("report.html"))
    #expect(try JSON(contentsOf: matrix("report.json")) == report.json)
    let before = try String(contentsOf: matrix("report.html"), encoding: .utf8)
    // A page of this program holds nothing that the runs do not.
    try report.write(to: matrix("report.html"))
    try FileManager.default.removeItem(at: matrix("report.html"))
    #expect(throws: FileError.self) { try report.write(to: matrix("report.html")) }
    #expect(!FileManager.default.fileExists(atPath: matrix("report.html").path))
    try report.write(to: matrix("report.html"), overwrite: true)
    #expect(try String(contentsOf: matrix("report.html"), encoding: .utf8) == before)
    try matrix.write("<html><body>mine</body></html>", "report.html")
    #expect(throws: FileError.self) { try report.write(to: matrix("report.html")) }
    #expect(throws: Failure.self) { try report.write(to: matrix("report.json"), overwrite: true) }
    #expect(throws: FileError.self) { try report.write(to: matrix("nowhere/report.html")) }
  }

  /// Outcomes of 100 episodes with this many successes.
  private func evaluate(_ matrix: FixtureMatrix, _ experiment: String, _ successes: [Int]) throws {
    for (seed, count) in successes.enumerated() {
      try matrix.evaluation("\(experiment)_seed\(seed)/eval", [("a", (0..<100).map { $0 < count })], recorded: 0)
    }
  }

  @Test func `methods are compared over their training runs`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1, 2])
    // McNemar's test alone would announce E2: seeds of both arms differ by as much as the arms.
    try evaluate(matrix, "E0", [60, 80, 70])
    try evaluate(matrix, "E1", [60, 81, 69])
    try evaluate(matrix, "E2", [66, 90, 78])
    let undecided = try matrix.report()
    func comparison(_ report: ExperimentReport, _ arm: String) throws -> JSON {
      try #require(report.json["comparisons"]?.array?.first { $0["treatment"]?.string == arm })
    }
    let e2 = try comparison(undecided, "E2")
    #expect(e2["unit"] == "methods" && e2["verdict"] == "cannot tell")
    #expect(try #require(e2["paired"]?["mcnemar_exact_p"]?.double) < 0.001)
    #expect(
      undecided.findings.contains { $0.hasPrefix("These runs cannot tell whether E2 is better or worse than E0.") })
    // Twice the smaller p, by Holm over two arms.
    let p = try #require(e2["t_over_runs"]?["p"]?.double)
    #expect(try abs(#require(e2["p_holm"]?.double) - 2 * p) < 1e-12)
    #expect(undecided.findings.contains { $0.contains("The capacity control is undecided") })

    try evaluate(matrix, "E0", [70, 71, 72])
    try evaluate(matrix, "E1", [71, 70, 72])
    try evaluate(matrix, "E2", [90, 92, 91])
    let decided = try matrix.report()
    #expect(try comparison(decided, "E2")["verdict"] == "better")
    #expect(decided.findings.contains { $0.hasPrefix("E2 is better than E0.") })
    #expect(try comparison(decided, "E1")["equivalence"]?["answer"] == "equivalent")
    #expect(
      decided.findings.contains { $0.contains("The capacity control holds: E1 and E0 are equal within ±5 points") })
    #expect(decided.table().contains("E2 is better than E0.") && decided.html().contains("E2 is better than E0."))
  }

  @Test func `there is no verdict until every planned run is there, and later additions are said`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1])
    try matrix.write(#"{"plan":{"experiments":["E0","E1","E2"],"seeds":[0,1,2]}}"#, "matrix.json")
    let report = try matrix.report()
    #expect(report.findings.first?.hasPrefix("PRELIMINARY: 3 of 9 planned runs are not finished") == true)
    #expect(report.json["comparisons"]?.array?.allSatisfy { $0["verdict"] == .null } == true)
    #expect(report.table().contains("PRELIMINARY") && !report.table().contains("better or worse"))

    try matrix.write(
      #"{"plan":{"experiments":["E0","E1","E2"],"seeds":[0],"added_later":["E0_seed1","E1_seed1","E2_seed1"]}}"#,
      "matrix.json")
    let amended = try matrix.report()
    #expect(amended.findings.first?.hasPrefix("The plan was changed after its first start: E0_seed1") == true)
    #expect(amended.json["preliminary"] == .null)

    // Without the plan nobody can tell which runs are missing.
    try FileManager.default.removeItem(at: matrix("matrix.json"))
    try matrix.write(#"{"stages":[]}"#, "stages.json")
    let unplanned = try matrix.report()
    #expect(unplanned.findings.first?.hasPrefix("PRELIMINARY: matrix.json") == true)
    #expect(unplanned.json["comparisons"]?.array?.allSatisfy { $0["verdict"] == .null } == true)
  }

  @Test func `an untrained Prophet's cosine is no claim that it learned`() throws {
    let matrix = try FixtureMatrix()
    let lines = (1...100).map { #"{"step":\#($0),"loss":1,"world_cos":\#(0.06 + 0.0002 * Double($0)),"world_gate":0}"# }
    try matrix.write(lines.joined(separator: "\n") + "\n", "E2_seed0/metrics.jsonl")
    let findings = try matrix.report().findings.joined(separator: "\n")
    #expect(findings.contains("The Prophet of E2_seed0 improved, but its predictions are still nearly unrelated"))
    #expect(findings.contains("The gate of E2_seed0 is closed: it acts exactly as without a memory."))
    // A rise within the curve's own swings is none.
    let swings = (1...100).map {
      #"{"step":\#($0),"loss":1,"world_cos":\#(0.06 + 0.0002 * Double($0) + 0.05 * sin(Double($0) / 9)),"world_gate":0.004}"#
    }
    try matrix.write(swings.joined(separator: "\n") + "\n", "E2_seed0/metrics.jsonl")
    let others = try matrix.report().findings.joined(separator: "\n")
    #expect(others.contains("Nothing shows that the Prophet of E2_seed0 learned to predict."))
    #expect(others.contains("The gate of E2_seed0 is almost closed"))
  }

  @Test func `curves that lie on each other are named, and evaluations during training have a chart`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    let lines = (1...40).map { step in
      let success = step % 10 == 0 ? #","eval/pc_success":\#(step)"# : ""
      return #"{"step":\#(step),"loss":\#(1 / Double(step))\#(success)}"#
    }
    for experiment in ["E0", "E1"] {
      try matrix.write(lines.joined(separator: "\n") + "\n", "\(experiment)_seed0/metrics.jsonl")
    }
    let html = try matrix.report().html()
    #expect(html.contains("The curves of E0 and E1 coincide: none is missing, they lie on each other."))
    let chart = try #require(html.components(separatedBy: "<figure").first { $0.contains("Success over training") })
    // A dot for each evaluation of each of two runs.
    #expect(chart.components(separatedBy: " h0").count - 1 == 8)
  }

  @Test func `a range over seeds is drawn, and each seed beside the pooled rate`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1, 2], tasks: ["push_left"])
    let html = try matrix.report().html()
    let loss = try #require(html.components(separatedBy: "<figure").first { $0.contains("<b>Loss</b>") })
    #expect(loss.components(separatedBy: "class=\"band").count - 1 == 3)
    #expect(loss.components(separatedBy: "class=\"faint").count - 1 == 9)
    #expect(html.components(separatedBy: "class=\"part ").count - 1 == 9)
    #expect(html.components(separatedBy: "SD of seeds").count - 1 == 3)
  }
}
