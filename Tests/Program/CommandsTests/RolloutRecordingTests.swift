import Foundation
import LeRobotDatasets
import ModelFiles
import Testing
import TestSupport

/// `--eval.recording`: an evaluation's episodes as datasets.
struct RolloutRecordingTests {
  private let evaluate = Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--eval.recording=true"]

  @Test func `the dataset holds what the evaluation reports, and can be trained on`() throws {
    try Fixture.within { folder in
      let outcome = try Program.succeed(evaluate + ["--output_dir=eval", "--eval.n_episodes=3"], in: folder)
      #expect(outcome.errors.contains("recorded: "), "\(outcome.errors)")
      let information = try JSON(contentsOf: folder.appendingPathComponent("eval/eval_info.json"))
      let metrics = try #require(information["per_task"]?.array?.first?["metrics"])
      let recordings = folder.appendingPathComponent("eval/recordings")
      #expect(recordings.names().count == 1)
      let root = recordings.appendingPathComponent(try #require(recordings.names().first))
      let dataset = try LeRobotDataset(root: root)
      #expect(dataset.episodes.count == 3)
      let recording = try #require(try DatasetRecording(ofDatasetAt: root))
      for (episode, noted) in zip(dataset.episodes, recording.episodes) {
        let first = try #require(
          (0..<dataset.count).first { try dataset.frame(at: $0).index == episode.frames.lowerBound })
        let positions = Array(first..<first + episode.frames.count)
        let success = try dataset.values(of: "next.success", at: positions).contains(1)
        let rewards = try dataset.values(of: "next.reward", at: positions).reduce(0, +)
        #expect(success == metrics["successes"]?.array?[noted.number].bool)
        #expect(Double(rewards) == metrics["sum_rewards"]?.array?[noted.number].double)
        #expect(try dataset.values(of: "next.done", at: positions) == positions.map { $0 == positions.last ? 1 : 0 })
      }
      let plain = try Program.succeed(
        Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=plain", "--eval.n_episodes=3"], in: folder)
      #expect(plain.status == 0)
      let other = try JSON(contentsOf: folder.appendingPathComponent("plain/eval_info.json"))
      #expect(other["per_task"]?.array?.first?["metrics"] == metrics)
      try Program.succeed(
        ["train", "--output_dir=run"] + Flags.train + ["--dataset.root=\(root.path)", "--steps=1"], in: folder)
      // A policy is not evaluated where it was trained, on rollouts either.
      let refused = try Program.run(
        Flags.evaluate + ["--policy.path=run/checkpoints/last/pretrained_model", "--output_dir=again"], in: folder)
      #expect(refused.status != 0 && refused.errors.contains("start"), "\(refused.errors)")
    }
  }

  private func environment(_ hub: LoopbackHub, _ folder: URL) -> [String: String] {
    [
      "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.endpoint, "HF_HOME": folder.appendingPathComponent("home").path,
      "HF_TOKEN": "hf_secret", "HF_HUB_CACHE": "",
    ]
  }

  @Test func `it is uploaded with its version as a tag`() throws {
    try Fixture.within { folder in
      let hub = try LoopbackHub(token: "hf_secret")
      defer { hub.stop() }
      let environment = environment(hub, folder)
      let flags = ["--output_dir=eval", "--eval.recording_repo_id=user/rollouts", "--eval.recording_private=true"]
      let outcome = try Program.run(evaluate + flags, in: folder, environment: environment)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let name = try #require(folder.appendingPathComponent("eval/recordings").names().first)
      let files = try #require(hub.files(.dataset, "user/rollouts_\(name)", tagged: "v3.0"))
      #expect(files["meta/info.json"] != nil && hub.isPrivate(.dataset, "user/rollouts_\(name)"))
      let without = try Program.run(
        evaluate + flags + ["--overwrite"], in: folder, environment: environment.merging(["HF_TOKEN": ""]) { $1 })
      #expect(without.status == 1 && without.errors.contains("HF_TOKEN"), "\(without.errors)")
    }
  }

  @Test func `an evaluation that is stopped is kept and not uploaded`() throws {
    try Fixture.within { folder in
      let hub = try LoopbackHub(token: "hf_secret")
      defer { hub.stop() }
      let environment = environment(hub, folder)
      let run = try Program.start(
        evaluate + ["--output_dir=eval", "--eval.n_episodes=400", "--eval.recording_repo_id=user/rollouts"], in: folder,
        environment: environment)
      let log = folder.appendingPathComponent("eval/episodes.jsonl")
      func ended() -> Int {
        ((try? String(contentsOf: log, encoding: .utf8)) ?? "").split(separator: "\n").count - 1
      }
      while run.process.isRunning, ended() < 1 { usleep(10_000) }
      kill(run.process.processIdentifier, SIGTERM)
      let outcome = run.wait()
      #expect(outcome.status == 128 + SIGTERM && outcome.errors.contains("recorded: "), "\(outcome.errors)")
      #expect(!outcome.errors.contains("uploaded: "))
      let name = try #require(folder.appendingPathComponent("eval/recordings").names().first)
      #expect(hub.files(.dataset, "user/rollouts_\(name)") == nil)
    }
  }

  @Test(arguments: [
    (["--resume"], "--eval.recording: keeps whole evaluations"),
    (["--eval.recording=false", "--eval.recording_repo_id=user/name"], "--eval.recording_repo_id: needs"),
    (["--eval.recording_repo_id=name"], "expected OWNER/NAME"),
  ]) func `what cannot be recorded is refused`(flags: [String], words: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(evaluate + ["--output_dir=eval"] + flags, in: folder)
      #expect(outcome.status != 0 && outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!folder.names().contains("eval"))
    }
  }
}
