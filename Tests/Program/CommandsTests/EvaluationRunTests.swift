import Foundation
import MediaCoding
import ModelFiles
import Testing

struct EvaluationRunTests {
  private static let random = ["eval", "--eval.planner=random", "--num_compute_threads=1"] + Flags.environment

  @Test(arguments: ["random", "policy"]) func `gives the same episodes whatever the batch size`(planner: String) throws
  {
    try Fixture.within { folder in
      var found: [JSON?] = []
      let episodes = planner == "random" ? 10 : 4
      for batch in [1, 3, 10] {
        try Program.succeed(
          Self.random + [
            "--eval.planner=\(planner)", "--policy.path=\(Flags.checkpoint)", "--output_dir=eval\(batch)",
            "--eval.n_episodes=\(episodes)", "--eval.batch_size=\(batch)", "--eval.max_episodes_rendered=0",
          ], in: folder)
        found.append(try information(folder.appendingPathComponent("eval\(batch)"))["per_task"])
      }
      #expect(found[0] != nil && found[0] == found[1] && found[0] == found[2])
    }
  }

  @Test func `reports LeRobot's fields for every task, and videos what was asked for`() throws {
    try Fixture.within { folder in
      let outcome = try Program.succeed(
        Self.random + [
          "--env.task=push_side,touch_side", "--eval.n_episodes=3", "--eval.batch_size=2",
          "--eval.max_episodes_rendered=1", "--output_dir=eval",
        ], in: folder)
      let evaluation = folder.appendingPathComponent("eval")
      let information = try information(evaluation)
      let tasks = try #require(information["per_task"]?.array)
      #expect(tasks.map { $0["task"]?.string } == ["push_side", "touch_side"])
      #expect(tasks.map { $0["task_id"]?.integer } == [0, 2])
      for task in tasks {
        let metrics = try #require(task["metrics"])
        for name in ["sum_rewards", "max_rewards", "successes", "steps", "problems"] {
          #expect(metrics[name]?.array?.count == 3, "\(name)")
        }
        #expect(metrics["problems"]?.array == [.null, .null, .null])
        let name = try #require(task["task"]?.string)
        let path = "videos/shapes_\(name)/eval_episode_0.mp4"
        #expect(metrics["video_paths"]?.array == [.string(path)])
        let reader = try VideoReader(evaluation.appendingPathComponent(path))
        #expect(reader.width == 16 && reader.height == 16)
        let steps = try #require(metrics["steps"]?.array?.first?.integer)
        // One image before each step and one after the last.
        #expect(abs(reader.duration * reader.framesPerSecond - Double(steps + 1)) < 0.5)
        #expect(try reader.frame(at: 0).pixels.contains { $0 > 60 })
        #expect(evaluation.appendingPathComponent("videos/shapes_\(name)").names() == ["eval_episode_0.mp4"])
        #expect(outcome.output.contains("shapes/\(name): "))
      }
      let overall = try #require(information["overall"])
      for name in ["avg_sum_reward", "avg_max_reward", "pc_success", "eval_s", "eval_ep_s"] {
        #expect(overall[name]?.double != nil, "\(name)")
      }
      #expect(overall["n_episodes"]?.integer == 6)
      #expect(overall["pc_success_ci95"]?.array?.count == 2)
      #expect(information["per_group"]?["shapes"]?["n_episodes"]?.integer == 6)
      #expect(information["protocol"]?["planner"]?.string == "random")
      #expect(information["protocol"]?["versions"]?["torch"]?.string != nil)
    }
  }

  @Test func `films the episodes that are asked for`() throws {
    try Fixture.within { folder in
      let flags = Self.random + ["--eval.n_episodes=3", "--eval.recorded_episodes=[1]", "--output_dir=eval"]
      try Program.succeed(flags, in: folder)
      let videos = folder.appendingPathComponent("eval/videos")
      #expect(!videos.names().isEmpty)
      for name in videos.names() {
        #expect(videos.appendingPathComponent(name).names() == ["eval_episode_1.mp4"], "\(name)")
      }
      #expect(try Program.run(flags + ["--eval.recorded_episodes=[-1]", "--overwrite"], in: folder).status == 1)
    }
  }

  @Test func `replaces results only when told to`() throws {
    try Fixture.within { folder in
      let flags = Self.random + ["--eval.n_episodes=1", "--eval.max_episodes_rendered=0", "--output_dir=eval"]
      try Program.succeed(flags, in: folder)
      #expect(try Program.run(flags + ["--seed=7"], in: folder).status == 1)
      #expect(try information(folder.appendingPathComponent("eval"))["protocol"]?["seed"]?.integer == 1000)
      try Program.succeed(flags + ["--seed=7", "--overwrite"], in: folder)
      #expect(try information(folder.appendingPathComponent("eval"))["protocol"]?["seed"]?.integer == 7)
    }
  }

  /// Another instruction is the only thing that changes, and it reaches the policy.
  @Test func `tells the policy the contrary instruction`() throws {
    try Fixture.within { folder in
      let flags = Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--eval.max_episodes_rendered=1"]
      try Program.succeed(flags + ["--output_dir=own"], in: folder)
      try Program.succeed(flags + ["--output_dir=contrary", "--eval.ablation=contrary_instruction"], in: folder)
      let contrary = folder.appendingPathComponent("contrary")
      #expect(try information(contrary)["protocol"]?["ablation"] == "contrary_instruction")
      let video = "videos/shapes_push_side/eval_episode_0.mp4"
      #expect(
        try contrary.appendingPathComponent(video).bytes()
          != folder.appendingPathComponent("own/" + video).bytes())
    }
  }

  private func information(_ folder: URL) throws -> JSON {
    try JSON(contentsOf: folder.appendingPathComponent("eval_info.json"))
  }

  @Test func `what a killed write left does not make a folder look used, and a refused folder keeps its files`() throws
  {
    try Fixture.within { folder in
      let files = FileManager.default
      for (name, others) in [("left", []), ("used", ["notes"])] {
        let place = folder.appendingPathComponent(name)
        try files.createDirectory(at: place, withIntermediateDirectories: true)
        for file in [".episodes.jsonl.1a2b.partial"] + others {
          try Data().write(to: place.appendingPathComponent(file))
        }
        let outcome = try Program.run(
          Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=\(name)"], in: folder)
        #expect((outcome.status == 0) == others.isEmpty, "\(outcome.errors)")
        #expect(place.names().contains(".episodes.jsonl.1a2b.partial") == !others.isEmpty)
      }
    }
  }
}
