import ExperimentStatistics
import Foundation
import PolicyEvaluation

/// One line of the result table: an arm under one condition, of one training seed or of all.
struct ResultRow: Sendable {
  /// The runs whose episodes a row counts.
  enum Part: Sendable, Equatable {
    case pooled([Int])
    case seed(Int)
    case untrained
  }

  /// The arm, such as `E0`, or `random`.
  let experiment: String
  /// The evaluation's folder, such as `eval`.
  let condition: String
  let part: Part
  let title: String
  /// Successes of all tasks, and of each.
  let rate: SuccessRate
  let tasks: [(task: String, rate: SuccessRate)]
  /// Mean control steps of an episode, if recorded.
  let meanSteps: Double?
  /// The runs whose evaluations the checks refuse, so that the rate is no result of the arm.
  let refused: [String]

  /// Whether the row is the arm's own, not one seed of several.
  var isHeadline: Bool { if case .seed = part { false } else { true } }

  init(
    _ evaluations: [RecordedEvaluation], experiment: String, condition: String, part: Part, title: String,
    refused: [String] = []
  ) {
    self.refused = refused
    self.experiment = experiment
    self.condition = condition
    self.part = part
    self.title = title
    let episodes = evaluations.flatMap(\.episodes)
    func rate(_ episodes: [RecordedEvaluation.Episode]) -> SuccessRate {
      SuccessRate(successes: episodes.count(where: \.isSuccess), episodes: episodes.count)
    }
    self.rate = rate(episodes)
    var names: [String] = []
    for task in evaluations.flatMap(\.tasks) where !names.contains(task) { names.append(task) }
    tasks = names.map { task in (task, rate(episodes.filter { $0.task == task })) }
    let steps = episodes.compactMap(\.steps).map(Double.init)
    meanSteps = steps.isEmpty ? nil : steps.reduce(0, +) / Double(steps.count)
  }
}

extension ResultRow {
  /// All rows: each arm, its seeds if several, then the contrary instruction and the random policy.
  static func all(of runs: RecordedRuns) -> [ResultRow] {
    var rows: [ResultRow] = []
    for experiment in runs.experiments {
      rows += self.rows(of: runs.runs(of: experiment), experiment, "eval", title(of: experiment, runs))
    }
    for experiment in runs.experiments {
      let own = runs.runs(of: experiment)
      let conditions = Set(own.flatMap(\.evaluations.keys)).subtracting(["eval"]).sorted()
      for condition in conditions {
        let name = condition.dropFirst("eval_".count)
        let title =
          condition == "eval_contrary"
          ? "given the contrary instruction; the original goal counts" : "evaluated as \u{201C}\(name)\u{201D}"
        rows += self.rows(of: own, experiment, condition, title)
      }
    }
    if let random = runs.random {
      rows.append(
        ResultRow([random], experiment: "random", condition: "eval", part: .untrained, title: "each action at random"))
    }
    return rows
  }

  private static func rows(
    of runs: [RecordedRun], _ experiment: String, _ condition: String, _ title: String
  ) -> [ResultRow] {
    // What was edited is named among the warnings and shown nowhere.
    let found = runs.compactMap { run in run.evaluations[condition].map { (run, $0) } }.filter(\.1.isUnchanged)
    guard !found.isEmpty else { return [] }
    func row(_ found: [(RecordedRun, RecordedEvaluation)], _ part: Part, _ title: String) -> ResultRow {
      let refused = found.filter { $0.0.refusal(of: condition) != nil }.map(\.0.name)
      return ResultRow(
        found.map(\.1), experiment: experiment, condition: condition, part: part, title: title, refused: refused)
    }
    let pooled = row(found, .pooled(found.map(\.0.seed)), title)
    guard found.count > 1 else { return [pooled] }
    return [pooled] + found.map { row([$0], .seed($0.0.seed), "training seed \($0.0.seed)") }
  }

  /// The arm's title in the plan, if it has one of its own, else its description; an ablation is always named.
  private static func title(of experiment: String, _ runs: RecordedRuns) -> String {
    let (description, isAblation) = description(of: runs.runs(of: experiment))
    guard let planned = runs.roles.title(of: experiment) else { return description }
    return isAblation ? "\(planned): \(description)" : planned
  }

  /// What runs are, from what their evaluations rolled out, else from their checkpoints.
  private static func description(of runs: [RecordedRun]) -> (text: String, isAblation: Bool) {
    guard let policy = runs.lazy.compactMap(\.policy).first else { return ("policy not recorded", false) }
    guard policy["type"] == "smolvla_world" else {
      let type = policy["type"]?.string
      return (type == "smolvla" ? "SmolVLA, the baseline" : type ?? "policy not recorded", false)
    }
    let trained = policy["world_memory_mode_train"]?.string ?? "unknown"
    let evaluation = runs.lazy.compactMap { $0.evaluations["eval"] }.first
    if evaluation?.manifest["world"]?["enable_world_injection"] == false, policy["enable_world_injection"] != false {
      return ("world policy trained with \(memory(trained)), rolled out without its injection (an ablation)", true)
    }
    let rolledOut = (evaluation?.manifest["world_memory_mode_rollout"] ?? policy["world_memory_mode_rollout"])?.string
    let expected = trained == "oracle" ? "pred" : trained
    guard let rolledOut, rolledOut != expected else {
      return ("world policy, \(memory(trained))" + (trained == "zero" ? " (capacity control)" : ""), false)
    }
    return ("world policy trained with \(memory(trained)), rolled out with \(memory(rolledOut)) (an ablation)", true)
  }

  private static func memory(_ mode: String) -> String {
    switch mode {
    case "zero": "memory zeroed"
    case "pred": "predicted memory"
    default: "\(mode) memory"
    }
  }
}
