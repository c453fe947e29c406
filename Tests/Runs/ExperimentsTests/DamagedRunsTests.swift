import Experiments
import Failures
import Foundation
import MediaCoding
import ModelFiles
import Testing

struct DamagedRunsTests {
  @Test func `a folder that is missing or holds no runs is refused by name`() throws {
    let matrix = try FixtureMatrix(empty: ())
    let empty = #expect(throws: Failure.self) { try matrix.report() }
    #expect(empty?.description.contains("found none") == true)
    let gone = #expect(throws: Failure.self) { try ExperimentReport(root: matrix("gone")) }
    #expect(gone?.description == matrix("gone").path + ": the folder does not exist")
  }

  @Test func `missing parts are listed`() throws {
    let matrix = try FixtureMatrix()
    for path in [
      "E0_seed0/eval_contrary", "random", "E1_seed0", "E2_seed0/metrics.jsonl", "E2_seed0/checkpoints", "E2_seed0/eval",
    ] {
      try FileManager.default.removeItem(at: matrix(path))
    }
    let report = try matrix.report()
    for part in [
      "no run of experiment E1", "E2_seed0/metrics.jsonl", "config.json", "train_config.json",
      "E2_seed0/eval/eval_info.json", "E0_seedN/eval/ablations", "random/eval_info.json",
    ] {
      #expect(report.missing.contains { $0.contains(part) }, "\(part)")
      #expect(report.html().contains(part), "\(part)")
    }
    #expect(report.table().contains("Missing: "))
  }

  @Test(arguments: [
    ("E0_seed0/metrics.jsonl", "{\"step\":10,\"loss\":1}\n{\"step\":\n{\"step\":30,\"loss\":1}\n", "line 2"),
    ("E0_seed0/metrics.jsonl", "{\"loss\":1}\n", "integer \"step\""),
    ("E0_seed0/metrics.jsonl", "{\"step\":20}\n{\"step\":10}\n", "increasing steps"),
    ("E0_seed0/eval/eval_info.json", "{}", "per_task"),
    ("E0_seed0/eval/eval_info.json", "{\"per_task\": []}", "found none"),
    ("E0_seed0/eval/eval_info.json", "{\"per_task\": [{\"task\": \"a\", \"metrics\": {\"successes\": [1]}}]}", "true"),
    (
      "E0_seed0/eval/eval_info.json",
      "{\"per_task\": [{\"task\": \"a\", \"metrics\": {\"successes\": [true], \"steps\": []}}]}", "one for each episode"
    ),
    ("E0_seed0/checkpoints/last/pretrained_model/config.json", "[]", "JSON object"),
  ]) func `a file with other contents is named, and its run left out`(path: String, text: String, clue: String) throws {
    let matrix = try FixtureMatrix()
    try matrix.write(text, path)
    let report = try matrix.report()
    let warning = try #require(report.warnings.first { $0.contains("E0_seed0 is left out") })
    #expect(warning.contains(matrix(path).path) && warning.contains(clue) && !warning.contains("\n"), "\(warning)")
    #expect(report.checks.contains { $0.name == "E0_seed0" && $0.outcome == .problem && $0.text == warning })
    // No comparison with E0 is left, and none between other arms is lost.
    #expect(
      report.findings.filter { $0.contains("is not compared with E0") && $0.contains("E0_seed0 is left") }.count == 2)
  }

  @Test func `a damaged run is no reason to leave out others, and nothing but damage is an error`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1])
    try matrix.write("{}", "E2_seed1/eval/eval_info.json")
    let report = try matrix.report()
    #expect(report.findings.contains { $0.contains("E2 is not compared with E0. E2_seed1 is left out") })
    #expect(report.findings.contains { $0.contains("whether E1 is better or worse than E0") || $0.contains("E1 is ") })
    #expect(!report.missing.contains { $0.contains("no run of experiment E2") })
    for run in ["E0_seed0", "E0_seed1", "E1_seed0", "E1_seed1", "E2_seed0"] {
      try matrix.write("{}", "\(run)/eval/eval_info.json")
    }
    let error = try #require(throws: Failure.self) { try matrix.report() }
    #expect("\(error)".contains("E0_seed0/eval/eval_info.json"))
  }

  @Test(arguments: [("E0_seed0/eval/eval_info.json", "{\"per_task\": [{\"ta"), ("random/eval_info.json", "")])
  func `a file that is not JSON is named`(path: String, text: String) throws {
    let matrix = try FixtureMatrix()
    try matrix.write(text, path)
    let warning = try #require(try matrix.report().warnings.first { $0.contains(matrix(path).path) })
    #expect(warning.contains("expected") && !warning.contains("\n"), "\(warning)")
  }

  @Test func `a killed run's half last line is a warning`() throws {
    let matrix = try FixtureMatrix()
    try matrix.write("{\"step\":10,\"loss\":1}\n{\"step\":20,\"lo", "E0_seed0/metrics.jsonl")
    let report = try matrix.report()
    #expect(report.warnings.contains { $0.contains("E0_seed0/metrics.jsonl ends in an incomplete line") })
    #expect(report.warnings.contains { $0.contains("up to step 10 of 1200") })
  }

  @Test func `action chunks executed to the end and episodes that ended with an error are warned of`() throws {
    let matrix = try FixtureMatrix()
    try matrix.evaluation("E0_seed0/eval", [("a", [true, false])], actionSteps: 10)
    try matrix.write(
      "{\"per_task\": [{\"metrics\": {\"successes\": [true, false], \"problems\": [null, \"the arm <b>fell\"]}}]}",
      "random/eval_info.json")
    let report = try matrix.report()
    #expect(report.warnings.contains { $0.hasPrefix("E0_seed0/eval: action chunks were executed to the end") })
    #expect(report.warnings.contains { $0.hasPrefix("random: 1 of 2 episodes ended with an error") })
    #expect(report.html().contains("the arm &lt;b&gt;fell"))
  }

  @Test func `arms with different protocols are not compared, and the table names the reason`() throws {
    let outcomes = [("a", [true, false])]
    func refusal(_ change: (FixtureMatrix) throws -> Void) throws -> String {
      let matrix = try FixtureMatrix()
      for experiment in ["E0", "E1", "E2"] { try matrix.evaluation("\(experiment)_seed0/eval", outcomes) }
      try change(matrix)
      let report = try matrix.report()
      let comparison = report.json["comparisons"]?.array?.first { $0["treatment"] == "E2" }
      let reason = comparison?["refused"]?.string ?? "compared"
      #expect(comparison?["paired"] == nil)
      #expect(report.html().contains("not compared: "))
      return reason
    }
    #expect(
      try refusal { try $0.evaluation("E2_seed0/eval", [("a", [true, false, true])]) }
        .hasPrefix("episode counts differ: E2_seed0 has 3 of shapes/a, E0_seed0 has 2; "))
    #expect(try refusal { try $0.evaluation("E2_seed0/eval", [("b", [true, false])]) }.contains("tasks differ"))
    #expect(
      try refusal { try $0.evaluation("E2_seed0/eval", outcomes, seed: 7) }
        .hasPrefix("evaluation seed differs: 7 in E2_seed0, 1000 in E0_seed0; "))
    #expect(
      try refusal { try $0.evaluation("E2_seed0/eval", outcomes, actionSteps: 50) }
        .hasPrefix("n_action_steps differs: 50 in E2_seed0, 5 in E0_seed0; "))
    #expect(
      try refusal { try $0.evaluation("E2_seed0/eval", outcomes, actionSteps: nil) }
        .contains("n_action_steps of E2_seed0 is not recorded"))
    #expect(try refusal { try $0.evaluation("E2_seed0/eval", outcomes, contrary: true) }.contains("contrary"))
    #expect(try refusal { try $0.run("E2", seed: 0, steps: 600) }.contains("sample budgets differ"))
    #expect(
      try refusal {
        try $0.run("E2", seed: 1)
        try $0.evaluation("E2_seed1/eval", outcomes)
      }.hasPrefix("training seeds differ: E2 has 0, 1, E0 has 0; "))
  }

  @Test func `the contents of files are text, never markup`() throws {
    let attack = "<script>alert('x')</script>\"><img src=x onerror=y>&"
    let matrix = try FixtureMatrix()
    try matrix.evaluation("E0_seed0/eval", [(attack, [true, false]), ("b", [true, true])])
    try matrix.write(
      "{\"type\": \"\(attack.replacingOccurrences(of: "\"", with: "\\\""))\"}",
      "E2_seed0/checkpoints/last/pretrained_model/config.json")
    let html = try matrix.report(title: attack).html()
    #expect(!html.contains("<script>alert") && !html.contains("<img src=x"))
    #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&gt;&lt;img src=x onerror=y&gt;&amp;"))
  }

  @Test(arguments: [
    (7, "[0, 6917529027641081856, 3]"), (4_611_686_018_427_387_904, "[0, 1, 6917529027641081856]"),
    (-9_223_372_036_854_775_807, "[0, 5, 9]"),
  ]) func `steps that no integer holds the product of are an unknown number of samples`(
    steps: Int, firsts: String
  ) throws {
    let matrix = try FixtureMatrix()
    let model = "E2_seed0/checkpoints/last/pretrained_model"
    let starts = try #require(JSON(parsing: firsts).array)
    try matrix.set(
      "\(model)/training_record.json", ["segments"],
      to: .array(starts.map { ["first_step": $0, "batch_size": 1, "seed": 0] }))
    try matrix.set("\(model)/train_config.json", ["steps"], to: .integer(steps))
    try matrix.set("E2_seed0/eval/eval_info.json", ["protocol", "step"], to: 6_917_529_027_641_081_856)
    let report = try matrix.report()
    #expect(report.findings.contains { $0.hasPrefix("E2 is not compared with E0.") })
    #expect(report.checks.contains { $0.name.hasPrefix("E2 against") && $0.outcome == .problem })
  }

  @Test func `extreme numbers do not break a chart`() throws {
    let matrix = try FixtureMatrix()
    let values = ["1e300", "-1e300", "NaN", "Infinity", "0", "1e-300", "\"x\"", "9223372036854775807"]
    let lines = values.enumerated().map { "{\"step\":\($0 + 1),\"loss\":\($1),\"grad_norm\":3,\"world_cos\":\($1)}" }
    try matrix.write(lines.joined(separator: "\r\n") + "\r\n", "E2_seed0/metrics.jsonl")
    try matrix.write(
      "{\"per_task\": [{\"metrics\": {\"successes\": [true, true], \"steps\": [9223372036854775807, 9223372036854775807]}}]}",
      "E2_seed0/eval/eval_info.json")
    try matrix.write(
      "{\"steps\": 9223372036854775807, \"batch_size\": 32}",
      "E2_seed0/checkpoints/last/pretrained_model/train_config.json")
    let html = try matrix.report().html()
    #expect(!html.contains(/[",> ]-?(nan|inf)[",<% ]/))
  }
}
