import Experiments
import Foundation
import LibTorch
import ModelFiles
import OrderedCollections
import Testing

@testable import Commands

/// Checkpoints, runs and datasets as users have them: other cameras and sizes, another machine's paths, copies without links.
struct CheckpointsAsFoundTests {
  private static let evaluate = Flags.evaluate + ["--output_dir=out", "--policy.path=\(Flags.checkpoint)"]
  private static let resume = ["train", "--output_dir=E0", "--resume", "--steps=7"]

  private func change(
    _ folder: URL, _ path: String, _ body: (inout OrderedDictionary<String, JSON>) -> Void
  ) throws {
    let file = folder.appendingPathComponent(path)
    var members = try #require(try JSON(contentsOf: file).object)
    body(&members)
    try JSON.object(members).write(to: file, overwrite: true)
  }

  private func changeConfig(
    _ folder: URL, _ body: (inout OrderedDictionary<String, JSON>) -> Void
  ) throws { try change(folder, Flags.checkpoint + "/config.json", body) }

  private func changeSteps(_ folder: URL, _ key: String, _ value: JSON) throws {
    try change(folder, Flags.checkpoint + "/policy_preprocessor.json") { members in
      members["steps"] = .array(
        (members["steps"]?.array ?? []).map { step in
          guard var config = step["config"]?.object, config[key] != nil else { return step }
          config[key] = value
          return .object((step.object ?? [:]).merging(["config": .object(config)]) { $1 })
        })
    }
  }

  // MARK: Cameras, names and sizes

  /// LeRobot leaves a base's three cameras and its state's size in the `config.json` of what is trained from it.
  private func giveThreeCameras(_ folder: URL) throws {
    try changeConfig(folder) { members in
      var features: OrderedDictionary<String, JSON> = [
        "observation.state": ["type": "STATE", "shape": [6]]
      ]
      for camera in 1...3 {
        features["observation.images.camera\(camera)"] = ["type": "VISUAL", "shape": [3, 256, 256]]
      }
      members["input_features"] = .object(features)
    }
    let names: JSON = [
      "observation.images.image": "observation.images.camera1",
      "observation.images.image2": "observation.images.camera2",
    ]
    try changeSteps(folder, "rename_map", names)
  }

  @Test func `a checkpoint of three cameras is evaluated on two, in one line`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      try giveThreeCameras(folder)
      let outcome = try Program.succeed(Self.evaluate, in: folder)
      let lines = outcome.errors.split(separator: "\n").filter { $0.contains("observation.images.camera3") }
      #expect(lines.count == 1 && lines[0].hasPrefix("warning: "), "\(outcome.errors)")
      #expect(outcome.errors.contains("the state has the shape [6]"))
      try Program.succeed(
        ["eval", "--policy.empty_cameras=1", "--overwrite"] + Self.evaluate.dropFirst(), in: folder)
    }
  }

  @Test func `a resumed run goes without a camera that its dataset lost, and not without all`() throws {
    try Fixture.within(copying: ["E0", "data"]) { folder in
      func lose(_ camera: String) throws {
        try change(folder, "data/meta/info.json") { members in
          var features = members["features"]?.object ?? [:]
          features["observation.images.\(camera)"] = nil
          members["features"] = .object(features)
        }
      }
      try lose("image2")
      let flags = Self.resume + Flags.data
      let outcome = try Program.succeed(flags, in: folder)
      #expect(outcome.errors.contains("shows no observation.images.image2"), "\(outcome.errors)")
      try lose("image")
      let bare = try Program.run(flags, in: folder)
      #expect(bare.status == 1 && bare.sentences.count == 1, "\(bare.errors)")
    }
  }

  @Test(arguments: [
    (#"{"observation.images.imag":"observation.images.a"}"#, "renames observation.images.imag, which"),
    (#"{"observation.images.image":"observation.images.image2"}"#, "would both be called observation.images.image2"),
  ])
  func `a map of names that does not fit is an error in train, eval and precompute`(
    map: String, sentence: String
  ) throws {
    try Fixture.within { folder in
      for command in [
        ["train", "--output_dir=out"] + Flags.train, Self.evaluate, Flags.precompute + ["--cache_dir=out"],
      ] {
        let outcome = try Program.run(command + ["--rename_map=\(map)"], in: folder)
        #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(sentence) && outcome.errors.contains("--rename_map"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("out").path))
      }
    }
  }

  @Test func `a map to a name that the policy does not read is an error of its evaluation`() throws {
    try Fixture.within { folder in
      let map = #"--rename_map={"observation.images.image":"observation.images.camer1"}"#
      let outcome = try Program.run(Self.evaluate + [map], in: folder)
      #expect(
        outcome.status == 1 && outcome.errors.contains("observation.images.camer1, which the policy does not read"))
    }
  }

  @Test func `a state that is larger than the policy's is told with the setting`() throws {
    try Fixture.within { folder in
      let outcome = try Program.run(
        ["train", "--output_dir=out"] + Flags.train + ["--policy.max_state_dim=1"], in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1)
      #expect(outcome.errors.contains("more than --policy.max_state_dim=1"), "\(outcome.errors)")
    }
  }

  // MARK: Another machine's paths

  @Test func `the backbone beside the weights is used where its path is another machine's`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let away = JSON.string("/data/elsewhere/SmolVLM2")
      try changeConfig(folder) { $0["vlm_model_name"] = away }
      try changeSteps(folder, "tokenizer_name", away)
      let usual = try Program.succeed(Self.evaluate, in: folder)
      try Program.succeed(
        ["eval", "--policy.vlm_model_name=models/backbone", "--overwrite"] + Self.evaluate.dropFirst(), in: folder)
      #expect(!usual.output.isEmpty)
      // With two, or none, nothing can be chosen.
      let checkpoint = folder.appendingPathComponent(Flags.checkpoint)
      try FileManager.default.removeItem(at: checkpoint.appendingPathComponent("backbone"))
      let outcome = try Program.run(Self.evaluate + ["--overwrite"], in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1)
      #expect(outcome.errors.contains("config.json names the backbone /data/elsewhere/SmolVLM2"), "\(outcome.errors)")
      #expect(outcome.errors.contains("--policy.vlm_model_name"))
      try Program.succeed(
        ["eval", "--policy.vlm_model_name=models/backbone", "--overwrite"] + Self.evaluate.dropFirst(), in: folder)
    }
  }

  @Test func `a processor whose steps compute something else is refused, one with other names is not`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      try changeSteps(folder, "rename_map", ["observation.images.other": "observation.images.image"])
      try changeSteps(folder, "tokenizer_name", "/data/elsewhere/tokenizer")
      try Program.succeed(Self.evaluate, in: folder)
      try changeSteps(folder, "max_length", 7)
      let outcome = try Program.run(Self.evaluate + ["--overwrite"], in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("policy_preprocessor.json is not the file"))
    }
  }

  // MARK: Settings that a checkpoint brings

  @Test func `what is off is accepted, and what is on is told with its file`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      try changeConfig(folder) {
        $0["rtc_config"] = ["enabled": false, "execution_horizon": 10]
        $0["use_amp"] = true
      }
      try Program.succeed(Self.evaluate, in: folder)
      try changeConfig(folder) { $0["rtc_config"] = ["enabled": true] }
      let outcome = try Program.run(Self.evaluate + ["--overwrite"], in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("config.json: policy.rtc_config: "), "\(outcome.errors)")
    }
  }

  // MARK: Runs that were copied

  @Test func `a run resumes without the link to its last checkpoint, and from a copy in its place`() throws {
    for isCopied in [false, true] {
      try Fixture.within(copying: ["E0"]) { folder in
        let checkpoints = folder.appendingPathComponent("E0/checkpoints")
        let last = checkpoints.appendingPathComponent("last")
        try FileManager.default.removeItem(at: last)
        if isCopied { try FileManager.default.copyItem(at: checkpoints.appendingPathComponent("000006"), to: last) }
        let outcome = try Program.succeed(Self.resume + Flags.data, in: folder)
        #expect(outcome.output.contains("E0/checkpoints/000007"), "\(outcome.errors)")
        #expect(checkpoints.names() == ["000003", "000006", "000007", "last"])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: last.path) == "000007")
      }
    }
  }

  @Test func `the name of the last checkpoint may be in a file, and lead an evaluation too`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let checkpoints = folder.appendingPathComponent("E0/checkpoints")
      let last = checkpoints.appendingPathComponent("last")
      try FileManager.default.removeItem(at: last)
      try Data("000003\n".utf8).write(to: last)
      try Program.succeed(Self.evaluate, in: folder)
      #expect(LastCheckpoint.folder(in: checkpoints)?.lastPathComponent == "000003")
      #expect(MatrixRun(folder.appendingPathComponent("E0")).checkpointStep == 3)
    }
  }

  // MARK: Statistics

  private static let statistics: [(String, JSON)] = [
    ("mean", [[0.0], [0.0]]), ("std", [.number(.nan), 1]), ("std", [-1.0, 1.0]), ("mean", [0.0, 0.0, 0.0]),
    ("std", nil),
  ]

  @Test(arguments: statistics)
  func `statistics that are missing or do not fit are taken from the data`(key: String, value: JSON) throws {
    try Fixture.within(copying: ["data"]) { folder in
      try change(folder, "data/meta/stats.json") { members in
        var state = members["observation.state"]?.object ?? [:]
        if value == .null {
          members["observation.state"] = nil
        } else {
          state[key] = value
          members["observation.state"] = .object(state)
        }
      }
      let outcome = try Program.succeed(["train", "--output_dir=run"] + Flags.train, in: folder)
      #expect(outcome.errors.contains("statistics of observation.state are missing"), "\(outcome.errors)")
      let (found, wanted) = (
        try metrics(folder.appendingPathComponent("run")), try metrics(folder.appendingPathComponent("E0"))
      )
      for (one, other) in zip(found, wanted) {
        let (loss, expected) = (try #require(one["loss"]?.double), try #require(other["loss"]?.double))
        #expect(abs(loss - expected) < 1e-4)
      }
    }
  }

  @Test func `cameras may be normalized by three numbers`() throws {
    try Fixture.within(copying: ["data"]) { folder in
      let modes = #"--policy.normalization_mapping={"VISUAL":"MEAN_STD","STATE":"MEAN_STD","ACTION":"MEAN_STD"}"#
      let flags = Flags.train + [modes, "--steps=1", "--overwrite"]
      try Program.succeed(["train", "--output_dir=run"] + flags, in: folder)
      // The data's own, taken where there are none.
      try change(folder, "data/meta/stats.json") { $0["observation.images.image"] = nil }
      let outcome = try Program.succeed(
        ["train", "--output_dir=run", "--dataset.use_imagenet_stats=false"] + flags, in: folder)
      #expect(outcome.errors.contains("statistics of observation.images.image are missing"), "\(outcome.errors)")
    }
  }

  // MARK: Git LFS

  @Test(arguments: [Flags.checkpoint + "/model.safetensors", "data/data/chunk-000/file-000.parquet"])
  func `a pointer of Git LFS is told from a damaged file`(path: String) throws {
    try Fixture.within(copying: ["E0", "data"]) { folder in
      let text = "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "a", count: 64))\nsize 9\n"
      try Data(text.utf8).write(to: folder.appendingPathComponent(path))
      let command = path.hasPrefix("data") ? ["train", "--output_dir=out"] + Flags.train : Self.evaluate
      let outcome = try Program.run(command, in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("\(path) is a Git LFS pointer"), "\(outcome.errors)")
    }
  }
}
