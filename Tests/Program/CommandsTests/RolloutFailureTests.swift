import EngineLoading
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

/// What goes wrong while episodes are played, seen from outside the program.
struct RolloutFailureTests {
  private static let random = ["eval", "--eval.planner=random", "--num_compute_threads=1", "--output_dir=out"]
  private static let hasLibero =
    (try? EngineLibraries.directory()).map {
      FileManager.default.fileExists(atPath: $0.appendingPathComponent("engines/hf-libero").path)
    } ?? false

  private func information(_ folder: URL) throws -> JSON {
    try JSON(contentsOf: folder.appendingPathComponent("out/eval_info.json"))
  }

  private func problems(_ information: JSON) throws -> [String] {
    try #require(information["per_task"]?.array).flatMap { task in
      try #require(task["metrics"]?["problems"]?.array).map { $0.string ?? "" }
    }
  }

  /// LIBERO's settings with folders that a test has damaged.
  private func settings(_ folder: URL, _ values: [String: String]) throws -> [String: String] {
    let text = values.map { "\($0.key): \($0.value)\n" }.joined()
    try Data(text.utf8).write(to: folder.appendingPathComponent("config.yaml"))
    return ["LIBERO_CONFIG_PATH": folder.path]
  }

  private func folderOfEmptyAssets(_ folder: URL) throws -> String {
    let assets = folder.appendingPathComponent("assets")
    for part in [
      "articulated_objects", "scenes", "stable_hope_objects", "stable_scanned_objects", "turbosquid_objects",
    ] {
      try FileManager.default.createDirectory(
        at: assets.appendingPathComponent(part), withIntermediateDirectories: true)
    }
    return assets.path
  }

  @Test(arguments: [SIGINT, SIGTERM]) func `keeps what has ended when it is asked to stop`(signal: Int32) throws {
    try Fixture.within { folder in
      let run = try Program.start(
        Self.random + Flags.environment + ["--eval.n_episodes=20000", "--eval.batch_size=2"]
          + ["--eval.max_episodes_rendered=1"], in: folder)
      let video = folder.appendingPathComponent("out/videos/shapes_push_side/eval_episode_0.mp4")
      for _ in 0..<3000 where !FileManager.default.fileExists(atPath: video.path) && run.process.isRunning {
        usleep(10_000)
      }
      usleep(100_000)
      kill(run.process.processIdentifier, signal)
      let outcome = run.wait()
      #expect(outcome.status == 128 + signal)
      let information = try information(folder)
      let count = try #require(information["overall"]?["n_episodes"]?.integer)
      #expect((1..<20000).contains(count))
      #expect(try problems(information).allSatisfy(\.isEmpty))
      #expect(information["protocol"]?["n_episodes"]?.integer == 20000)
      #expect(
        outcome.errors.contains(
          "eval_info.json holds what had ended, \(counted(count, "episode")); resume with --resume --output_dir=out\n"))
    }
  }

  /// The gate must be open: a memory that is not read is not computed.
  @Test func `counts memories that are not numbers, also over a restart, and says so`() throws {
    try Fixture.within { folder in
      try Program.succeed(
        ["train", "--output_dir=E2_seed3"] + Flags.train + Flags.world + ["--steps=1", "--policy.world_gate_init=1"],
        in: folder)
      let model = "E2_seed3/checkpoints/last/pretrained_model"
      try changeWeights(of: folder.appendingPathComponent("E2_seed3")) { $0.hasPrefix("prophet.") ? .nan : nil }
      let evaluate = Flags.evaluate + ["--policy.path=\(model)", "--output_dir=E2_seed3/eval"]
      let outcome = try Program.succeed(evaluate, in: folder)
      let evaluation = folder.appendingPathComponent("E2_seed3/eval")
      let info = evaluation.appendingPathComponent("eval_info.json")
      let dropped = try #require(try JSON(contentsOf: info)["protocol"]?["dropped_memories"]?.integer)
      #expect(outcome.errors.contains("warning: \(dropped) memories were not finite"))
      // Two steps are carried out of each plan, and every plan was without memory.
      let steps = try #require(try JSON(contentsOf: info)["per_task"]?.array?.first?["metrics"]?["steps"]?.array)
      #expect(dropped == steps.compactMap(\.integer).map { ($0 + 1) / 2 }.reduce(0, +) && dropped > 0)
      // The first episode had ended when it was killed.
      let log = evaluation.appendingPathComponent("episodes.jsonl")
      let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
      try (lines.prefix(2).joined(separator: "\n") + "\n").write(to: log, atomically: true, encoding: .utf8)
      try FileManager.default.removeItem(at: info)
      try Program.succeed(evaluate + ["--eval.batch_size=1", "--resume"], in: folder)
      let resumed = try #require(try JSON(contentsOf: info)["protocol"]?["dropped_memories"]?.integer)
      #expect(resumed >= dropped)
      let report = try Program.succeed(["report", "--runs=."], in: folder)
      #expect(report.output.contains("E2_seed3/eval: \(resumed) memories were not finite"), "\(report.output)")
    }
  }

  @Test func `says which numbers of a policy are none, and continues`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      try changeWeights(of: folder.appendingPathComponent("E0")) { $0.hasSuffix("action_out_proj.bias") ? .nan : nil }
      let outcome = try Program.run(
        Flags.evaluate + ["--output_dir=out", "--policy.path=\(Flags.checkpoint)"], in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("episode 1 broke off: shapes takes finite actions, and got [nan, nan]\n"))
      #expect(try problems(information(folder)).count == 2)
      // Nothing was measured, so no rate is told.
      #expect(outcome.sentences.count == 1 && outcome.errors.contains("every episode broke off"), "\(outcome.errors)")
      #expect(!outcome.output.contains("%"), "\(outcome.output)")
    }
  }

  @Test func `says what MUJOCO_GL may be`() throws {
    try Fixture.within { folder in
      let outcome = try Program.run(
        Self.random + Flags.environment, in: folder, environment: ["MUJOCO_GL": "vulkan"])
      #expect(outcome.status == 1)
      #expect(
        outcome.sentences == [
          "lerobot-wm: MUJOCO_GL is 'vulkan'; set it to egl or osmesa, or leave it unset"
        ])
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("out").path))
    }
  }

  @Test func `says what drawing lacks, and how else to draw`() throws {
    try Fixture.within { folder in
      let outcome = try Program.run(
        Self.random + Flags.environment + ["--eval.n_episodes=2", "--eval.max_episodes_rendered=1"], in: folder,
        environment: ["MUJOCO_GL": "egl", "__EGL_VENDOR_LIBRARY_DIRS": folder.path])
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("episode 0 broke off: no OpenGL context for drawing: EGL"))
      #expect(outcome.errors.contains("or choose with MUJOCO_GL=osmesa"))
      #expect(try problems(information(folder)).map(\.isEmpty) == [false, true], "only the recorded episode is drawn")
    }
  }

  @Test(.enabled(if: hasLibero, "needs LIBERO's task files"))
  func `says where a task's description or a scene is damaged, and tries the other tasks`() throws {
    try Fixture.within { folder in
      let packaged = try EngineLibraries.directory().appendingPathComponent(
        "engines/hf-libero/libero/libero/bddl_files")
      let suite = folder.appendingPathComponent("bddl/libero_spatial")
      try FileManager.default.createDirectory(at: suite, withIntermediateDirectories: true)
      let descriptions = packaged.appendingPathComponent("libero_spatial")
      for name in descriptions.names() {
        let whole = try String(contentsOf: descriptions.appendingPathComponent(name), encoding: .utf8)
        let isFirst = name.contains("between_the_plate_and_the_ramekin")
        let text = isFirst ? whole.replacingOccurrences(of: "(:goal", with: "(:gaol") : whole
        try Data(text.utf8).write(to: suite.appendingPathComponent(name))
      }
      let environment = try settings(
        folder,
        ["bddl_files": folder.appendingPathComponent("bddl").path, "assets": folderOfEmptyAssets(folder)])
      let outcome = try Program.run(
        Self.random + [
          "--env.type=libero", "--env.task=libero_spatial", "--env.task_ids=[0,1]", "--eval.n_episodes=3",
        ], in: folder, environment: environment)
      #expect(outcome.status == 1)
      let problems = try problems(information(folder))
      #expect(problems.count == 6 && Set(problems).count == 2)
      #expect(problems[0].contains(".bddl:") && problems[0].contains(":gaol"), "\(problems[0])")
      #expect(problems[3].contains("is missing"), "\(problems[3])")
      #expect(outcome.errors.contains("libero_spatial/0, episode 0 broke off: "))
      let folders = try information(folder)["protocol"]?["folders"]
      #expect(folders?["bddl_files"]?.string == folder.appendingPathComponent("bddl").path)
      #expect(try folders?["assets"]?.string == folderOfEmptyAssets(folder))
    }
  }
}
