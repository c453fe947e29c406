import Failures
import Foundation
import LayeredSettings
import ModelFiles
import RobotPolicies
import Testing

@testable import Commands

/// Settings as `train` and `eval` gather them, without running.
struct LayersTests {
  /// A folder with a checkpoint that has its own chunk_size, n_action_steps and num_steps, and a settings file.
  private func within(_ settings: JSON, _ body: (_ checkpoint: String, _ file: String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-layers-\(UUID().uuidString)")
    let checkpoint = folder.appendingPathComponent("pretrained_model")
    try FileManager.default.createDirectory(at: checkpoint, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let config: JSON = ["type": "smolvla", "chunk_size": 10, "n_action_steps": 5, "num_steps": 3]
    try config.write(to: checkpoint.appendingPathComponent("config.json"))
    let file = folder.appendingPathComponent("mine.json")
    try settings.write(to: file)
    try body(checkpoint.path, file.path)
  }

  private func train(_ flags: [String]) throws -> TrainSettings {
    var arguments = Arguments(flags + ["--dataset.repo_id=me/data"])
    var configured = Configured<TrainSettings>()
    try TrainCommand.layers(&configured, &arguments)
    try configured.apply(arguments)
    return try configured.validated()
  }

  private func eval(_ flags: [String]) throws -> EvalCommand.Settings {
    var arguments = Arguments(flags)
    var configured = Configured<EvalCommand.Settings>()
    try EvalCommand.layers(&configured, &arguments)
    try configured.apply(arguments)
    return try configured.validated()
  }

  private static let file: JSON = [
    "batch_size": 4, "seed": 7, "policy": ["type": "smolvla", "n_action_steps": 4, "num_steps": 4],
  ]

  /// Both forms of a flag, both names of a checkpoint, in any order.
  @Test(
    arguments: [
      { (checkpoint: String, file: String) in
        ["--policy.path=\(checkpoint)", "--config_path=\(file)", "--policy.num_steps=2"]
      },
      { ["--policy.num_steps", "2", "--config_path", $1, "--policy.path", $0] },
      { ["--config_path=\($1)", "--policy.pretrained_path=\($0)", "--policy.num_steps", "2"] },
      { ["--policy.pretrained_path", $0, "--policy.num_steps=9", "--policy.num_steps=2", "--config_path", $1] },
    ] as [@Sendable (String, String) -> [String]])
  func `are defaults, the checkpoint's, the file's and the flags', later over earlier`(
    flags: @Sendable (String, String) -> [String]
  ) throws {
    try within(Self.file) { checkpoint, file in
      let train = try train(flags(checkpoint, file))
      let policy = train.policy.smolvla
      #expect((policy.chunkSize, policy.actionSteps, policy.denoisingSteps) == (10, 4, 2))
      #expect((train.batchSize, train.seed, train.steps) == (4, 7, 100_000))
      #expect(policy.compatibility.pretrainedPath == checkpoint)
      let eval = try eval(flags(checkpoint, file))
      #expect(eval.policy.smolvla.chunkSize == 10 && eval.policy.smolvla.actionSteps == 4)
      #expect(eval.policy.smolvla.denoisingSteps == 2 && eval.seed == 7 && eval.policyPath == checkpoint)
    }
  }

  /// Its output folder would be the run's own, and its pretrained_path the checkpoint before training.
  @Test func `of a training run are none of an evaluation`() throws {
    try within(["dataset": ["repo_id": "shapes"], "output_dir": "run", "seed": 0]) { _, file in
      let error = #expect(throws: Failure.self) { try eval(["--config_path=\(file)"]) }
      #expect(error?.description.contains("--policy.path=") == true)
    }
  }

  @Test func `lie over the checkpoint that the file names, and a flag names another`() throws {
    try within([:]) { checkpoint, file in
      let settings: JSON = ["policy": ["type": "smolvla", "pretrained_path": .string(checkpoint), "num_steps": 4]]
      try settings.write(to: URL(fileURLWithPath: file), overwrite: true)
      let train = try train(["--config_path=\(file)"])
      #expect(train.policy.smolvla.chunkSize == 10 && train.policy.smolvla.denoisingSteps == 4)
      #expect(train.policy.smolvla.compatibility.pretrainedPath == checkpoint)
      #expect(try eval(["--config_path=\(file)"]).policyPath == checkpoint)

      let other = URL(fileURLWithPath: checkpoint).deletingLastPathComponent().appendingPathComponent("other")
      try FileManager.default.copyItem(at: URL(fileURLWithPath: checkpoint), to: other)
      try (["type": "smolvla", "chunk_size": 20, "n_action_steps": 5] as JSON).write(
        to: other.appendingPathComponent("config.json"), overwrite: true)
      let second = try self.train(["--config_path=\(file)", "--policy.path=\(other.path)"])
      #expect(second.policy.smolvla.chunkSize == 20 && second.policy.smolvla.compatibility.pretrainedPath == other.path)
      #expect(try eval(["--config_path=\(file)", "--policy.path=\(other.path)"]).policyPath == other.path)
    }
  }

  @Test func `come from a folder's train_config.json`() throws {
    try within(Self.file) { checkpoint, file in
      let folder = URL(fileURLWithPath: checkpoint)
      try FileManager.default.copyItem(
        at: URL(fileURLWithPath: file), to: folder.appendingPathComponent("train_config.json"))
      #expect(try train(["--config_path=\(checkpoint)"]).batchSize == 4)
      #expect(try train(["--config_path", checkpoint + "/", "--batch_size", "2"]).batchSize == 2)
      let error = #expect(throws: FileError.self) { try train(["--config_path=\(file)x.json"]) }
      #expect(error == .missing("\(file)x.json"))
    }
  }

  @Test func `hold an environment only where one is asked for`() throws {
    #expect(try train([]).environment == nil)
    #expect(try train([]).name == "smolvla")
    let settings = try train(["--env.type=libero", "--env.task=libero_goal", "--env.task_ids=[0, 2]"])
    guard case .libero(let libero) = settings.environment else {
      Issue.record("no LIBERO in \(String(describing: settings.environment))")
      return
    }
    #expect(libero.task == "libero_goal" && libero.identifiers == [0, 2])
    #expect(settings.name == "libero_smolvla")
    #expect(try train(["--env.type=libero", "--env=null"]).environment == nil)
    #expect(throws: ConfigurationError.self) { try train(["--env.task=libero_goal"]) }
    try within(["env": ["type": "shapes", "task": "push_side"]]) { _, file in
      let types = try [[], ["--env=null"], ["--env.type=libero"]].map { flags in
        try train(["--config_path=\(file)"] + flags).environment?.type
      }
      #expect(types == ["shapes", nil, "libero"])
    }
  }
}
