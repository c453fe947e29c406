import Failures
import Foundation
import ModelFiles
import Testing

@testable import Experiments

struct ArmTests {
  @Test func `that are known have different names and settings, one baseline and one control`() throws {
    let known = Arm.known
    #expect(Set(known.map(\.name)).count == known.count && Set(known.map { "\($0.settings)" }).count == known.count)
    #expect(known.filter { $0.role == .baseline }.map(\.name) == ["E0"])
    #expect(known.filter { $0.role == .control }.map(\.name) == ["E1"])
    #expect(known.filter { !$0.isWorld }.map(\.name) == ["E0"])
    // Every fusion variant is E2 and something more.
    let treatment = try #require(known.first { $0.name == "E2" })
    for name in ["F2", "F3a_state", "F3a_prefix", "F3b", "wrist", "horizon4"] {
      let arm = try #require(known.first { $0.name == name })
      #expect(treatment.settings.allSatisfy { arm.settings[$0.key] == $0.value } && arm.role == .treatment)
      #expect(arm.settings.count > treatment.settings.count)
    }
  }

  @Test(arguments: ["", "a b", "../x", "E2_seed", "E2_seed0", "é", "-x", "a/b"])
  func `are refused with a name that no folder of a run could have`(name: String) {
    #expect(throws: Failure.self) { try Arm(name, title: "", role: .check, settings: [:]) }
  }

  @Test func `are compared by their roles, as the plan has them`() throws {
    let arms = try [
      Arm("plain", title: "p", role: .baseline, settings: ["policy.type": "smolvla"]),
      Arm("zeros", title: "z", role: .control, settings: ["policy.type": "smolvla_world"]),
      Arm("new", title: "n", role: .treatment, settings: ["policy.type": "smolvla_world"]),
    ]
    let plan = MatrixPlan(arms, seeds: [0])
    #expect(plan.json["primary_comparison"] == "new - plain")
    let matrix = try FixtureMatrix(empty: ())
    for (arm, chance) in zip(arms, [0.7, 0.7, 0.75]) {
      try matrix.run(arm.name, seed: 0)
      let outcomes = matrix.outcomes(chance, ["push_left"], 20, salt: arm.name)
      try matrix.evaluation("\(arm.name)_seed0/eval", outcomes)
    }
    try matrix.write(
      (["plan": plan.json, "arms": MatrixPlan.json(arms)] as JSON).text(), "matrix.json")
    let report = try matrix.report()
    #expect(report.comparisons.map(\.treatment) == ["zeros", "new"])
    #expect(report.comparisons.allSatisfy { $0.baseline == "plain" })
    #expect(report.comparisons.map(\.isControl) == [true, false])
    // The primary comparison is said first.
    let order = report.verdicts.map { $0.headline.contains("new_seed0") ? "new" : "zeros" }
    #expect(order == ["new", "zeros"])
    // Without a plan names decide, as always.
    #expect(try FixtureMatrix(seeds: [0]).report().comparisons.map(\.isControl) == [true, false])
  }

  @Test func `keep a planned role also under the usual baseline's name`() throws {
    let roles = ArmRoles(
      try [
        Arm("plain", title: "p", role: .baseline, settings: ["policy.type": "smolvla"]),
        Arm("E0", title: "the same again", role: .control, settings: ["policy.type": "smolvla"]),
      ])
    #expect(roles.baseline == "plain" && roles.isControl("E0") && roles.title(of: "E0") == "the same again")
  }

  @Test func `have the titles of the plan in every form of the report, and the usual ones a description`() throws {
    let matrix = try FixtureMatrix()
    let usual = Arm.known.filter { Arm.usual.contains($0.name) }
    let own = try Arm("E3", title: "larger <world> loss", role: .treatment, settings: usual[2].settings)
    for path in ["metrics.jsonl", "checkpoints", "eval"] {
      try matrix.write("", "E3_seed0/none")
      try FileManager.default.copyItem(at: matrix("E2_seed0/\(path)"), to: matrix("E3_seed0/\(path)"))
    }
    let arms = usual + [own]
    try matrix.write(
      (["plan": MatrixPlan(arms, seeds: [0]).json, "arms": MatrixPlan.json(arms)] as JSON).text(), "matrix.json")
    func titles() throws -> [String] { try matrix.report().rows.filter { $0.condition == "eval" }.map(\.title) }
    #expect(
      try titles() == [
        "SmolVLA, the baseline", "world policy, memory zeroed (capacity control)", "world policy, predicted memory",
        "larger <world> loss", "each action at random",
      ])
    let report = try matrix.report()
    #expect(report.markdown.contains("| E3 · larger <world> loss |"))
    #expect(report.json["results"]?.array?.contains { $0["title"] == "larger <world> loss" } == true)
    #expect(report.html().contains("<b>E3</b> larger &lt;world&gt; loss"))
    // A title does not hide what was rolled out.
    try matrix.set("E3_seed0/eval/eval_info.json", ["protocol", "world_memory_mode_rollout"], to: "zero")
    #expect(
      try titles()[3]
        == "larger <world> loss: world policy trained with predicted memory, rolled out with memory zeroed (an ablation)"
    )
  }
}
