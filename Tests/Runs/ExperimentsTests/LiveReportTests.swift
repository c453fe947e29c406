import Experiments
import Foundation
import ModelFiles
import Testing

struct LiveReportTests {
  private func live(_ matrix: FixtureMatrix) -> LiveReport {
    let root = matrix.root
    return LiveReport(root, restFactor: 0) { try ExperimentReport(root: root) }
  }

  private func digests(_ page: LiveReport) throws -> JSON {
    try JSON(parsing: Array(#require(page.contents(of: "/digests")).text.utf8))
  }

  @Test func `only the parts whose files have changed are others`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    let page = live(matrix)
    let before = try digests(page)
    #expect(try digests(page) == before)
    let log = try String(contentsOf: matrix("E2_seed0/metrics.jsonl"), encoding: .utf8)
    try matrix.write(log + #"{"step":1210,"loss":9.5}"# + "\n", "E2_seed0/metrics.jsonl")
    let after = try digests(page)
    #expect(before["training"] != after["training"])
    for part in ["success", "comparisons", "power", "rollouts"] { #expect(before[part] == after[part], "\(part)") }
    let text = try #require(page.contents(of: "/section/training")).text
    let digest = try #require(after["training"]?.string)
    #expect(text.hasPrefix("<section id=\"training\" data-digest=\"\(digest)\">") && text.hasSuffix("</section>"))
    #expect(try #require(page.contents(of: "/")).text.contains("connect-src &#39;self&#39;"))
  }

  @Test func `runs that have not begun or cannot be read are waited for`() throws {
    let matrix = try FixtureMatrix(empty: ())
    let page = live(matrix)
    #expect(try #require(page.contents(of: "/")).text.contains("found none"))
    #expect(page.contents(of: "/report.json") == nil)
    try matrix.run("E0", seed: 0)
    #expect(try #require(page.contents(of: "/")).text.contains("E0_seed0"))
    try matrix.write("{\"step\":\n{}\n", "E0_seed0/metrics.jsonl")
    #expect(try #require(page.contents(of: "/section/about")).text.contains("Nothing to show at the moment"))
    withExtendedLifetime(matrix) {}
  }

  @Test func `a damaged run is named, and the others are shown`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    let page = live(matrix)
    try matrix.write("{", "E2_seed0/eval/eval_info.json")
    for part in ["verdict", "protocol"] {
      let text = try #require(page.contents(of: "/section/\(part)")).text
      #expect(text.contains("E2_seed0 is left out"), "\(part)")
    }
    #expect(try #require(page.contents(of: "/section/success")).text.contains("SmolVLA, the baseline"))
  }

  @Test func `no path leads to a file`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    let page = live(matrix)
    for path in [
      "", "/E0_seed0/metrics.jsonl", "/section/", "/section/../matrix.json", "/../etc/passwd", "//", "/report.html",
    ] { #expect(page.contents(of: path) == nil, "\(path)") }
    #expect(page.contents(of: "/report.md")?.text.contains("| experiment |") == true)
  }
}
