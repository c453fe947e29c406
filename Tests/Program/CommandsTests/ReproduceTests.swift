import Foundation
import ModelFiles
import Testing

struct ReproduceTests {
  /// Evaluates the fixture's baseline, or an E2 whose open gate lets its memory in.
  private func evaluated(_ folder: URL, arm: String = "E0") throws -> URL {
    if arm == "E2" {
      try Program.succeed(
        ["train", "--output_dir=E2"] + Flags.train + Flags.world + ["--policy.world_gate_init=1"], in: folder)
    }
    try Program.succeed(
      [
        "eval", "--policy.path=\(arm)/checkpoints/last/pretrained_model", "--output_dir=eval", "--eval.n_episodes=4",
        "--eval.batch_size=4",
        "--eval.max_episodes_rendered=0", "--num_compute_threads=1", "--rename_map={}",
      ] + Flags.environment, in: folder)
    return folder.appendingPathComponent("eval/eval_info.json")
  }

  @Test(arguments: ["E0", "E2"])
  func `an evaluation gives the same outcomes with other threads and another batch size`(arm: String) throws {
    try Fixture.within { folder in
      _ = try evaluated(folder, arm: arm)
      let outcome = try Program.succeed(
        [
          "reproduce", "eval/eval_info.json", "--eval.batch_size=1", "--num_compute_threads=2", "--output_dir=again",
          "--eval.recorded_episodes=[2]",
        ], in: folder)
      #expect(
        folder.appendingPathComponent("again/videos/shapes_push_side").names() == ["eval_episode_2.mp4"])
      #expect(outcome.output.contains("reproduced: 4 of 4 episodes are equal"))
      #expect(!outcome.errors.contains("not as recorded") && !outcome.errors.contains("edited"))
      let (one, other) = (
        try JSON(contentsOf: folder.appendingPathComponent("eval/eval_info.json")),
        try JSON(contentsOf: folder.appendingPathComponent("again/eval_info.json"))
      )
      #expect(one["outcomes_sha256"] != nil && one["outcomes_sha256"] == other["outcomes_sha256"])
      let record = try #require(one["protocol"])
      for name in [
        "program", "versions", "env", "policy", "sha256", "hardware", "rename_map", "renderer", "command_line",
      ] {
        #expect(record[name] != nil && record[name] != .null, "\(name)")
      }
      #expect(record["world_memory_mode_rollout"] == (arm == "E2" ? "pred" : .null))
      #expect(record["dropped_memories"] == (arm == "E2" ? 0 : nil) && record["ablation"] == "none")
      #expect((record["sha256"]?["encoder"] != nil) == (arm == "E2"), "its memory was read")
      #expect(record["env"]?["image_size"] == 16)
      #expect(record["sha256"]?["policy_postprocessor.json"]?.string?.count == 64)
    }
  }

  @Test func `an evaluation that was recorded as data is repeated without recording and uploading it`() throws {
    try Fixture.within { folder in
      let outcome = try Program.run(
        Flags.evaluate + [
          "--policy.path=\(Flags.checkpoint)", "--output_dir=eval", "--eval.recording=true",
          "--eval.recording_private=true",
        ], in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      // As if it had been uploaded too, for which nobody is here.
      let file = folder.appendingPathComponent("eval/eval_info.json")
      var members = try #require(try JSON(contentsOf: file).object)
      var manifest = try #require(members["protocol"]?.object)
      let line = try #require(manifest["command_line"]?.array)
      #expect(line.contains("--eval.recording=true"))
      manifest["command_line"] = .array(line + ["--eval.recording_repo_id=user/rollouts"])
      members["protocol"] = .object(manifest)
      try JSON.object(members).write(to: file, overwrite: true)
      let again = try Program.run(["reproduce", "eval", "--output_dir=again"], in: folder)
      #expect(again.status == 0 && again.output.contains("reproduced: 2 of 2"), "\(again.output)\(again.errors)")
      #expect(!folder.appendingPathComponent("again").names().contains("recordings"))
    }
  }

  @Test(arguments: ["E0", "E2"]) func `an edited outcome is named`(arm: String) throws {
    try Fixture.within { folder in
      let file = try evaluated(folder, arm: arm)
      let text = try String(contentsOf: file, encoding: .utf8)
      let successes = try #require(text.range(of: #""successes": ["#))
      let flag = try #require(text.range(of: "false", range: successes.upperBound..<text.endIndex))
      try text.replacingCharacters(in: flag, with: "true").write(to: file, atomically: true, encoding: .utf8)
      let outcome = try Program.run(["reproduce", "eval/eval_info.json", "--output_dir=again"], in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("shapes/push_side, episode "), "\(outcome.output)")
      #expect(outcome.output.contains("not reproduced: 1 of 4 episodes differ"))
      #expect(outcome.errors.contains("was edited"))
    }
  }

  @Test func `a path that is given lies where the user is, not where the evaluation ran`() throws {
    try Fixture.within { folder in
      _ = try evaluated(folder)
      let place = folder.appendingPathComponent("elsewhere", isDirectory: true)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      // Another policy under the path of the first.
      let other = Flags.train.filter { !$0.hasPrefix("--seed") } + ["--seed=9"]
      try Program.succeed(["train", "--output_dir=elsewhere/E0"] + other, in: folder)
      let path = "E0/checkpoints/last/pretrained_model"
      _ = try Program.run(
        ["reproduce", "../eval/eval_info.json", "--policy.path=\(path)", "--output_dir=again"], in: place)
      let record = try JSON(contentsOf: place.appendingPathComponent("again/eval_info.json"))["protocol"]
      #expect(record?["policy_path"]?.string?.hasSuffix("elsewhere/\(path)") == true, "\(record ?? .null)")
    }
  }

  @Test func `an evaluation that does not say how it was run is refused`() throws {
    try Fixture.within { folder in
      try #"{"per_task":[]}"#.write(to: folder.appendingPathComponent("old.json"), atomically: true, encoding: .utf8)
      let outcome = try Program.run(["reproduce", "old.json"], in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("does not record its command line"))
      // A folder stands for the evaluation in it, a run's for its own.
      let run = folder.appendingPathComponent("old/eval")
      try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
      try FileManager.default.moveItem(
        at: folder.appendingPathComponent("old.json"), to: run.appendingPathComponent("eval_info.json"))
      for path in ["old", "old/eval"] {
        let outcome = try Program.run(["reproduce", path], in: folder)
        #expect(outcome.errors.contains("old/eval/eval_info.json does not record"), "\(outcome.errors)")
      }
      let missing = try Program.run(["reproduce"], in: folder)
      #expect(missing.errors.contains("--eval_info: is needed"))
    }
  }

  @Test func `a processor that was changed after training is refused`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let checkpoint = folder.appendingPathComponent(Flags.checkpoint)
      let name = try #require(
        FileManager.default.contentsOfDirectory(atPath: checkpoint.path).first {
          $0.hasPrefix("policy_postprocessor_step") && $0.hasSuffix(".safetensors")
        })
      var bytes = try Data(contentsOf: checkpoint.appendingPathComponent(name))
      bytes[bytes.count - 1] ^= 1
      try bytes.write(to: checkpoint.appendingPathComponent(name))
      let outcome = try Program.run(
        ["eval", "--policy.path=\(Flags.checkpoint)", "--output_dir=eval", "--eval.n_episodes=1"] + Flags.environment,
        in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("\(name) is not the file that the policy was trained with"), "\(outcome.errors)")
    }
  }

  @Test func `an evaluation that was killed is resumed, and what ended is not run again`() throws {
    try Fixture.within { folder in
      let file = try evaluated(folder)
      let whole = try JSON(contentsOf: file)
      let log = folder.appendingPathComponent("eval/episodes.jsonl")
      let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map(String.init)
      #expect(lines.count == 5)
      // A signal leaves eval_info.json, which the resumed evaluation replaces.
      // Two episodes had ended, and a third line was being written.
      try (lines.prefix(3).joined(separator: "\n") + "\n" + lines[3].prefix(20)).write(
        to: log, atomically: true, encoding: .utf8)
      let flags =
        [
          "eval", "--policy.path=\(Flags.checkpoint)", "--output_dir=eval", "--eval.n_episodes=4",
          "--eval.batch_size=1",
          "--eval.max_episodes_rendered=0", "--num_compute_threads=1", "--resume",
        ] + Flags.environment
      let other = try Program.run(flags + ["--seed=7"], in: folder)
      #expect(other.status == 1 && other.errors.contains("seed differs: 1000 there, 7 now"), "\(other.errors)")
      let edited = try String(contentsOf: log, encoding: .utf8)
      let swapped =
        edited.contains("\"success\":false")
        ? edited.replacingOccurrences(of: "\"success\":false", with: "\"success\":true")
        : edited.replacingOccurrences(of: "\"success\":true", with: "\"success\":false")
      try swapped.write(to: log, atomically: true, encoding: .utf8)
      let refused = try Program.run(flags, in: folder)
      #expect(refused.status == 1 && refused.errors.contains("was edited or is damaged"), "\(refused.errors)")
      try edited.write(to: log, atomically: true, encoding: .utf8)
      try Program.succeed(flags, in: folder)
      let again = try Program.succeed(["reproduce", "eval/eval_info.json", "--output_dir=again"], in: folder)
      #expect(again.output.contains("reproduced: 4 of 4"))
      let resumed = try JSON(contentsOf: file)
      #expect(resumed["outcomes_sha256"] == whole["outcomes_sha256"])
      #expect(try String(contentsOf: log, encoding: .utf8).split(separator: "\n").count == 5)

      // Killed after the last episode: nothing is drawn anymore, and the record still names what drew.
      try FileManager.default.removeItem(at: file)
      try Program.succeed(flags, in: folder)
      let complete = try JSON(contentsOf: file)
      #expect(complete["outcomes_sha256"] == whole["outcomes_sha256"])
      #expect(complete["protocol"]?["renderer"]?.string != nil)
      #expect(complete["protocol"]?["renderer"] == whole["protocol"]?["renderer"])
    }
  }
}
