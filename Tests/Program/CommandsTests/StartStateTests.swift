import Foundation
import LeRobotDatasets
import ModelFiles
import PolicyEvaluation
import ShapesSimulation
import Testing
import TestSupport

struct StartStateTests {
  private static let starts = "start_states.json"
  private static let refusal =
    "the policy was trained on the start of 2 of 2 episodes, of episode 0 first; give another --seed"

  private func digests(_ folder: URL, _ run: String) throws -> [[String]] {
    let path = "\(run)/checkpoints/last/pretrained_model/\(Self.starts)"
    let recordings = try JSON(contentsOf: folder.appendingPathComponent(path))["recordings"]?.array ?? []
    return recordings.map { $0["tasks"]?["push_side"]?.array?.compactMap(\.string) ?? [] }
  }

  @Test func `of a recording are noted in a file of its own, and its checkpoint knows them`() throws {
    try Fixture.within { folder in
      let recording = try #require(try DatasetRecording(ofDatasetAt: folder.appendingPathComponent("data")))
      #expect(recording.seed == 0 && recording.initialStates == "sampled" && recording.program["version"] != nil)
      #expect(recording.environment["type"] == "shapes" && recording.environment["task"] == "push_side")
      #expect(recording.episodes.count == 4 && recording.episodes.allSatisfy { $0.task == "push_side" })
      let expected = try ShapesSuite().startStates(ofTask: "push_side", seed: 0, episodes: 10).map(\.digest)
      #expect(recording.episodes.allSatisfy { expected[$0.number] == $0.startState })
      #expect(try digests(folder, "E0") == [recording.episodes.map(\.startState)])
      try Program.succeed(["train", "--output_dir=some", "--dataset.episodes=[1,3]"] + Flags.train, in: folder)
      #expect(try digests(folder, "some") == [[1, 3].map { recording.episodes[$0].startState }])
      // Continued on other demonstrations, a policy has still seen the first ones.
      try Program.succeed(
        ["record", "--dataset.root=more", "--dataset.num_episodes=1", "--seed=9"] + Flags.environment, in: folder)
      try Program.succeed(
        ["train", "--output_dir=tuned", "--policy.path=some/checkpoints/last/pretrained_model"]
          + Flags.data.filter { !$0.hasPrefix("--dataset.root") } + [
            "--dataset.root=more", "--steps=1", "--num_workers=1",
          ], in: folder)
      #expect(try digests(folder, "tuned").map(\.count) == [2, 1])
    }
  }

  @Test func `that a policy was trained on are refused before anything runs`() throws {
    try Fixture.within { folder in
      let evaluate = Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--policy.device=cpu", "--output_dir=eval"]
      let outcome = try Program.run(evaluate + ["--seed=0"], in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.sentences == ["lerobot-wm: shapes/push_side: \(Self.refusal)"], "\(outcome.errors)")
      #expect(!folder.names().contains("eval"))
      try Program.succeed(evaluate + ["--seed=0", "--env.task=touch_side"], in: folder)
      try Program.succeed(evaluate + ["--overwrite"], in: folder)
      let information = try JSON(contentsOf: folder.appendingPathComponent("eval/eval_info.json"))
      #expect(information["protocol"]?["init_states"] == "sampled")
      #expect(information["protocol"]?["independent_episodes"] == 2)
    }
  }

  @Test func `are refused in training's own evaluations, whose seed is the training's, and in a matrix`() throws {
    try Fixture.within { folder in
      let watched = Flags.environment + ["--eval.n_episodes=2", "--eval_freq=3"]
      let training = try Program.run(
        ["train", "--output_dir=run"] + Flags.train + watched + ["--seed=0"], in: folder)
      #expect(training.status == 1 && !folder.names().contains("run"))
      #expect(training.errors.contains("shapes/push_side: \(Self.refusal)"), "\(training.errors)")
      // A matrix evaluates with seed 1000.
      try Program.succeed(
        ["record", "--dataset.root=held_out", "--dataset.num_episodes=3", "--seed=1000"] + Flags.environment,
        in: folder)
      let matrix = try Program.run(
        ["matrix", "--output_root=out", "--experiments=E0", "--seeds=3", "--gpu_ids=0"]
          + Flags.train.filter {
            !$0.hasPrefix("--seed") && !$0.hasPrefix("--dataset.root")
          } + ["--dataset.root=held_out", "--eval.n_episodes=2"] + Flags.environment, in: folder)
      #expect(
        matrix.status == 1 && matrix.errors.contains("the policy was trained on the start of "), "\(matrix.errors)")
    }
  }

  @Test(.enabled(if: LiberoAssetFolder.url != nil, "needs LIBERO's scene assets"))
  func `that repeat are said, and counted once`() throws {
    try withLibero { folder, environment in
      let outcome = try Program.run(
        [
          "eval", "--eval.planner=random", "--env.type=libero", "--env.task=libero_spatial", "--env.task_ids=[0]",
          "--env.episode_length=1", "--eval.n_episodes=51", "--eval.batch_size=2", "--eval.max_episodes_rendered=0",
          "--output_dir=eval",
        ], in: folder, environment: environment)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.errors.contains(
          "warning: 51 episodes of a task start from 50 initial states, so they repeat and are not independent; "
            + "--eval.init_states=sampled draws a state for each"))
      let information = try JSON(contentsOf: folder.appendingPathComponent("eval/eval_info.json"))
      #expect(information["protocol"]?["init_states"] == "official")
      #expect(information["protocol"]?["independent_episodes"] == 50)
    }
  }

  @Test(.enabled(if: LiberoAssetFolder.url != nil, "needs LIBERO's scene assets"))
  func `of LIBERO are sampled for demonstrations, and the sampled ones differ by seed`() throws {
    try withLibero { folder, environment in
      let flags = ["--env.type=libero", "--env.task=libero_spatial", "--env.task_ids=[0]"]
      let size = ["--env.observation_height=16", "--env.observation_width=16"]
      let outcome = try Program.run(
        ["record", "--dataset.root=data", "--dataset.num_episodes=1"] + flags + size, in: folder,
        environment: environment)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let recording = try #require(try DatasetRecording(ofDatasetAt: folder.appendingPathComponent("data")))
      #expect(recording.initialStates == "sampled" && recording.episodes.map(\.task) == ["libero_spatial_0"])
      let trained = TrainedStartStates([
        .init(
          environment: recording.environment, seed: 0,
          digests: ["libero_spatial_0": recording.episodes.map(\.startState)])
      ])
      let model = folder.appendingPathComponent("model")
      try FileManager.default.copyItem(at: Fixture.root().appendingPathComponent(Flags.checkpoint), to: model)
      try trained.json.write(to: model.appendingPathComponent(Self.starts), overwrite: true)
      // The checkpoint's record is of the states of its own training.
      try FileManager.default.removeItem(at: model.appendingPathComponent("training_record.json"))
      // The policy is of shapes, which shows only after the starts were checked.
      let evaluate = ["eval", "--policy.path=model", "--policy.device=cpu", "--eval.n_episodes=2"] + flags
      for (more, isRefused) in [
        (["--eval.init_states=sampled", "--seed=0"], true), (["--eval.init_states=sampled", "--seed=1"], false),
        (["--seed=0"], false),
      ] {
        let outcome = try Program.run(evaluate + more, in: folder, environment: environment)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("libero_spatial/0: the policy was trained on the start of 1 of 2") == isRefused)
      }
    }
  }

  private func withLibero(_ body: (URL, [String: String]) throws -> Void) throws {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appendingPathComponent("wm-commands-\(UUID().uuidString)")
    let settings = folder.appendingPathComponent("libero")
    try files.createDirectory(at: settings, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: folder) }
    let assets = try #require(LiberoAssetFolder.url)
    try "assets: \(assets.path)\n".write(
      to: settings.appendingPathComponent("config.yaml"), atomically: true, encoding: .utf8)
    try body(folder, ["LIBERO_CONFIG_PATH": settings.path])
  }
}
