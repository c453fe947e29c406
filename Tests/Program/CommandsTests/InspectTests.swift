import Foundation
import LeRobotDatasets
import LibTorch
import MediaCoding
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RGBImages
import Testing

/// What `inspect` says of sound and of damaged data, before anything runs on them.
struct InspectTests {
  private static let cameras = ["observation.images.image", "observation.images.image2"]

  /// Records episodes of 6, 5 and 7 frames, each in a Parquet file of its own.
  private func record(
    _ root: URL, video: Bool = false, fps: Double = 10, side: Int = 16, lengths: [Int] = [6, 5, 7],
    state: (_ episode: Int, _ frame: Int) -> Float = { Float($0) + Float($1) / 10 }
  ) throws {
    var features: OrderedDictionary<String, DatasetFeature> = [
      "observation.state": DatasetFeature(.float32, shape: [2], names: ["x", "y"]),
      "action": DatasetFeature(.float32, shape: [2]),
    ]
    for camera in Self.cameras { features[camera] = .camera(video ? .video : .image, height: side, width: side) }
    var chunks = ChunkSettings()
    (chunks.dataFileMegabytes, chunks.videoFileMegabytes) = (1e-6, 1e-6)
    let writer = try DatasetWriter(
      root: root, framesPerSecond: fps, features: features, chunks: chunks, videoCodec: video ? .h264 : nil)
    for (episode, length) in lengths.enumerated() {
      for frame in 0..<length {
        let image = try RGBImage(
          width: side, height: side, pixels: (0..<side * side * 3).map { UInt8(($0 + frame * 9) % 251) })
        var values: [String: FeatureValue] = [
          "observation.state": .floats([state(episode, frame), 1]), "action": .floats([Float(frame), -1]),
        ]
        for camera in Self.cameras { values[camera] = .image(image) }
        try writer.addFrame(values)
      }
      try writer.saveEpisode(task: episode == 1 ? "push <it> right" : "push it left")
    }
    try writer.finish()
  }

  private func within(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-inspect-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func inspect(_ arguments: [String], in folder: URL) throws -> (status: Int32, found: JSON) {
    let outcome = try Program.run(["inspect"] + arguments + ["--json"], in: folder)
    return (outcome.status, try #require(try? JSON(parsing: outcome.output), "\(outcome.errors)"))
  }

  private func text(_ name: String, _ found: JSON) -> String? {
    (found["checks"]?.array ?? []).last { $0["name"]?.string == name }.map {
      "\($0["outcome"]?.string ?? "") \($0["text"]?.string ?? "")"
    }
  }

  /// The problems of an episode, by the table of episodes.
  private func problems(_ episode: Int, _ found: JSON) -> String {
    (found["episodes"]?.array ?? []).first { $0["index"]?.string == "\(episode)" }?["problems"]?.string ?? "no row"
  }

  private func change(
    _ file: URL, _ body: (inout OrderedDictionary<String, JSON>) -> Void
  ) throws {
    var members = try #require(try JSON(contentsOf: file).object)
    body(&members)
    try JSON.object(members).write(to: file, overwrite: true)
  }

  // MARK: Sound data

  @Test(arguments: [false, true]) func `of a sound dataset it says what is in it and what is read`(video: Bool) throws {
    try within { folder in
      try record(folder.appendingPathComponent("data"), video: video)
      let (status, found) = try inspect(["data"], in: folder)
      #expect(status == 0 && found["problems"] == 0 && found["warnings"] == 0, "\(found["checks"] ?? .null)")
      #expect(found["kind"] == "dataset" && found["facts"]?["frames"]?.string == "18 at 10 a second, 1.8 s")
      let uses = (found["features"]?.array ?? []).map { "\($0["name"]?.string ?? "") \($0["use"]?.string ?? "")" }
      let wanted = ["observation.state state", "action action"] + Self.cameras.map { "\($0) camera" }
      #expect(Array(uses.prefix(4)) == wanted)
      #expect(found["cameras"]?.array?.allSatisfy { $0["pixels"] == "16×16" } == true)
      #expect(video == (found["cameras"]?.array?.first?["codec"] == "h264"))
      #expect(found["tasks"]?.array?.map { $0["episodes"]?.string } == ["2", "1"])
      #expect((0..<3).allSatisfy { problems($0, found).isEmpty })
      #expect(found["statistics"]?["action"]?["mean"]?.array?.count == 2)
      #expect(text("what a policy reads", found)?.contains("observation.state [2]") == true)
      let plain = try Program.succeed(["inspect", "data"], in: folder)
      #expect(plain.output.hasPrefix("dataset data\n") && plain.output.hasSuffix("0 problems, 0 warnings\n"))
      #expect(plain.output.split(separator: "\n").allSatisfy { !$0.hasSuffix(" ") })
    }
  }

  @Test func `the page is one file with a row of frames of each camera and plots for each episode`() throws {
    try within { folder in
      try record(folder.appendingPathComponent("data"))
      try Program.succeed(["inspect", "data", "--html=page.html"], in: folder)
      let file = folder.appendingPathComponent("page.html")
      let page = try String(contentsOf: file, encoding: .utf8)
      func count(_ text: String) -> Int { page.components(separatedBy: text).count - 1 }
      #expect(count("src=\"data:image/jpeg;base64,") == 2 * (6 + 5 + 7))
      #expect(count("<h3>Episode ") == 3 && count("<figure class=\"chart\">") == 6)
      #expect(page.contains("push &lt;it&gt; right") && !page.contains("<it>"))
      #expect(count("src=\"") == count("src=\"data:") && !page.contains("http://") && !page.contains("https://"))
      // A page of its own is made again; another file is not replaced.
      try Program.succeed(["inspect", "data", "--html=page.html", "--max_episodes=1"], in: folder)
      #expect(try String(contentsOf: file, encoding: .utf8).components(separatedBy: "<h3>Episode ").count == 2)
      try Data("mine".utf8).write(to: file)
      let refused = try Program.run(["inspect", "data", "--html=page.html"], in: folder)
      #expect(refused.status == 1 && refused.output.isEmpty && !refused.errors.contains("images:"), "\(refused)")
    }
  }

  // MARK: Damaged data

  @Test func `numbers that are not finite are named with their episode and what leaves it out`() throws {
    try within { folder in
      try record(folder.appendingPathComponent("data")) { $0 == 1 && $1 == 3 ? .nan : Float($1) }
      let (status, found) = try inspect(["data", "--html=page.html"], in: folder)
      let sentence = try #require(text("numbers", found))
      #expect(status == 1 && sentence.hasPrefix("problem observation.state of frame 3 of episode 1"), "\(sentence)")
      #expect(sentence.contains("--dataset.exclude_episodes=[1]"), "\(sentence)")
      #expect(problems(1, found).contains("is not finite") && problems(0, found).isEmpty)
      let page = try String(contentsOf: folder.appendingPathComponent("page.html"), encoding: .utf8)
      #expect(page.contains("class=\"broken\"") && !page.contains("nan,"))
    }
  }

  @Test func `a video that lacks frames is named with its episodes`() throws {
    try within { folder in
      try record(folder.appendingPathComponent("data"), video: true)
      try record(folder.appendingPathComponent("short"), video: true, lengths: [6, 5, 3])
      let video = "videos/observation.images.image2/chunk-000/file-002.mp4"
      let target = folder.appendingPathComponent("data/\(video)")
      try FileManager.default.removeItem(at: target)
      try FileManager.default.copyItem(at: folder.appendingPathComponent("short/\(video)"), to: target)
      let (status, found) = try inspect(["data"], in: folder)
      let sentence = try #require(text("videos", found))
      #expect(status == 1 && sentence.hasPrefix("problem 1 episode of 3: episode 2: "), "\(sentence)")
      #expect(sentence.contains("--dataset.exclude_episodes=[2]") && problems(2, found).contains("file-002.mp4"))
      #expect(found["problems"] == 1)
    }
  }

  @Test func `frames off their time are named, and the rest is inspected all the same`() throws {
    try within { folder in
      try record(folder.appendingPathComponent("data"))
      try record(folder.appendingPathComponent("slow"), fps: 5)
      let file = "data/chunk-000/file-001.parquet"
      let target = folder.appendingPathComponent("data/\(file)")
      try FileManager.default.removeItem(at: target)
      try FileManager.default.copyItem(at: folder.appendingPathComponent("slow/\(file)"), to: target)
      let (status, found) = try inspect(["data"], in: folder)
      let sentence = try #require(text("times", found))
      #expect(status == 1 && sentence.contains("episode 1: 4 of its frames are off their time"), "\(sentence)")
      #expect(sentence.contains("--dataset.exclude_episodes=[1]") && sentence.contains("--tolerance_s"), "\(sentence)")
      #expect(text("dataset", found)?.hasPrefix("problem ") == true)
      #expect(found["cameras"]?.array?.count == 2 && problems(1, found).contains("off their time"))
    }
  }

  @Test func `episodes whose files are missing are named, and the others inspected`() throws {
    try within { folder in
      try record(folder.appendingPathComponent("data"))
      try FileManager.default.removeItem(at: folder.appendingPathComponent("data/data/chunk-000/file-002.parquet"))
      let (status, found) = try inspect(["data"], in: folder)
      #expect(status == 1 && text("dataset", found)?.hasPrefix("problem ") == true)
      #expect(text("episodes", found)?.contains("only 2 episodes of 3 can be read") == true, "\(found)")
      #expect(problems(2, found) == "its files cannot be read" && problems(0, found).isEmpty)
    }
  }

  @Test func `statistics that are missing or of other data are warnings`() throws {
    try within { folder in
      try record(folder.appendingPathComponent("data"))
      let file = folder.appendingPathComponent("data/meta/stats.json")
      try change(file) { $0["action"] = nil }
      let (status, missing) = try inspect(["data"], in: folder)
      #expect(status == 0 && missing["warnings"] == 1)
      let sentence = try #require(
        (missing["checks"]?.array ?? []).first { $0["outcome"] == "warning" }?["text"]?.string)
      #expect(sentence.hasPrefix("statistics of action are missing"), "\(sentence)")
      try change(file) { members in
        var state = members["observation.state"]?.object ?? [:]
        state["mean"] = [40, 1]
        members["observation.state"] = .object(state)
      }
      let (_, wrong) = try inspect(["data"], in: folder)
      #expect(
        text("statistics", wrong)?.contains("meta/stats.json says mean 40") == true, "\(wrong["checks"] ?? .null)")
    }
  }

  // MARK: Checkpoints and caches

  @Test func `of a checkpoint it says what it takes and how it was trained, and finds what is damaged`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      for path in ["E0", Flags.checkpoint] {
        let (status, found) = try inspect([path], in: folder)
        #expect(status == 0 && found["kind"] == "checkpoint" && found["facts"]?["policy"] == "smolvla", "\(found)")
        #expect(found["facts"]?["training step"] == "6")
        #expect(
          found["facts"]?["trained parts"] == "the action expert, the language model, the vision tower", "\(found)")
        let state = (found["features"]?.array ?? []).first { $0["name"] == "observation.state" }
        #expect(state?["normalization"] == "MEAN_STD" && state?["mean"] != "none")
        #expect(
          found["training settings"]?.array?.contains { $0["setting"] == "batch_size" && $0["value"] == "4" } == true)
        #expect(found["statistics"]?["action.std"]?.array?.count == 2)
      }
      try Program.succeed(["inspect", "E0", "--html=page.html"], in: folder)
      let weights = folder.appendingPathComponent(Flags.checkpoint + "/model.safetensors")
      var tensors = try Tensor.load(weights).mapValues { try $0.clone() }
      tensors["model.state_proj.bias"] = nil
      try Tensor.save(tensors, to: weights, overwrite: true)
      let (status, found) = try inspect(["E0"], in: folder)
      #expect(status == 1 && text("policy", found)?.contains("1 missing: model.state_proj.bias") == true, "\(found)")
      #expect(found["facts"]?["policy"] == "smolvla")
    }
  }

  @Test func `of latents it says what they are of, and finds what is damaged`() throws {
    try Fixture.within(copying: ["cache"]) { folder in
      let cache = "cache/shapes/train_world_latents_vjepa_m2.fp16.npy"
      for path in ["cache", cache] {
        let (status, found) = try inspect([path], in: folder)
        #expect(status == 0 && found["kind"] == "latent cache", "\(found)")
        #expect(found["facts"]?["camera"] == "observation.images.image" && found["facts"]?["clips"] == "2 frames")
        #expect(text("latents' numbers", found)?.hasPrefix("ok finite") == true)
      }
      try Program.succeed(["inspect", cache, "--html=page.html"], in: folder)
      let file = folder.appendingPathComponent(cache)
      var bytes = try file.bytes()
      // The last number of the last row becomes a float16 NaN.
      bytes[bytes.count - 2] = 0
      bytes[bytes.count - 1] = 0x7e
      try bytes.write(to: file)
      let (status, found) = try inspect([cache], in: folder)
      #expect(status == 1 && text("latents", found)?.contains("is not the file that its sidecar") == true, "\(found)")
      #expect(text("latents' numbers", found)?.hasPrefix("problem 1 row of") == true)
    }
  }

  @Test func `of an evaluation it says of what it is and what it found`() throws {
    try Fixture.within { folder in
      try Program.succeed(
        Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=eval", "--seed=5"], in: folder)
      let file = folder.appendingPathComponent("eval/eval_info.json")
      let written = try JSON(contentsOf: file)
      for path in ["eval", "eval/eval_info.json"] {
        let (status, found) = try inspect([path], in: folder)
        #expect(status == 0 && found["kind"] == "evaluation", "\(found)")
        #expect(found["facts"]?["policy"]?.string == Flags.checkpoint && found["facts"]?["seed"] == "5")
        #expect(found["facts"]?["environment"] == "shapes")
        let rate = try #require(written["overall"]?["pc_success"]?.double)
        #expect(found["facts"]?["success"]?.string == String(format: "%.1f %%", rate) + " of 2 episodes")
        #expect(found["tasks"]?.array?.first?["episodes"] == "2" && found["tasks"]?.array?.count == 1)
      }
      let text = try String(contentsOf: file, encoding: .utf8)
      // No digest covers the means, and LeRobot's files have no digests.
      let others: JSON = ["per_task": written["per_task"] ?? .null, "overall": ["pc_success": 77.0, "n_episodes": 2]]
      try others.write(to: file, overwrite: true)
      let (_, bare) = try inspect(["eval"], in: folder)
      #expect(bare["facts"]?["success"]?.string?.hasPrefix("77") == false)
      #expect(self.text("evaluation", bare)?.contains("2 episodes, without digests") == true, "\(bare)")
      try text.replacingOccurrences(of: "\"seed\": 5", with: "\"seed\": 6").write(
        to: file, atomically: true, encoding: .utf8)
      let (status, edited) = try inspect(["eval"], in: folder)
      #expect(status == 1 && self.text("evaluation", edited)?.contains("was edited") == true, "\(edited)")
      try Data("{".utf8).write(to: file)
      #expect(try inspect(["eval"], in: folder).status == 1)
    }
  }

  @Test func `sizes of images are width by height everywhere, and their tables say so`() throws {
    try within { folder in
      var features: OrderedDictionary<String, DatasetFeature> = ["action": DatasetFeature(.float32, shape: [2])]
      features["observation.images.top"] = .camera(.image, height: 16, width: 24)
      let writer = try DatasetWriter(
        root: folder.appendingPathComponent("data"), framesPerSecond: 10, features: features)
      let image = try RGBImage(width: 24, height: 16, pixels: Array(repeating: 7, count: 24 * 16 * 3))
      for frame in 0..<3 {
        try writer.addFrame(["action": .floats([Float(frame), 1]), "observation.images.top": .image(image)])
      }
      try writer.saveEpisode(task: "push")
      try writer.finish()
      let (_, found) = try inspect(["data"], in: folder)
      let shapes = (found["features"]?.array ?? []).compactMap { $0["shape"]?.string }
      #expect(shapes.contains("24×16×3") && found["cameras"]?.array?.first?["pixels"] == "24×16", "\(found)")
      let text = try Program.run(["inspect", "data", "--html=page.html"], in: folder).output
      #expect(text.contains("features (images: width×height)\n") && text.contains("cameras (images: width×height)\n"))
      let page = try String(contentsOf: folder.appendingPathComponent("page.html"), encoding: .utf8)
      #expect(page.contains("Cameras (images: width×height)"))
    }
  }

  @Test func `images of another size than the camera's others are named here and before a training`() throws {
    try Fixture.within { folder in
      let (root, other) = (folder.appendingPathComponent("mixed"), folder.appendingPathComponent("larger"))
      try record(root)
      try record(other, side: 24)
      // The file of episode 1.
      let file = "data/chunk-000/file-001.parquet"
      try FileManager.default.removeItem(at: root.appendingPathComponent(file))
      try FileManager.default.copyItem(at: other.appendingPathComponent(file), to: root.appendingPathComponent(file))
      let (status, found) = try inspect(["mixed"], in: folder)
      let clue = "frame 0 of \(Self.cameras[0]) has 24x24 pixels, other images of the camera 16x16"
      #expect(status == 1 && text("images", found)?.contains("1 episode of 3: episode 1: \(clue)") == true, "\(found)")
      #expect(problems(1, found) == clue && problems(0, found).isEmpty)
      let train = ["train", "--output_dir=run"] + Flags.train + ["--dataset.root=mixed", "--steps=1"]
      let refused = try Program.run(train, in: folder)
      #expect(refused.status == 1 && refused.sentences.count == 1, "\(refused.errors)")
      #expect(refused.errors.contains("--dataset.exclude_episodes=[1]") && refused.errors.contains(clue))
      try Program.succeed(train + ["--dataset.exclude_episodes=[1]"], in: folder)
    }
  }

  @Test func `what is none of these is one sentence`() throws {
    try Fixture.within { folder in
      for (arguments, sentence) in [
        (["nowhere"], "there is no folder nowhere"), (["models"], "holds no dataset"), ([], "is missing"),
        (["models/encoder"], "is part of a policy; give it to train as --policy.world_vision_model_name"),
        (["models/backbone"], "give it to train as --policy.vlm_model_name"),
        (["data", "--max_episodes=-1"], "--max_episodes"),
      ] {
        let outcome = try Program.run(["inspect"] + arguments, in: folder)
        #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
      }
    }
  }
}
