import EngineLoading
import Foundation
import LeRobotDatasets
import OrderedCollections
import RGBImages
import Testing

/// What only shows once a run is under way.
struct DamagedRunTests {
  @Test(arguments: [["--policy.optimizer_lr=1e30"], ["--dataset.root=nan"]])
  func `stops with a sentence when a loss is not finite`(flags: [String]) throws {
    try Fixture.within { folder in
      if flags.contains("--dataset.root=nan") { try record(folder.appendingPathComponent("nan"), action: [.nan, 0]) }
      let outcome = try Program.run(["train", "--output_dir=out"] + Flags.train + flags, in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(!outcome.errors.contains("000006"))
      let last = folder.appendingPathComponent("out/checkpoints/000006")
      #expect(!FileManager.default.fileExists(atPath: last.path))
    }
  }

  /// The loss of step 2 is not finite; lines come every 6 steps, checkpoints every step.
  @Test func `saves no checkpoint that is not finite between two lines`() throws {
    try Fixture.within { folder in
      let flags = ["--policy.optimizer_lr=1e30", "--log_freq=6", "--save_freq=1"]
      let outcome = try Program.run(["train", "--output_dir=out"] + Flags.train + flags, in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("at step 2"), "\(outcome.errors)")
      #expect(folder.appendingPathComponent("out/checkpoints").names() == ["000001", "last"])
    }
  }

  @Test func `survives a standard error that takes nothing`() throws {
    try Fixture.within { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "\"$0\" train --batchsize=3 2>/dev/full", Program.executable.path]
      process.currentDirectoryURL = folder
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 1)
    }
  }

  /// A file may not grow beyond a limit: writes fail as on a full disk.
  @Test func `leaves no half checkpoint on a full disk`() throws {
    try Fixture.within { folder in
      let outcome = try Program.run(["train", "--output_dir=out"] + Flags.train, in: folder, fileLimit: 40)
      #expect(outcome.status == 1)
      #expect(outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(!outcome.errors.contains("Error Domain"))
      #expect(outcome.errors.contains("model.safetensors"), "\(outcome.errors)")
      #expect(folder.appendingPathComponent("out/checkpoints").names() == [])
    }
  }

  /// Memory for few threads' stacks, as under a small limit on processes, which root has none of.
  @Test(arguments: [
    ["train", "--output_dir=out"] + Flags.train, Flags.precompute + ["--overwrite"],
    Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=out"],
  ])
  func `says so at once where threads cannot be started`(arguments: [String]) throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let line = #"ulimit -v 8000000; exec "$0" "$@" --num_compute_threads=2000"#
      let outcome = try Program.shell(line, [Program.executable.path] + arguments, in: folder).wait()
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("2010 more threads are needed"), "\(outcome.errors)")
      #expect(!folder.names().contains("out"))
    }
  }

  @Test func `does not call an engine damaged that there is no memory for`() throws {
    try Fixture.within { folder in
      let arguments = [Program.executable.path, "train", "--output_dir=out"] + Flags.train
      let outcome = try Program.shell(#"ulimit -v 500000; exec "$0" "$@""#, arguments, in: folder).wait()
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("not enough memory"), "\(outcome.errors)")
    }
  }

  /// As after a build while a run is at work.
  @Test func `finds its engines although it was replaced`() throws {
    try Fixture.within { folder in
      let place = folder.appendingPathComponent("place/bin")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        at: folder.appendingPathComponent("place/.deps"), withDestinationURL: EngineLibraries.directory())
      let line =
        #"cp "$0" place/bin/program && exec 3<place/bin/program && rm place/bin/program && exec /proc/self/fd/3 "$@""#
      let arguments = [Program.executable.path, "train", "--output_dir=out"] + Flags.train + ["--steps=1"]
      let outcome = try Program.shell(line, arguments, in: folder, environment: ["WM_DEPS_DIR": ""]).wait()
      #expect(outcome.status == 0 && place.names().isEmpty, "\(outcome.errors)")
    }
  }

  @Test func `an output that is removed beneath a training is an error`() throws {
    try Fixture.within { folder in
      let running = try Program.start(
        ["train", "--output_dir=out"] + Flags.train + ["--steps=100000", "--save_freq=100000"], in: folder)
      let log = folder.appendingPathComponent("out/metrics.jsonl")
      while (try? Data(contentsOf: log))?.isEmpty ?? true, running.process.isRunning { usleep(20_000) }
      try FileManager.default.removeItem(at: folder.appendingPathComponent("out"))
      let outcome = running.wait()
      #expect(outcome.status == 1 && outcome.errors.contains("metrics.jsonl: was removed"), "\(outcome.errors)")
    }
  }

  @Test func `a file of the dataset that becomes shorter ends a training with its name`() throws {
    try Fixture.within(copying: ["data"]) { folder in
      let running = try Program.start(
        ["train", "--output_dir=out", "--dataset.image_memory_in_mb=0"] + Flags.train
          + ["--steps=100000", "--save_freq=100000"], in: folder)
      let log = folder.appendingPathComponent("out/metrics.jsonl")
      while (try? Data(contentsOf: log))?.isEmpty ?? true, running.process.isRunning { usleep(20_000) }
      let data = folder.appendingPathComponent("data/data/chunk-000/file-000.parquet")
      #expect(truncate(data.path, 0) == 0)
      let outcome = running.wait()
      #expect(outcome.status == 1, "\(outcome)")
      #expect(outcome.errors.contains("data/data/chunk-000/file-000.parquet: became shorter"), "\(outcome.errors)")
    }
  }

  @Test func `an evaluation's folder that is removed while it runs is an error`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let running = try Program.start(
        Flags.evaluate + ["--output_dir=e", "--policy.path=\(Flags.checkpoint)", "--eval.n_episodes=30"], in: folder)
      let log = folder.appendingPathComponent("e/episodes.jsonl")
      func lines() -> Int { (try? String(contentsOf: log, encoding: .utf8))?.count { $0 == "\n" } ?? 0 }
      while lines() < 2, running.process.isRunning { usleep(5_000) }
      try FileManager.default.removeItem(at: folder.appendingPathComponent("e"))
      let outcome = running.wait()
      #expect(outcome.status == 1 && outcome.errors.contains("episodes.jsonl: was removed"), "\(outcome)")
    }
  }

  @Test func `what a killed training was writing is gone once it is resumed`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=out"] + Flags.train, in: folder)
      let (out, files) = (folder.appendingPathComponent("out"), FileManager.default)
      try Data().write(to: out.appendingPathComponent(".metrics.jsonl.1x.partial"))
      let half = out.appendingPathComponent("checkpoints/.000009.partial/pretrained_model")
      try files.createDirectory(at: half, withIntermediateDirectories: true)
      try Program.succeed(
        [
          "train", "--resume=true", "--config_path=out/checkpoints/last/pretrained_model/train_config.json",
          "--steps=9",
        ],
        in: folder)
      let left = out.names() + out.appendingPathComponent("checkpoints").names()
      #expect(!left.contains { $0.hasSuffix(".partial") })
    }
  }

  @Test func `leaves no half dataset and no half latents on a full disk`() throws {
    try Fixture.within { folder in
      for (arguments, left) in [
        (["record", "--dataset.root=new", "--dataset.num_episodes=2"] + Flags.environment, "new"),
        (Flags.precompute + ["--cache_dir=new"], "new/shapes/train_world_latents_vjepa_m2.fp16.npy"),
      ] {
        let outcome = try Program.run(arguments, in: folder, fileLimit: 1)
        #expect(outcome.status == 1)
        #expect(outcome.sentences.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("the disk is full"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent(left).path))
      }
    }
  }

  @Test func `is refused where policy and environment act in other numbers`() throws {
    try Fixture.within { folder in
      try record(folder.appendingPathComponent("arm"), action: [0.5, 0.25, -1])
      try Program.succeed(
        ["train", "--output_dir=arm_run"] + Flags.train + ["--dataset.root=arm", "--steps=1"], in: folder)
      let path = "--policy.path=arm_run/checkpoints/last/pretrained_model"
      let outcome = try Program.run(Flags.evaluate + [path, "--output_dir=out"], in: folder)
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("action has 3 numbers, the environment's has 2"), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("out").path))
    }
  }

  /// A dataset of two short episodes whose actions vary about `action`.
  private func record(_ root: URL, action: [Float]) throws {
    var features: OrderedDictionary<String, DatasetFeature> = [
      "observation.state": DatasetFeature(.float32, shape: [2]),
      "action": DatasetFeature(.float32, shape: [action.count]),
    ]
    let cameras = ["observation.images.image", "observation.images.image2"]
    for camera in cameras { features[camera] = .camera(.image, height: 16, width: 16) }
    let writer = try DatasetWriter(root: root, framesPerSecond: 10, features: features)
    let image = try RGBImage(width: 16, height: 16, pixels: (0..<768).map { UInt8($0 % 251) })
    for episode in 0..<2 {
      for frame in 0..<5 {
        let shift = Float(frame + episode) / 8
        var values: [String: FeatureValue] = [
          "observation.state": .floats([shift, -shift]), "action": .floats(action.map { $0 + shift }),
        ]
        for camera in cameras { values[camera] = .image(image) }
        try writer.addFrame(values)
      }
      try writer.saveEpisode(task: "wave")
    }
    try writer.finish()
  }
}
