import Experiments
import Foundation
import ModelFiles
import Testing

struct ReportTablesTests {
  @Test func `tables for papers and spreadsheets hold every row and every episode`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1])
    let path = "E2_seed0/eval/eval_info.json"
    var tasks = try #require(JSON(contentsOf: matrix(path))["per_task"]?.array)
    var task = try #require(tasks[0].object), metrics = try #require(tasks[0]["metrics"]?.object)
    var instructions = try #require(metrics["instructions"]?.array)
    instructions[0] = "=push, \"quickly\""
    metrics["instructions"] = .array(instructions)
    task["metrics"] = .object(metrics)
    tasks[0] = .object(task)
    try matrix.set(path, ["per_task"], to: .array(tasks))
    let report = try matrix.report()
    let lines = report.csv.split(separator: "\n")
    // Three arms of two seeds, E0 told the contrary and random: eight evaluations of 40 episodes, and the head.
    #expect(lines.count == 1 + 8 * 40)
    #expect(
      report.csv.contains(#"E2_seed0,E2,0,eval,shapes/push_left,0,"#) && report.csv.contains(#""'=push, ""quickly"""#))
    #expect(report.markdown.contains("| E2 · world policy, predicted memory |") && report.markdown.contains("- E0 "))
    #expect(report.latex.contains("E0, contrary &") && report.latex.hasSuffix("\\end{tabular}\n"))
    let e2 = try #require(report.json["aggregates"]?["E2"])
    #expect(try (0...1).contains(#require(e2["probability_of_improvement"]?["value"]?.double)))
    #expect(try (0...1).contains(#require(e2["interquartile_mean"]?["value"]?.double)))
    try report.write(to: matrix("report.html"))
    for ending in ["html", "json", "md", "tex", "csv"] {
      #expect(FileManager.default.fileExists(atPath: matrix("report.\(ending)").path), "\(ending)")
    }
  }

  @Test func `names with the signs of a format are set as they are`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    let name = #"a|b\c{d}#e$f%g&h_i^j~k"#
    try matrix.run(name, seed: 0)
    let outcomes = matrix.outcomes(0.5, ["push_left"], 20, salt: "odd")
    try matrix.evaluation("\(name)_seed0/eval", outcomes)
    try matrix.evaluation("\(name)_seed0/eval/ablations/x|y", outcomes)
    let report = try matrix.report()
    let set = ##"a|b\textbackslash{}c\{d\}\#e\$f\%g\&h\_i\textasciicircum{}j\textasciitilde{}k & "##
    #expect(report.latex.split(separator: "\n").contains { $0.hasPrefix(set) }, "\(report.latex)")
    // A bar in a cell is written `\|`, and a backslash before it `\\`, by the rules of GitHub's tables.
    let rows = report.markdown.split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.contains { $0.hasPrefix(#"| a\|b\\c{d}#e$f%g&h_i^j~k · "#) }, "\(rows)")
    #expect(rows.contains { $0.hasPrefix(#"| x\|y |"#) }, "\(rows)")
    for row in rows {
      let bars = row.replacing(#"\\"#, with: "").replacing(#"\|"#, with: "").count { $0 == "|" }
      #expect([5, 6].contains(bars), "\(row)")
    }
  }

  /// A letter's sign and a combining mark are one character of Swift, and two of every other reader.
  @Test func `signs of a format that another character joins are signs all the same`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    let name = "a%\u{301}b|\u{301}c"
    try matrix.run(name, seed: 0)
    try matrix.evaluation("\(name)_seed0/eval", matrix.outcomes(0.5, ["push_left"], 20, salt: "odd"))
    let path = "E2_seed0/eval/eval_info.json"
    var entry = try #require(JSON(contentsOf: matrix(path))["per_task"]?.array?[0])
    var members = try #require(entry.object), metrics = try #require(entry["metrics"]?.object)
    var instructions = try #require(metrics["instructions"]?.array)
    for (index, text) in ["one\r\ntwo", "left,\u{301}right", "=\u{301}1", "\"\u{301}"].enumerated() {
      instructions[index] = .string(text)
    }
    metrics["instructions"] = .array(instructions)
    members["metrics"] = .object(metrics)
    entry = .object(members)
    try matrix.set(path, ["per_task"], to: .array([entry]))
    let report = try matrix.report()
    func holds(_ text: String, _ part: String) -> Bool { Data(text.utf8).range(of: Data(part.utf8)) != nil }
    for field in ["\"one\r\ntwo\"", "\"left,\u{301}right\"", "'=\u{301}1", "\"\"\"\u{301}\""] {
      #expect(holds(report.csv, ",\(field),"), "\(field)")
    }
    #expect(holds(report.latex, "a\\%\u{301}b"), "\(report.latex)")
    #expect(holds(report.markdown, "b\\|\u{301}c"))
  }
}
