import Foundation
import LeRobotDatasets
import ModelFiles
import OrderedCollections
import RGBImages
import Testing

struct DoctorTests {
  private func checks(_ arguments: [String], in folder: URL) throws -> (status: Int32, checks: [JSON]) {
    let outcome = try Program.run(["doctor", "--json"] + arguments, in: folder)
    return (outcome.status, try #require(try JSON(parsing: outcome.output)["checks"]?.array))
  }

  private func text(_ name: String, _ checks: [JSON]) -> String? {
    checks.last { $0["name"]?.string == name }.map { "\($0["outcome"]?.string ?? "") \($0["text"]?.string ?? "")" }
  }

  @Test func `says what the machine has`() throws {
    try Fixture.within { folder in
      let (status, found) = try checks([], in: folder)
      #expect(status == 0)
      #expect(text("MuJoCo", found) == "ok 3.3.2" && text("torch", found)?.hasPrefix("ok 2.") == true)
      #expect(text("drawing", found)?.hasPrefix("ok ") == true && text("LIBERO assets", found) != nil)
      let plain = try Program.run(["doctor"], in: folder)
      #expect(plain.output.contains("ok       MuJoCo             3.3.2\n") && plain.output.contains("0 problems, "))
      let one = try Program.run(["doctor", "nowhere"], in: folder)
      #expect(one.output.contains("\n1 problem, ") && !one.output.contains("1 warnings"), "\(one.output)")
    }
  }

  @Test func `finds in a command line what the command would`() throws {
    try Fixture.within(copying: ["cache"]) { folder in
      let train = Flags.train + Flags.world + ["--output_dir=new"]
      let (status, found) = try checks(train + Flags.environment, in: folder)
      #expect(status == 0)
      for name in ["dataset", "instructions", "policy", "latents", "samples", "evaluation while training"] {
        #expect(text(name, found)?.hasPrefix("ok ") == true, "\(name): \(found)")
      }
      #expect(!folder.names().contains("new"))
      let evaluate = Flags.evaluate.dropFirst() + ["--policy.path=\(Flags.checkpoint)"]
      for (command, flags) in [("train", train), ("eval", Array(evaluate))] {
        let (refused, used) = try checks(flags + ["--output_dir=E0"], in: folder)
        #expect(refused == 1 && text("output", used)?.contains("E0 exists and is not empty") == true, "\(used)")
        let start = try Program.run([command] + flags + ["--output_dir=E0"], in: folder)
        let sentence = start.sentences.last?.dropFirst("lerobot-wm: ".count) ?? ""
        #expect(text("output", used) == "problem \(sentence)")
        let (allowed, replaced) = try checks(flags + ["--output_dir=E0", "--overwrite"], in: folder)
        guard command == "eval" else {
          #expect(allowed == 0 && text("output", replaced) == nil, "\(replaced)")
          continue
        }
        #expect(allowed == 1 && text("output", replaced)?.contains("does not hold an evaluation") == true)
      }
      let (_, shallow) = try checks(train + ["--policy.num_vlm_layers=9"], in: folder)
      #expect(
        text("policy", shallow) == "warning --policy.num_vlm_layers=9 keeps all 2 layers of the backbone", "\(shallow)")
      try FileManager.default.removeItem(at: folder.appendingPathComponent("cache"))
      let (broken, problems) = try checks(train, in: folder)
      #expect(broken == 1 && text("latents", problems)?.contains("does not exist; run lerobot-wm-precompute") == true)
      let command = try Program.run(["train"] + train, in: folder)
      let sentence = try #require(command.sentences.last?.dropFirst("lerobot-wm: ".count))
      // Its end names flags as the command has them.
      #expect(text("latents", problems)?.hasPrefix("problem \(sentence.prefix(200))") == true)
    }
  }

  @Test func `waits for no pipe in a run's files`() throws {
    try ComparedRuns.within { folder in
      let run = folder.appendingPathComponent("out/E0_seed3")
      for name in ["metrics.jsonl", "eval/eval_info.json"] {
        let file = run.appendingPathComponent(name)
        let bytes = try file.bytes()
        try FileManager.default.removeItem(at: file)
        #expect(mkfifo(file.path, 0o600) == 0)
        let doctor = try Program.start(["doctor", "out"], in: folder)
        for _ in 0..<300 where doctor.process.isRunning { usleep(100_000) }
        #expect(!doctor.process.isRunning)
        kill(doctor.process.processIdentifier, SIGKILL)
        let outcome = doctor.wait()
        #expect(outcome.status == 1 && outcome.output.contains("\(file.path): expected a file"), "\(outcome)")
        try FileManager.default.removeItem(at: file)
        try bytes.write(to: file)
      }
    }
  }

  @Test func `knows what a path is`() throws {
    try ComparedRuns.within { folder in
      for (path, name) in [
        ("data", "dataset"), ("E0", "checkpoint files"), (Flags.checkpoint, "policy"),
        ("out/E2_seed3/eval", "evaluation"),
        ("cache/shapes/train_world_latents_vjepa_m2.fp16.npy", "latents"), ("out", "E2_seed3"),
      ] {
        let (status, found) = try checks([path], in: folder)
        #expect(status == 0 && text(name, found)?.hasPrefix("ok ") == true, "\(path): \(found)")
      }
      let (status, found) = try checks(["nowhere"], in: folder)
      #expect(status == 1 && text("path", found)?.contains("nowhere does not exist") == true)
    }
  }

  @Test func `refuses a dataset without instructions, as train does`() throws {
    try Fixture.within { folder in
      try record(folder.appendingPathComponent("silent"), task: " ")
      for command in [["doctor", "silent"], ["train", "--output_dir=new"] + Flags.train + ["--dataset.root=silent"]] {
        let outcome = try Program.run(command, in: folder)
        #expect(outcome.status == 1 && (outcome.output + outcome.errors).contains("has no instruction"), "\(outcome)")
      }
      #expect(!folder.names().contains("new"))
    }
  }

  private func record(_ root: URL, task: String) throws {
    var features: OrderedDictionary<String, DatasetFeature> = [
      "observation.state": DatasetFeature(.float32, shape: [2]), "action": DatasetFeature(.float32, shape: [2]),
    ]
    for camera in ["image", "image2"] {
      features["observation.images.\(camera)"] = .camera(.image, height: 16, width: 16)
    }
    let writer = try DatasetWriter(root: root, framesPerSecond: 10, features: features)
    let image = try RGBImage(width: 16, height: 16, pixels: (0..<768).map { UInt8($0 % 251) })
    for frame in 0..<5 {
      try writer.addFrame([
        "observation.state": .floats([Float(frame), 0]), "action": .floats([Float(frame), 1]),
        "observation.images.image": .image(image), "observation.images.image2": .image(image),
      ])
    }
    try writer.saveEpisode(task: task)
    try writer.finish()
  }
}
