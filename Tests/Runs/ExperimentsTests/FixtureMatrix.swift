import CounterBasedRandom
import Experiments
import Failures
import Foundation
import MediaCoding
import ModelFiles
import OrderedCollections
import RGBImages

/// A folder of runs as training and evaluation leave it, made up of counted random numbers; it goes when the value goes.
final class FixtureMatrix {
  let root: URL

  /// An empty folder.
  init(empty: Void) throws {
    root = FileManager.default.temporaryDirectory.appendingPathComponent("wm-report-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  /// E0, E1 and E2 of some seeds, E0 told the contrary, and the random policy, each of `episodes` episodes of each task.
  convenience init(seeds: [Int] = [0], tasks: [String] = ["push_left", "push_right"], episodes: Int = 20) throws {
    try self.init(empty: ())
    for (experiment, chance) in [("E0", 0.72), ("E1", 0.7), ("E2", 0.76)] {
      for seed in seeds {
        try run(experiment, seed: seed)
        try evaluation(
          "\(experiment)_seed\(seed)/eval", outcomes(chance, tasks, episodes, salt: "\(experiment) \(seed)"))
      }
    }
    try evaluation("E0_seed0/eval_contrary", outcomes(0.12, tasks, episodes, salt: "contrary"), contrary: true)
    try evaluation("random", outcomes(0.06, tasks, episodes, salt: "random"), planner: "random")
  }

  /// What the report makes of the folder; unlike an URL taken out of it, this keeps the folder while it is read.
  func report(
    title: String = "A matrix", isDemonstration: Bool = false, videoBudget: Int = 9_000_000
  ) throws -> ExperimentReport {
    defer { withExtendedLifetime(self) {} }
    return try ExperimentReport(
      root: root, title: title, isDemonstration: isDemonstration, videoBudget: videoBudget)
  }

  func callAsFunction(_ path: String) -> URL { root.appendingPathComponent(path) }

  func write(_ text: String, _ path: String) throws {
    let url = self(path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try AtomicFile.write(Array(text.utf8), to: url, overwrite: true)
  }

  /// Sets a value of a JSON file; nil removes it.
  func set(_ path: String, _ keys: [String], to value: JSON?) throws {
    func changed(_ json: JSON, _ keys: ArraySlice<String>) -> JSON? {
      guard let key = keys.first else { return value }
      var members = json.object ?? [:]
      members[key] = changed(members[key] ?? [:], keys.dropFirst())
      return .object(members)
    }
    try write((changed(JSON(contentsOf: self(path)), keys[...]) ?? .null).text(), path)
  }

  func outcomes(_ chance: Double, _ tasks: [String], _ episodes: Int, salt: String) -> [(String, [Bool])] {
    tasks.map { task in
      let luck = CountedRandom(seed: 0, "episodes \(task)"), own = CountedRandom(seed: 0, "\(salt) \(task)")
      // Half of an episode's luck is its own whoever plays it, as in an evaluation with equal initial states.
      return (task, (0..<episodes).map { (luck.uniform($0) + own.uniform($0)) / 2 < chance - 0.12 * (1 - chance) })
    }
  }

  func run(_ experiment: String, seed: Int, steps: Int = 1200) throws {
    let noise = CountedRandom(seed: seed, experiment).normals(count: 2 * steps)
    let lines = stride(from: 10, through: steps, by: 10).map { step -> String in
      let t = Double(step) / Double(steps), n = Double(noise[step])
      var line: OrderedDictionary<String, JSON> = [
        "step": .integer(step), "loss": .number((0.06 + 1.1 * exp(-6 * t)) * exp(0.16 * n)),
        "grad_norm": .number((0.4 + 2 * exp(-4 * t)) * exp(0.3 * Double(noise[steps + step - 1]))),
        "lr": .number(1e-3 * (1 - t)), "update_s": .number(0.21 + 0.01 * n), "dataloading_s": 0.001,
      ]
      if experiment == "E2" {
        line["world_cos"] = .number(0.58 * (1 - exp(-3 * t)) + 0.02 * n)
        line["world_loss"] = .number(1 - 0.58 * (1 - exp(-3 * t)) - 0.02 * n)
        line["world_gate"] = .number(0.021 * t * t)
      }
      return JSON.object(line).text(.compact)
    }
    let folder = "\(experiment)_seed\(seed)"
    try write(lines.joined(separator: "\n") + "\n", "\(folder)/metrics.jsonl")
    let model = "\(folder)/checkpoints/last/pretrained_model"
    var policy: OrderedDictionary<String, JSON> = [
      "type": .string(experiment == "E0" ? "smolvla" : "smolvla_world"), "chunk_size": 10, "n_action_steps": 5,
      "device": "cpu", "dtype": "bfloat16", "optimizer_lr": 0.001,
    ]
    if experiment != "E0" {
      policy["world_memory_mode_train"] = .string(experiment == "E1" ? "zero" : "pred")
      policy["world_memory_mode_rollout"] = .string(experiment == "E1" ? "zero" : "pred")
      policy["lambda_world"] = 0.2
      policy["context_frames"] = 4
      policy["future_offset"] = 8
      policy["world_latent_dim"] = 64
    }
    try write(JSON.object(policy).text(), "\(model)/config.json")
    let training: JSON = [
      "dataset": ["repo_id": "demo/shapes", "revision": nil], "policy": .object(policy), "steps": .integer(steps),
      "batch_size": 32, "seed": .integer(seed), "log_freq": 10,
      "dataset_fingerprint": "5f2b1c7e9d0a4b638c1e2f7a90b4c6d85f2b1c7e9d0a4b638c1e2f7a90b4c6d8",
    ]
    try write(training.text(), "\(model)/train_config.json")
    // The weights that `evaluation` says it is of.
    try write("\(folder)/eval", "\(model)/model.safetensors")
    try write(
      #"{"segments":[{"first_step":0,"batch_size":32,"seed":\#(seed)}]}"#, "\(model)/training_record.json")
  }

  func evaluation(
    _ folder: String, _ outcomes: [(String, [Bool])], seed: JSON? = 1000, actionSteps: JSON? = 5,
    contrary: Bool = false, planner: String = "policy", recorded: Int = 6
  ) throws {
    let perTask = outcomes.enumerated().map { index, entry -> JSON in
      let (task, successes) = entry
      let paths = (0..<min(recorded, successes.count)).map { "videos/shapes_\(task)/eval_episode_\($0).mp4" }
      return [
        "task_group": "shapes", "task_id": .integer(index), "task": .string(task),
        "metrics": [
          "successes": .array(successes.map(JSON.bool)),
          "steps": .array(successes.enumerated().map { .integer($1 ? 24 + $0 * 7 % 13 : 60) }),
          "instructions": .array(
            successes.map { _ in .string("push the block to the \(task.hasSuffix("left") ? "left" : "right")") }),
          "problems": .array(successes.map { _ in .null }), "video_paths": .array(paths.map(JSON.string)),
        ],
      ]
    }
    var manifest: OrderedDictionary<String, JSON> = [
      "planner": .string(planner), "policy_type": "smolvla", "n_episodes": .integer(outcomes.first?.1.count ?? 0),
      "contrary_instruction": .bool(contrary), "device": "cpu", "chunk_size": 10,
      "versions": ["lerobot-wm": "0.1.0", "torch": "2.13.0+cpu", "mujoco": "3.3.2", "ffmpeg": "5.1.6"],
      // The weights that `run` leaves, whatever the evaluation's folder.
      "model_sha256": .string(sha256(of: (folder.split(separator: "/").first ?? "") + "/eval")),
    ]
    manifest["seed"] = seed
    manifest["n_action_steps"] = actionSteps
    let json: JSON = ["per_task": .array(perTask), "protocol": .object(manifest)]
    try write(json.text(), "\(folder)/eval_info.json")
  }

  /// Makes a run's checkpoint a copy of another's.
  func adoptWeights(_ run: String, of other: String) throws {
    try write("\(other)/eval", "\(run)/checkpoints/last/pretrained_model/model.safetensors")
    try set("\(run)/eval/eval_info.json", ["protocol", "model_sha256"], to: .string(sha256(of: "\(other)/eval")))
  }

  /// A block that crosses a table, as a video at each place that the evaluations name.
  func video(codec: VideoCodec, _ folders: [String], tasks: [String] = ["push_left", "push_right"], episodes: Int = 6)
    throws
  {
    for folder in folders {
      for task in tasks {
        for episode in 0..<episodes {
          let url = self("\(folder)/videos/shapes_\(task)/eval_episode_\(episode).mp4")
          try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
          let writer = try VideoWriter(url, width: 96, height: 96, framesPerSecond: 10, codec: codec, overwrite: true)
          for frame in 0..<20 {
            let x = 40 + (task.hasSuffix("left") ? -1 : 1) * frame * (1 + episode % 2)
            var pixels: [UInt8] = []
            for row in 0..<96 {
              for column in 0..<96 {
                let isBlock = abs(row - 40 - 5 * episode) < 9 && abs(column - x) < 9
                pixels += isBlock ? [200, 60, 50] : row < 24 ? [150, 170, 190] : [205, 190, 165]
              }
            }
            try writer.append(try RGBImage(width: 96, height: 96, pixels: pixels))
          }
          try writer.finish()
        }
      }
    }
  }
}
