import Foundation
import ModelFiles
import PolicyEvaluation
import Testing

@testable import Experiments

struct RecordDifferencesTests {
  private static let evaluation = "E2_seed0/eval/eval_info.json"

  /// What the report says of E2 and E0.
  private func finding(_ matrix: FixtureMatrix, allowing allowed: [String] = []) throws -> String {
    defer { withExtendedLifetime(matrix) {} }
    let report = try ExperimentReport(root: matrix.root, allowedDifferences: allowed)
    return try #require(report.comparisons.first { $0.treatment == "E2" }).finding(isPreliminary: false).text
  }

  @Test(arguments: [
    ("env.image_size", "64", "32"), ("env.episode_length", "null", "100"), ("num_steps", "10", "1"),
    ("rename_map.front", "\"front\"", "\"wrist\""), ("renderer", "\"osmesa\"", "\"egl\""),
    ("sha256.policy_postprocessor", "\"aa\"", "\"bb\""), ("sha256.tokenizer", "\"aa\"", "\"bb\""),
    ("versions.mujoco", "\"3.3.2\"", "\"3.4.0\""), ("versions.torch", "\"2.13.0\"", "\"2.11.0\""),
    ("device", "\"cpu\"", "\"cuda:0\""),
    ("hardware", "\"one\"", "\"another\""), ("tasks.shapes push_left.initial_states", "\"aa\"", "\"bb\""),
    ("policy.pad_language_to", "\"longest\"", "\"max_length\""), ("precision", "\"float32\"", "\"bfloat16\""),
  ])
  func `evaluations that were done differently are not compared, and both values are said`(
    entry: String, one: String, other: String
  ) throws {
    let matrix = try FixtureMatrix()
    let keys = ["protocol"] + entry.split(separator: ".").map(String.init)
    for experiment in ["E0", "E1", "E2"] {
      let value = try JSON(parsing: experiment == "E2" ? other : one)
      try matrix.set("\(experiment)_seed0/eval/eval_info.json", keys, to: value)
    }
    let name = entry
    let refusal = try finding(matrix)
    #expect(refusal.hasPrefix("E2 is not compared with E0.") && refusal.contains("\(name) differs: "), "\(refusal)")
    let allowed = try finding(matrix, allowing: [name])
    #expect(allowed.hasPrefix("Although \(name) may differ: "), "\(allowed)")
    // One evaluation that does not say is unlike one that does.
    try matrix.set(Self.evaluation, keys, to: nil)
    #expect(try finding(matrix).contains("not recorded in E2_seed0"))
  }

  @Test func `what says only where and when an evaluation ran is not compared`() throws {
    let matrix = try FixtureMatrix()
    for entry in ["command_line", "date", "batch_size", "compute_threads", "policy_path"] {
      try matrix.set(Self.evaluation, ["protocol", entry], to: "other")
    }
    for entry in ["policy_type", "world", "world_memory_mode_rollout"] {
      try matrix.set(Self.evaluation, ["protocol", entry], to: "other")
    }
    #expect(try !finding(matrix).contains("not compared"))
  }

  @Test(arguments: [
    (["batch_size"], "batch_size"), (["seed"], "seed"), (["dataset", "sha256"], "dataset.sha256"),
    (["dataset", "episodes"], "dataset.episodes"), (["optimizer", "lr"], "optimizer.lr"),
    (["start_sha256"], "start_sha256"), (["policy", "train_expert_only"], "policy.train_expert_only"),
    (["rename_map"], "rename_map"), (["program", "commit"], "program.commit"),
  ])
  func `runs that were trained differently are not compared`(keys: [String], name: String) throws {
    let matrix = try FixtureMatrix()
    for experiment in ["E0", "E1", "E2"] {
      let path = "\(experiment)_seed0/checkpoints/last/pretrained_model/training_record.json"
      let value: JSON = experiment == "E2" ? "two" : "one"
      let entry = keys.reversed().reduce(value) { JSON.object([$1: $0]) }
      var segment = entry.object ?? [:]
      segment["world"] = .string(experiment)
      segment["first_step"] = 0
      try matrix.write(JSON.object(["segments": .array([.object(segment)])]).text(), path)
    }
    let refusal = try finding(matrix)
    #expect(refusal.contains("not trained alike: \(name) differs: two in E2_seed0, one in E0_seed0"), "\(refusal)")
    #expect(try !finding(matrix, allowing: [name]).contains("not compared"))
  }

  @Test func `a resumed run with another batch size saw fewer samples than its settings say`() throws {
    let matrix = try FixtureMatrix()
    try matrix.write(
      #"{"segments":[{"first_step":0,"batch_size":8},{"first_step":8,"batch_size":32}]}"#,
      "E2_seed0/checkpoints/last/pretrained_model/training_record.json")
    #expect(try finding(matrix).contains("E2_seed0 saw \(8 * 8 + 1192 * 32) samples, E0_seed0 saw \(1200 * 32)"))
  }

  @Test func `an evaluation that was edited, stopped early or broke off has no verdict`() throws {
    let edited = try FixtureMatrix()
    try edited.set(Self.evaluation, ["outcomes_sha256"], to: "0123")
    #expect(try finding(edited).contains("was edited after the evaluation"))

    let stopped = try FixtureMatrix()
    for experiment in ["E0", "E1", "E2"] {
      try stopped.set("\(experiment)_seed0/eval/eval_info.json", ["protocol", "n_episodes"], to: 30)
    }
    #expect(try finding(stopped).contains("20 of 30 episodes of shapes/push_left; its evaluation did not end"))

    let broken = try FixtureMatrix()
    let json = try JSON(contentsOf: broken(Self.evaluation))
    var tasks = try #require(json["per_task"]?.array)
    var problems = try #require(tasks[0]["metrics"]?["problems"]?.array)
    problems[3] = "built against MuJoCo 332 and found MuJoCo 340"
    var metrics = try #require(tasks[0]["metrics"]?.object), task = try #require(tasks[0].object)
    metrics["problems"] = .array(problems)
    task["metrics"] = .object(metrics)
    tasks[0] = .object(task)
    try broken.set(Self.evaluation, ["per_task"], to: .array(tasks))
    #expect(
      try finding(broken).contains("1 of 40 episodes of E2_seed0 ended with an error, the first with: built against"))
  }

  @Test func `a checkpoint under two names, or one that was not evaluated itself, is named`() throws {
    let twice = try FixtureMatrix()
    try twice.adoptWeights("E2_seed0", of: "E0_seed0")
    #expect(try finding(twice).contains("E2_seed0 and E0_seed0 are one checkpoint under two names"))
    let other = try FixtureMatrix()
    try other.write("weights", "E2_seed0/checkpoints/last/pretrained_model/model.safetensors")
    #expect(try finding(other).contains("E2_seed0 was evaluated with other weights than those of its last checkpoint"))
    try other.set(Self.evaluation, ["protocol", "model_sha256"], to: .string(sha256(of: "weights")))
    #expect(try !finding(other).contains("other weights"))
  }

  @Test func `a row's title is what was rolled out`() throws {
    let matrix = try FixtureMatrix()
    func title(_ experiment: String) throws -> String {
      let report = try ExperimentReport(root: matrix.root)
      return try #require(report.rows.first { $0.experiment == experiment }).title
    }
    #expect(try title("E1") == "world policy, memory zeroed (capacity control)")
    try matrix.set("E1_seed0/eval/eval_info.json", ["protocol", "world_memory_mode_rollout"], to: "pred")
    #expect(
      try title("E1") == "world policy trained with memory zeroed, rolled out with predicted memory (an ablation)")
    try matrix.set(Self.evaluation, ["protocol", "world"], to: ["enable_world_injection": false])
    #expect(
      try title("E2") == "world policy trained with predicted memory, rolled out without its injection (an ablation)")
  }

  @Test func `copies of a run under other seeds are no independent runs`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1])
    for experiment in ["E0", "E2"] {
      try matrix.adoptWeights("\(experiment)_seed1", of: "\(experiment)_seed0")
    }
    #expect(try finding(matrix).contains("are one checkpoint under two names"))
    let renamed = try FixtureMatrix(seeds: [0, 1])
    try renamed.set("E2_seed1/checkpoints/last/pretrained_model/train_config.json", ["seed"], to: 0)
    #expect(try finding(renamed).contains("E2_seed1 was trained with seed 0"))
  }

  @Test func `a record or a digest that was taken away is missed`() throws {
    let matrix = try FixtureMatrix()
    try FileManager.default.removeItem(at: matrix("E2_seed0/checkpoints/last/pretrained_model/training_record.json"))
    #expect(try finding(matrix).contains("E2_seed0 has no training_record.json"))
    #expect(try matrix.report().missing.contains { $0.contains("training_record.json") })
    let digest = try FixtureMatrix()
    for experiment in ["E0", "E1", "E2"] {
      try digest.set("\(experiment)_seed0/eval/eval_info.json", ["protocol", "program"], to: ["version": "0.1.0"])
    }
    #expect(try finding(digest).contains("was edited after the evaluation"))
    let damaged = try FixtureMatrix()
    try damaged.write(#"{"segments":[7]}"#, "E2_seed0/checkpoints/last/pretrained_model/training_record.json")
    #expect(try finding(damaged).contains("expected segments with a first_step each"))
  }

  @Test func `seeds of one arm that were trained or evaluated differently are no method`() throws {
    for (path, keys) in [
      ("E2_seed1/checkpoints/last/pretrained_model/training_record.json", ["world", "lambda_world"]),
      ("E2_seed1/eval/eval_info.json", ["protocol", "world", "context_frames"]),
    ] {
      let matrix = try FixtureMatrix(seeds: [0, 1])
      #expect(try !finding(matrix).contains("not compared"))
      if path.hasSuffix("record.json") {
        try matrix.write(#"{"segments":[{"first_step":0,"batch_size":32,"seed":1,"world":{"lambda_world":1}}]}"#, path)
      } else {
        try matrix.set(path, keys, to: 2)
      }
      #expect(
        try finding(matrix).contains("\(keys.suffix(2).joined(separator: ".")) differs: not recorded in E2_seed0"))
    }
  }

  @Test func `an evaluation is of the memory that was trained, unless it is allowed to be another`() throws {
    let matrix = try FixtureMatrix()
    let record =
      #"{"segments":[{"first_step":0,"batch_size":32,"seed":0,"world":{"world_memory_mode_rollout":"pred"}}]}"#
    try matrix.write(record, "E2_seed0/checkpoints/last/pretrained_model/training_record.json")
    try matrix.set(Self.evaluation, ["protocol", "world"], to: ["world_memory_mode_rollout": "zero"])
    #expect(try finding(matrix).contains("The evaluation of E2_seed0 is an ablation"))
    #expect(try !finding(matrix, allowing: ["world.world_memory_mode_rollout"]).contains("ablation"))
  }

  @Test func `entries that may differ are given by names that exist`() throws {
    let matrix = try FixtureMatrix()
    #expect(throws: (any Error).self) { try ExperimentReport(root: matrix.root, allowedDifferences: ["nope"]) }
    #expect(try !finding(matrix, allowing: ["device"]).contains("not compared"))
  }

  @Test(arguments: [
    #""x""#, "[]", "{}", #"{"experiments":["../../etc"],"seeds":[0]}"#, #"{"experiments":["E0"],"seeds":"x"}"#,
  ])
  func `a damaged plan is refused`(plan: String) throws {
    let matrix = try FixtureMatrix()
    try matrix.write(#"{"plan":\#(plan)}"#, "matrix.json")
    #expect(throws: (any Error).self) { try matrix.report() }
  }

  @Test func `only planned arms are missed`() throws {
    let matrix = try FixtureMatrix()
    try FileManager.default.removeItem(at: matrix("E1_seed0"))
    try matrix.write(#"{"plan":{"experiments":["E0","E2"],"seeds":[0],"added_later":[]}}"#, "matrix.json")
    let report = try matrix.report()
    #expect(!report.findings.contains { $0.contains("E1") } && !report.missing.contains { $0.contains("E1_seedN") })
  }
}
