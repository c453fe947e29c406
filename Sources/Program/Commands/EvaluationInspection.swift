import Experiments
import Failures
import Foundation
import ModelFiles

/// What an evaluation was of, what it found, and whether its file is whole.
struct EvaluationInspection {
  private(set) var inspection: Inspection

  /// - Parameter path: an `eval_info.json`, or the folder that holds it.
  init(_ path: URL) {
    let file = path.pathExtension == "json" ? path : path.appendingPathComponent("eval_info.json")
    inspection = Inspection("evaluation", path.path)
    // What is wrong is among the checks.
    guard let json = try? inspection.checks("evaluation", found: { _ in nil }, { try JSON(contentsOf: file) }) else {
      return
    }
    describe(json)
    try? inspection.checks.check(path: file)
  }

  private mutating func describe(_ json: JSON) {
    let manifest = json["protocol"]
    func fact(_ name: String, _ value: JSON?) {
      guard let value, value != .null else { return }
      inspection.facts[name] = value.string ?? value.text(.compact)
    }
    fact("policy", manifest?["policy_path"] ?? manifest?["planner"])
    fact("kind", manifest?["policy_type"])
    fact("training step", manifest?["step"])
    fact("environment", manifest?["env"]?["type"])
    fact("seed", manifest?["seed"])
    fact("ablation", manifest?["ablation"])
    let tasks = json["per_task"]?.array ?? []
    // Of the episodes themselves: the means beside them are covered by no digest.
    let flags = tasks.flatMap { $0["metrics"]?["successes"]?.array ?? [] }
    if !flags.isEmpty {
      let rate = 100 * Double(flags.count { $0 == true }) / Double(flags.count)
      inspection.facts["success"] = String(format: "%.1f %%", rate) + " of \(counted(flags.count, "episode"))"
    }
    fact("date", manifest?["date"])
    addTasks(tasks)
  }

  private mutating func addTasks(_ tasks: [JSON]) {
    let rows = tasks.map { task -> [String] in
      let flags = task["metrics"]?["successes"]?.array ?? []
      return [
        task["task_group"]?.string ?? "", task["task"]?.string ?? task["task_id"]?.integer.map(String.init) ?? "",
        "\(flags.count)", "\(flags.count { $0 == true })",
        "\((task["metrics"]?["problems"]?.array ?? []).count { $0 != .null })",
      ]
    }
    inspection.tables.append(Inspection.Table("tasks", ["group", "task", "episodes", "successes", "broken off"], rows))
  }
}
