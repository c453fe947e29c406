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

  @Test func `whatever the page depends on is noticed`() throws {
    let model = "E2_seed0/checkpoints/last/pretrained_model"
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    for arm in ["E0", "E2"] {
      try matrix.write(arm, "\(arm)_seed0/checkpoints/last/pretrained_model/model.safetensors")
      try matrix.set(
        "\(arm)_seed0/eval/eval_info.json", ["protocol", "model_sha256"], to: .string(sha256(of: arm)))
    }
    let page = live(matrix)
    var digests = try digests(page)
    for (what, sections, change) in [
      (
        "a training record", ["verdict"],
        { try matrix.set("\(model)/training_record.json", ["segments"], to: [["first_step": 0, "batch_size": 16]]) }
      ),
      ("weights", ["verdict"], { try matrix.write("other", "\(model)/model.safetensors") }),
      (
        "an ablation", ["ablations"],
        {
          let folder = "E0_seed0/eval/ablations/zero"
          try matrix.evaluation(folder, matrix.outcomes(0.2, ["push_left"], 20, salt: "zero"))
          try matrix.set("\(folder)/eval_info.json", ["protocol", "ablation"], to: "zero")
        }
      ),
      (
        "the plan", ["verdict"],
        {
          let plan = MatrixPlan(Arm.known.filter { ["E0", "E2"].contains($0.name) }, seeds: [0, 1])
          try matrix.write(JSON.object(["plan": plan.json]).text(), "matrix.json")
        }
      ),
      (
        "films", ["rollouts"],
        {
          for arm in ["E0", "E1", "E2"] {
            for episode in 0..<6 {
              try matrix.write("-", "\(arm)_seed0/eval/videos/shapes_push_left/eval_episode_\(episode).mp4")
            }
          }
        }
      ),
    ] as [(String, [String], () throws -> Void)] {
      try change()
      let now = try self.digests(page)
      for section in sections { #expect(now[section] != digests[section], "\(what)") }
      digests = now
    }
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
