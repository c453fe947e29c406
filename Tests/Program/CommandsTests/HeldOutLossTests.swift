import Foundation
import ModelFiles
import Testing

/// Episodes that are left out of a run, or held out of it to measure the loss on.
struct HeldOutLossTests {
  private static let split = ["--dataset.eval_split=0.5", "--eval_steps=4", "--max_eval_samples=8"]

  private func train(_ name: String, _ flags: [String], in folder: URL) throws -> (run: URL, errors: String) {
    let outcome = try Program.succeed(["train", "--output_dir=\(name)"] + Flags.train + flags, in: folder)
    return (folder.appendingPathComponent(name), outcome.errors)
  }

  private func document(_ run: URL, _ name: String) throws -> JSON {
    try JSON(contentsOf: run.appendingPathComponent("checkpoints/last/pretrained_model/\(name)"))
  }

  @Test(arguments: [[], Flags.world]) func `the loss is measured on the held-out half, training is of the other`(
    policy: [String]
  ) throws {
    try Fixture.within { folder in
      let (run, errors) = try train("split", Self.split + policy, in: folder)
      #expect(errors.contains("held out"), "\(errors)")
      let lines = errors.split(separator: "\n")
      let shown = lines.filter { $0.hasPrefix("held-out loss: ") }
      #expect(shown.last?.contains("batches, in ") == true, "\(errors)")
      let measured = lines.filter { $0.contains(" eval_loss:") }
      #expect(
        measured.count == 2 && measured.allSatisfy { $0.hasPrefix("step:") && $0.utf8.count <= 100 }, "\(measured)")
      #expect(measured.allSatisfy { !$0.contains("eval/") && !$0.contains("smpl:") }, "\(measured)")
      // The same parts as a training line, under the same names.
      func parts(_ line: Substring?) -> Set<Substring> {
        Set((line ?? "").split(separator: " ").compactMap { $0.split(separator: ":").first })
      }
      let trained = parts(lines.first { $0.contains(" loss:") })
      #expect(parts(measured.first).allSatisfy { trained.contains($0.hasPrefix("eval_") ? $0.dropFirst(5) : $0) })
      let losses = try metrics(run).map { $0["eval/eval_loss"]?.double }
      #expect(losses.map { $0 != nil } == [false, false, false, true, false, true])
      let record = try #require(document(run, "training_record.json")["segments"]?.array?.last)
      let episodes = (record["dataset"]?["episodes"]?.array ?? []).compactMap(\.integer)
      #expect(!episodes.isEmpty && episodes.count < 4)
      let list = "--dataset.episodes=[\(episodes.map(String.init).joined(separator: ","))]"
      let (half, _) = try train("half", [list] + policy, in: folder)
      #expect(try lastState(run) == lastState(half))
      let file = try document(run, "train_config.json")
      #expect(file["dataset"]?["eval_split"]?.double == 0.5 && file["eval_steps"]?.integer == 4)
      #expect(try document(half, "train_config.json")["dataset"]?["eval_split"] == nil)
      #expect(try document(half, "train_config.json")["eval_steps"] == nil)
      // As if it had been killed after step 3.
      let checkpoints = run.appendingPathComponent("checkpoints")
      for name in ["last", "000006"] {
        try FileManager.default.removeItem(at: checkpoints.appendingPathComponent(name))
      }
      let whole = try metrics(run)
      let went = try Program.succeed(["train", "--output_dir=split", "--resume"], in: folder)
      #expect(try metrics(run) == whole && lastState(run) == lastState(half))
      #expect(!went.errors.contains("resumes with other settings"), "\(went.errors)")
    }
  }

  @Test func `excluded episodes are those that a list leaves out, also for LeRobot`() throws {
    try Fixture.within { folder in
      let (run, errors) = try train("without", ["--dataset.exclude_episodes=[1,9]"], in: folder)
      #expect(errors.contains("exclude_episodes names 9, which"), "\(errors)")
      let (list, _) = try train("list", ["--dataset.episodes=[0,2,3]"], in: folder)
      #expect(try lastState(run) == lastState(list) && metrics(run) == metrics(list))
      #expect(try document(run, "train_config.json")["dataset"]?["episodes"] == [0, 2, 3])
      #expect(try document(run, "train_config.json")["dataset"]?["exclude_episodes"] == nil)
      let went = try Program.succeed(["train", "--output_dir=without", "--resume", "--steps=7"], in: folder)
      let told = went.errors.split(separator: "\n").filter { $0.contains("resumes with other settings") }
      #expect(told.count == 1 && told[0].contains("scheduled_steps"), "\(went.errors)")
    }
  }

  @Test(arguments: [
    (["--eval_steps=2"], "--eval_steps: needs episodes to measure the loss on"),
    (["--dataset.eval_split=1"], "--dataset.eval_split: expected 0 to 0.999"),
    (["--dataset.eval_split=nan"], "--dataset.eval_split"),
    (["--eval_steps=-1", "--dataset.eval_split=0.5"], "eval_steps"),
    (["--dataset.eval_split=0.99"], "--dataset.eval_split=0.99 leaves none of 4 episodes"),
    (["--dataset.exclude_episodes=[0,1,2,3]"], "--dataset.exclude_episodes leaves none of 4 episodes"),
    (["--dataset.exclude_episodes=[-1]"], "--dataset.exclude_episodes: expected 0 to"),
  ]) func `what leaves nothing to train on or to measure is refused`(flags: [String], words: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(["train", "--output_dir=run"] + Flags.train + flags, in: folder)
      #expect(outcome.status != 0 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!folder.names().contains("run"))
    }
  }
}
