import Foundation
import LibTorch
import ModelFiles
import PolicyEvaluation
import Testing

/// Evaluations that do not allow a verdict, each with a real run that had the fault.
struct RefusedEvaluationTests {
  @Test func `runs that were done alike are compared`() throws {
    try ComparedRuns.within { folder in
      let text = try ComparedRuns.report(in: folder)
      #expect(text.contains("These episodes cannot tell whether the checkpoint E2_seed3"), "\(text)")
      let doctor = try Program.run(["doctor", "out"], in: folder)
      #expect(doctor.status == 0 && doctor.output.contains("E2_seed3"), "\(doctor.output)")
    }
  }

  private static let swap =
    #"{"observation.images.image":"observation.images.image2","observation.images.image2":"observation.images.image"}"#

  @Test(arguments: [
    (["--policy.num_steps=1"], "num_steps differs: 1 in E2_seed3, 2 in E0_seed3"),
    (["--policy.n_action_steps=1"], "n_action_steps differs: 1 in E2_seed3, 2 in E0_seed3"),
    (["--policy.tokenizer_max_length=12"], "policy.tokenizer_max_length differs: 12 in E2_seed3"),
    (["--policy.resize_imgs_with_padding=[32,32]"], "policy.resize_imgs_with_padding differs"),
    (["--env.image_size=32"], "env.image_size differs: 32 in E2_seed3, 16 in E0_seed3"),
    (["--rename_map=\(swap)"], "rename_map.observation.images.image differs"),
    (["--seed=7"], "evaluation seed differs: 7 in E2_seed3"),
    (["--eval.n_episodes=3"], "episode counts differ: E2_seed3 has 3"),
    (
      ["--eval.ablation=contrary_instruction"], "E2_seed3 was evaluated under the ablation contrary_instruction"
    ),
    (["--eval.ablation=zero"], "E2_seed3 was evaluated under the ablation zero"),
    (["--policy.world_memory_mode_rollout=random"], "E2_seed3 was evaluated under the ablation random"),
    (["--policy.enable_world_injection=false"], "world.enable_world_injection differs: true in training, false"),
  ])
  func `evaluations with other settings are refused`(flags: [String], clue: String) throws {
    try ComparedRuns.within { folder in
      let outcome = try ComparedRuns.evaluate("E2", flags, in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
      try ComparedRuns.expectRefusal(clue, in: folder)
    }
  }

  @Test(arguments: [
    ("LEROBOT_WM_RENAME_MAP_JSON", swap, "rename_map.observation.images.image differs"),
    ("ATEN_CPU_CAPABILITY", "default", "numerics.ATEN_CPU_CAPABILITY differs: default in E2_seed3"),
    ("MUJOCO_GL", "egl", "renderer differs: egl in software in E2_seed3, osmesa in E0_seed3"),
  ])
  func `evaluations with other variables are refused`(name: String, value: String, clue: String) throws {
    try ComparedRuns.within { folder in
      let outcome = try ComparedRuns.evaluate("E2", in: folder, environment: [name: value])
      try #require(outcome.status == 0, "\(outcome.errors)")
      try ComparedRuns.expectRefusal(clue, in: folder)
    }
  }

  @Test(arguments: [
    ("versions.mujoco", "3.4.0"), ("versions.torch", "2.11.0"), ("device", "cuda:0"), ("hardware", "another"),
    ("program.commit", "0123"), ("program.version", "9.9.9"), ("sha256.tokenizer.json", "00"), ("planner", "random"),
  ])
  func `evaluations of another program, engine or machine are refused`(entry: String, value: String) throws {
    try ComparedRuns.within { folder in
      try set(entry, to: .string(value), in: folder)
      try ComparedRuns.expectRefusal("\(entry) differs: \(value) in E2_seed3", in: folder)
      let allowed = try ComparedRuns.report(allowing: [entry], in: folder)
      #expect(allowed.contains("Although \(entry) may differ: "), "\(allowed)")
    }
  }

  @Test func `an evaluation of another run, or under another name, is refused`() throws {
    try ComparedRuns.within { folder in
      let files = FileManager.default
      let eval = folder.appendingPathComponent("out/E2_seed3/eval")
      try files.removeItem(at: eval)
      try files.copyItem(at: folder.appendingPathComponent("out/E0_seed3/eval"), to: eval)
      try ComparedRuns.expectRefusal("E2_seed3 was evaluated with other weights", in: folder)
      // The whole run copied.
      try files.removeItem(at: folder.appendingPathComponent("out/E2_seed3"))
      try files.copyItem(
        at: folder.appendingPathComponent("out/E0_seed3"), to: folder.appendingPathComponent("out/E2_seed3"))
      try ComparedRuns.expectRefusal("are one checkpoint under two names", in: folder)
    }
  }

  @Test func `an evaluation older than its checkpoint is refused`() throws {
    try ComparedRuns.within { folder in
      try Program.succeed(["train", "--output_dir=out/E2_seed3", "--resume", "--steps=3"], in: folder)
      try ComparedRuns.expectRefusal(
        "E2_seed3 was evaluated at step 2, and its last checkpoint is of step 3", in: folder)
    }
  }

  @Test func `an evaluation of an earlier checkpoint is refused, and weights that are gone are missed`() throws {
    try ComparedRuns.within { folder in
      let flags = ["train", "--output_dir=out/E2_seed3", "--resume", "--steps=3"]
      try Program.succeed(flags, in: folder)
      let weights = folder.appendingPathComponent(ComparedRuns.model("E2") + "/model.safetensors")
      try FileManager.default.removeItem(at: weights)
      try ComparedRuns.expectRefusal("E2_seed3 was evaluated at step 2", in: folder)
      let text = try ComparedRuns.report(in: folder)
      #expect(text.contains("E2_seed3 has no weights any more"), "\(text)")
    }
  }

  @Test func `a training record that was edited is refused, and so is a protocol`() throws {
    try ComparedRuns.within { folder in
      let record = folder.appendingPathComponent(ComparedRuns.model("E2") + "/training_record.json")
      try ComparedRuns.edit(record, "\"batch_size\": 4", "\"batch_size\": 8")
      try ComparedRuns.expectRefusal("training_record.json was changed after the evaluation of E2_seed3", in: folder)
      try ComparedRuns.edit(record, "\"batch_size\": 8", "\"batch_size\": 4")
      #expect(try ComparedRuns.report(in: folder).contains("the checkpoint E2_seed3"))
      let information = folder.appendingPathComponent("out/E2_seed3/eval/eval_info.json")
      try ComparedRuns.edit(information, "\"num_steps\": 2", "\"num_steps\": 3")
      try ComparedRuns.expectRefusal("was edited after the evaluation", in: folder)
    }
  }

  @Test func `the rate of chance is not taken from other tasks`() throws {
    try ComparedRuns.within { folder in
      for (task, isAlike) in [("push_side", true), ("touch_side", false)] {
        try Program.succeed(
          Flags.evaluate.filter { !$0.hasPrefix("--env.task") && !$0.hasPrefix("--policy.") } + [
            "--eval.planner=random", "--env.task=\(task)", "--output_dir=out/random", "--overwrite",
          ], in: folder)
        let text = try ComparedRuns.report(in: folder)
        #expect(text.contains("random is left out: it is not the rate of chance there") == !isAlike, "\(text)")
      }
    }
  }

  @Test(arguments: [
    ("policy_postprocessor_step_0_unnormalizer_processor.safetensors", ""), ("policy_postprocessor.json", "1e-08"),
    ("policy_preprocessor.json", "MEAN_STD"), ("policy_preprocessor.json", "\"eps\": 1e-08"),
    ("backbone/tokenizer.json", "\"version\": \"1.0\""), ("backbone/config.json", "\"rms_norm_eps\": 1e-05"),
  ])
  func `a processor or tokenizer that was changed after the training is not evaluated, nor compared`(
    name: String, text: String
  ) throws {
    try ComparedRuns.within { folder in
      let file = folder.appendingPathComponent(ComparedRuns.model("E2")).appendingPathComponent(name)
      if text.isEmpty { try ComparedRuns.flip(file) } else { try ComparedRuns.edit(file, text, other(text)) }
      if name != "backbone/tokenizer.json" {
        try ComparedRuns.expectRefusal("was changed after the evaluation of E2_seed3", in: folder)
      }
      let outcome = try ComparedRuns.evaluate("E2", in: folder)
      let clue = "\(URL(fileURLWithPath: name).lastPathComponent) is not the file that the policy was trained with"
      #expect(outcome.status == 1 && outcome.errors.contains(clue), "\(outcome.errors)")
    }
  }

  private func other(_ text: String) -> String {
    [
      "1e-08": "1e-07", "MEAN_STD": "IDENTITY", "\"eps\": 1e-08": "\"eps\": 1e-06",
      "\"rms_norm_eps\": 1e-05": "\"rms_norm_eps\": 1e-01",
    ][text]
      ?? text.replacing("1.0", with: "1.1")
  }

  @Test func `an outcome that was edited is refused, and a file that is damaged stops no report`() throws {
    try ComparedRuns.within { folder in
      let file = folder.appendingPathComponent("out/E2_seed3/eval/eval_info.json")
      try ComparedRuns.edit(file, "false", "true")
      try ComparedRuns.expectRefusal("was edited after the evaluation", in: folder)
      try Data("{".utf8).write(to: file)
      try ComparedRuns.expectRefusal("E2_seed3 is left out", in: folder)
    }
  }

  @Test func `an evaluation that was stopped is refused`() throws {
    try ComparedRuns.within { folder in
      let run = try Program.start(
        Flags.evaluate + [
          "--policy.path=\(ComparedRuns.model("E2"))", "--output_dir=out/E2_seed3/eval", "--overwrite",
          "--eval.n_episodes=5000",
        ], in: folder)
      let log = folder.appendingPathComponent("out/E2_seed3/eval/episodes.jsonl")
      for _ in 0..<3000 where ((try? log.bytes()) ?? Data()).count(where: { $0 == 10 }) < 4 { usleep(10_000) }
      kill(run.process.processIdentifier, SIGINT)
      #expect(run.wait().status == 128 + SIGINT)
      try ComparedRuns.expectRefusal("of 5000 episodes of shapes/push_side; its evaluation did not end", in: folder)
    }
  }

  @Test func `episodes that broke off are refused, and memories that were dropped are said`() throws {
    try ComparedRuns.within { folder in
      let run = folder.appendingPathComponent("out/E2_seed3")
      try changeWeights(of: run) { $0.hasPrefix("prophet.") ? .nan : nil }
      try #require(try ComparedRuns.evaluate("E2", in: folder).status == 0)
      let text = try ComparedRuns.report(in: folder)
      #expect(text.contains("memories were not finite and were not used"), "\(text)")
      try changeWeights(of: run) { $0.hasSuffix("action_out_proj.bias") ? .nan : nil }
      #expect(try ComparedRuns.evaluate("E2", in: folder).status == 1)
      try ComparedRuns.expectRefusal("2 of 2 episodes of E2_seed3 ended with an error", in: folder)
    }
  }

  /// Sets an entry of the protocol of E2's evaluation; a name of a file counts as one key.
  private func set(_ entry: String, to value: JSON, in folder: URL) throws {
    let file = folder.appendingPathComponent("out/E2_seed3/eval/eval_info.json")
    let keys = entry.split(separator: ".", maxSplits: 1).map(String.init)
    var json = try #require(try JSON(contentsOf: file).object)
    var manifest = try #require(json["protocol"]?.object)
    if keys.count == 2 {
      var inner = try #require(manifest[keys[0]]?.object)
      inner[keys[1]] = value
      manifest[keys[0]] = .object(inner)
    } else {
      manifest[entry] = value
    }
    json["protocol"] = .object(manifest)
    // As an evaluation of another machine would have written it.
    json["protocol_sha256"] = .string(EvaluationReport.protocolSHA256(.object(manifest)))
    try JSON.object(json).write(to: file, overwrite: true)
  }
}
