import Foundation
import ModelFiles
import Testing

/// LeRobot 0.4.4's own defaults, as draccus encodes `ImageTransformsConfig()`.
private let officialTransforms = """
  {"enable": false, "max_num_transforms": 3, "random_order": false, "tfs": {
  "brightness": {"weight": 1.0, "type": "ColorJitter", "kwargs": {"brightness": [0.8, 1.2]}},
  "contrast": {"weight": 1.0, "type": "ColorJitter", "kwargs": {"contrast": [0.8, 1.2]}},
  "saturation": {"weight": 1.0, "type": "ColorJitter", "kwargs": {"saturation": [0.5, 1.5]}},
  "hue": {"weight": 1.0, "type": "ColorJitter", "kwargs": {"hue": [-0.05, 0.05]}},
  "sharpness": {"weight": 1.0, "type": "SharpnessJitter", "kwargs": {"sharpness": [0.5, 1.5]}},
  "affine": {"weight": 1.0, "type": "RandomAffine", "kwargs": {"degrees": [-5.0, 5.0], "translate": [0.05, 0.05]}}}}
  """

struct DatasetFlagsTests {
  private func configuration(_ run: URL) throws -> JSON {
    try JSON(contentsOf: run.appendingPathComponent("checkpoints/last/pretrained_model/train_config.json"))
  }

  @Test func `image transforms are written as LeRobot writes them`() throws {
    let found = try #require(
      configuration(Fixture.root().appendingPathComponent("E0"))["dataset"]?["image_transforms"])
    let official = try JSON(parsing: officialTransforms)
    for key in ["enable", "max_num_transforms", "random_order"] { #expect(found[key] == official[key]) }
    let (ours, theirs) = (try #require(found["tfs"]?.object), try #require(official["tfs"]?.object))
    #expect(ours.keys == theirs.keys)
    for (name, transform) in theirs {
      #expect(ours[name]?["type"] == transform["type"] && ours[name]?["weight"]?.double == 1)
      #expect(ours[name]?["kwargs"]?.object?.keys == transform["kwargs"]?.object?.keys)
      for (argument, values) in transform["kwargs"]?.object ?? [:] {
        let list = ours[name]?["kwargs"]?[argument]?.array?.map(\.double)
        #expect(list == values.array?.map(\.double))
      }
    }
  }

  @Test func `a run with image transforms is the same whatever the loader threads, and after a resume`() throws {
    try Fixture.within { folder in
      let flags =
        Flags.train + ["--dataset.image_transforms.enable=true", "--dataset.image_transforms.random_order=true"]
      try Program.succeed(["train", "--output_dir=a"] + flags, in: folder)
      try Program.succeed(["train", "--output_dir=b"] + flags + ["--num_workers=3"], in: folder)
      let (a, b) = (folder.appendingPathComponent("a"), folder.appendingPathComponent("b"))
      #expect(try metrics(a) == metrics(b) && lastState(a) == lastState(b))
      // As if it had been killed after step 3.
      let checkpoints = b.appendingPathComponent("checkpoints")
      for name in ["last", "000006"] {
        try FileManager.default.removeItem(at: checkpoints.appendingPathComponent(name))
      }
      try FileManager.default.createSymbolicLink(
        atPath: checkpoints.appendingPathComponent("last").path, withDestinationPath: "000003")
      try Program.succeed(["train", "--output_dir=b", "--resume"], in: folder)
      #expect(try metrics(a) == metrics(b) && lastState(a) == lastState(b))
      #expect(try metrics(a) != metrics(folder.appendingPathComponent("E0")))
    }
  }

  @Test func `wrong transforms, tolerances and renamings are one sentence before anything starts`() throws {
    try Fixture.within { folder in
      let name = "LEROBOT_WM_RENAME_MAP_JSON"
      let transforms = "--dataset.image_transforms"
      let wrong: [(flags: [String], environment: [String: String], words: [String])] = [
        (["\(transforms).tfs={\"x\":{\"type\":\"Blur\"}}", "\(transforms).enable"], [:], ["tfs", "x", "Blur"]),
        (["\(transforms).tfs={\"x\":{\"kind\":1}}"], [:], ["tfs", "kwargs"]),
        (["\(transforms).tfs={\"x\":{\"weight\":\"1\"}}"], [:], ["tfs"]),
        (["\(transforms).max_num_transforms=-1"], [:], ["max_num_transforms"]),
        (["--tolerance_s=-1"], [:], ["tolerance_s"]),
        (["--tolerance_s=nan"], [:], ["tolerance_s"]),
        ([], [name: "{\"a\": "], [name, "JSON object"]), ([], [name: "[\"a\"]"], [name, "JSON object"]),
        ([], [name: "{\"a\": 1}"], [name, "rename_map"]),
      ]
      for (flags, environment, words) in wrong {
        let outcome = try Program.run(
          ["train", "--output_dir=wrong"] + Flags.train + flags, in: folder, environment: environment)
        #expect(outcome.status != 0 && outcome.sentences.count == 1, "\(flags): \(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(flags): \(outcome.errors)") }
      }
      #expect(!folder.names().contains("wrong"))
    }
  }

  @Test func `names are mapped by the environment's variable, and by the flag before it`() throws {
    try Fixture.within { folder in
      let name = "LEROBOT_WM_RENAME_MAP_JSON"
      let map = "{\"observation.images.image\":\"observation.images.front\"}"
      func train(_ run: String, _ flags: [String], _ environment: [String: String]) throws -> [String] {
        let outcome = try Program.run(
          ["train", "--output_dir=\(run)"] + Flags.train + ["--steps=1"] + flags, in: folder, environment: environment)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let written = try configuration(folder.appendingPathComponent(run))
        return (written["policy"]?["input_features"]?.object?.keys).map(Array.init) ?? []
      }
      let mapped = try train("mapped", [], [name: map])
      #expect(mapped.contains("observation.images.front"))
      let flag = try train("flag", ["--rename_map={}"], [name: map])
      #expect(!flag.contains("observation.images.front"))
      let precompute = Flags.precompute + ["--cache_dir=other", "--image_key=observation.images.front"]
      let (plain, renamed) = (
        try Program.run(precompute, in: folder), try Program.run(precompute, in: folder, environment: [name: map])
      )
      #expect(plain.errors.contains("observation.images.front") && renamed.status == 0, "\(renamed.errors)")
    }
  }

  @Test func `a recording's codec and the size of its files are as asked for`() throws {
    try Fixture.within { folder in
      let record = ["record", "--dataset.num_episodes=2", "--env.type=shapes", "--env.task=push_side"]
      try Program.succeed(
        record + [
          "--env.image_size=32", "--dataset.root=video", "--dataset.video", "--dataset.vcodec=hevc",
          "--dataset.chunks_size=1", "--dataset.data_files_size_in_mb=0.001", "--dataset.video_files_size_in_mb=50",
        ], in: folder)
      let video = folder.appendingPathComponent("video")
      let information = try JSON(contentsOf: video.appendingPathComponent("meta/info.json"))
      #expect(information["chunks_size"]?.integer == 1 && information["video_files_size_in_mb"]?.integer == 50)
      let camera = information["features"]?["observation.images.image"]
      #expect(camera?["info"]?["video.codec"]?.string == "hevc")
      #expect(video.appendingPathComponent("data").names() == ["chunk-000", "chunk-001"])
      for wrong in [["--dataset.vcodec=vp9"], ["--dataset.chunks_size=0"], ["--dataset.data_files_size_in_mb=nan"]] {
        let outcome = try Program.run(record + ["--dataset.root=wrong"] + wrong, in: folder)
        #expect(outcome.status != 0 && outcome.sentences.count == 1, "\(outcome.errors)")
      }
    }
  }

  @Test func `a dataset without statistics is trained on with those of its columns`() throws {
    try Fixture.within { folder in
      let bare = folder.appendingPathComponent("bare")
      let whole = folder.appendingPathComponent("data").resolvingSymlinksInPath()
      try FileManager.default.copyItem(at: whole, to: bare)
      try FileManager.default.removeItem(at: bare.appendingPathComponent("meta/stats.json"))
      let outcome = try Program.succeed(
        ["train", "--output_dir=run"] + Flags.train + ["--dataset.root=bare"], in: folder)
      #expect(outcome.errors.contains("statistics of observation.state, action are missing"))
      let (found, expected) = (
        try metrics(folder.appendingPathComponent("run")), try metrics(folder.appendingPathComponent("E0"))
      )
      for (one, other) in zip(found, expected) {
        let (loss, wanted) = (try #require(one["loss"]?.double), try #require(other["loss"]?.double))
        #expect(abs(loss - wanted) < 1e-4)
      }
    }
  }
}
