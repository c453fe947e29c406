import Foundation
import ModelFiles
import Testing

/// Training from kept image features (`feature_cache_dir`) is training from images, bit for bit.
struct ImageFeatureTests {
  private static let frozen =
    Flags.train + [
      "--policy.freeze_vision_encoder=true", "--policy.train_expert_only=true", "--steps=60",
      "--save_freq=60",
    ]
  private static let kept = ["--feature_cache_dir=features"]

  @Test(arguments: ["fp32", "bf16"])
  func `gives the run without it, while features are made, read and half there`(precision: String) throws {
    try Fixture.within { folder in
      let flags = Self.frozen + ["--policy.precision=\(precision)"]
      try Program.succeed(["train", "--output_dir=images"] + flags, in: folder)
      let wanted = try lastState(folder.appendingPathComponent("images"))

      // 60 steps of 4 samples see some frames twice, so features are made and read in one run.
      try Program.succeed(["train", "--output_dir=made", "--num_workers=0"] + flags + Self.kept, in: folder)
      #expect(try lastState(folder.appendingPathComponent("made")) == wanted)
      let again = try Program.succeed(["train", "--output_dir=read"] + flags + Self.kept, in: folder)
      #expect(try lastState(folder.appendingPathComponent("read")) == wanted)
      #expect(!again.errors.contains("image features: 0 of"), "\(again.errors)")

      // Marks that a killed process did not write: those rows are made again.
      let features = folder.appendingPathComponent("features")
      for marks in features.names().filter({ $0.hasSuffix(".rows") }).map(features.appendingPathComponent) {
        var bytes = try marks.bytes()
        for index in bytes.indices.filter({ $0 / 8 % 3 == 0 }) { bytes[index] = 0 }
        try bytes.write(to: marks)
      }
      try Program.succeed(["train", "--output_dir=half"] + flags + Self.kept, in: folder)
      #expect(try lastState(folder.appendingPathComponent("half")) == wanted)
      // Rows that were deleted are not read as zeros, though their marks are still there.
      for rows in features.names().filter({ !$0.hasSuffix(".rows") && !$0.hasSuffix(".json") }) {
        try FileManager.default.removeItem(at: features.appendingPathComponent(rows))
      }
      try Program.succeed(["train", "--output_dir=again"] + flags + Self.kept, in: folder)
      #expect(try lastState(folder.appendingPathComponent("again")) == wanted)
      let world = flags + Flags.world
      try Program.succeed(["train", "--output_dir=world"] + world, in: folder)
      try Program.succeed(["train", "--output_dir=kept"] + world + Self.kept, in: folder)
      #expect(
        try lastState(folder.appendingPathComponent("kept")) == lastState(folder.appendingPathComponent("world")))
    }
  }

  @Test func `is made beforehand too, in parts`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=images"] + Self.frozen, in: folder)
      for part in 0..<2 {
        try Program.succeed(["precompute", "--features", "--shard=\(part)/2"] + Self.frozen + Self.kept, in: folder)
      }
      let again = try Program.succeed(["precompute", "--features"] + Self.frozen + Self.kept, in: folder)
      let numbers = again.output.split { !$0.isNumber }.prefix(2)
      #expect(numbers.first == numbers.last && numbers.count == 2, "\(again.output)")
      try Program.succeed(["train", "--output_dir=read"] + Self.frozen + Self.kept, in: folder)
      #expect(
        try lastState(folder.appendingPathComponent("read")) == lastState(folder.appendingPathComponent("images")))
      for bad in ["2/2", "x", "1/0", "-1/2"] {
        let outcome = try Program.run(
          ["precompute", "--features", "--shard=\(bad)"] + Self.frozen + Self.kept, in: folder)
        #expect(outcome.status == 1 && outcome.errors.contains("--shard"), "\(outcome.errors)")
      }
    }
  }

  @Test func `a checkpoint is evaluated, and trained further, in the arithmetic that it was trained in`() throws {
    try Fixture.within { folder in
      try Program.succeed(
        ["train", "--output_dir=run", "--policy.precision=bf16"] + Self.frozen + ["--steps=1"], in: folder)
      let evaluate = Flags.evaluate + ["--policy.path=run/checkpoints/last/pretrained_model"]
      for (name, flags, wanted) in [("own", [], "bf16"), ("asked", ["--policy.precision=fp32"], "fp32")] {
        let outcome = try Program.succeed(evaluate + ["--output_dir=\(name)"] + flags, in: folder)
        #expect(outcome.errors.contains(", precision \(wanted)"), "\(outcome.errors)")
        let found = try JSON(contentsOf: folder.appendingPathComponent("\(name)/eval_info.json"))
        #expect(found["protocol"]?["precision"]?.string == wanted)
        let further = [
          "--policy.path=run/checkpoints/last/pretrained_model", "--steps=1", "--output_dir=further_\(name)",
        ]
        try Program.succeed(["train"] + Self.frozen + further + flags, in: folder)
        let record = "further_\(name)/checkpoints/last/pretrained_model/training_record.json"
        let segments = try JSON(contentsOf: folder.appendingPathComponent(record))["segments"]?.array
        #expect(segments?.last?["precision"]?.string == wanted)
      }
      let both = try Program.run(
        ["train", "--output_dir=x", "--policy.use_amp=true", "--policy.precision=fp32"] + Self.frozen, in: folder)
      #expect(both.status == 1 && both.errors.contains("--policy.use_amp"), "\(both.errors)")
    }
  }

  @Test func `is of one tower, arithmetic and dataset`() throws {
    try Fixture.within { folder in
      let flags = Self.frozen + Self.kept + ["--steps=1"]
      let one = try Program.succeed(["train", "--output_dir=one", "--policy.precision=fp32"] + flags, in: folder)
      #expect(one.errors.contains(", precision fp32\n") && !one.errors.contains("another tower"), "\(one.errors)")
      let files = { folder.appendingPathComponent("features").names().filter { $0.hasSuffix(".json") }.count }
      #expect(files() == 2)
      let two = try Program.succeed(["train", "--output_dir=two", "--policy.precision=bf16"] + flags, in: folder)
      #expect(two.errors.contains(", precision bf16") && two.errors.contains("is of another tower"), "\(two.errors)")
      #expect(files() == 4)
      try Program.succeed(
        ["train", "--output_dir=three", "--policy.precision=fp32"] + flags + ["--seed=4"], in: folder)
      #expect(files() == 6, "another seed draws another tower")
    }
  }

  @Test(arguments: [
    (["--policy.train_expert_only=false"], "train_expert_only"), (["--policy.empty_cameras=1"], "empty_cameras"),
    (["--dataset.image_transforms.enable=true"], "image_transforms"),
  ])
  func `is refused where images or tower change`(flags: [String], reason: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(
        ["train", "--output_dir=run"] + Self.frozen + Self.kept + flags, in: folder)
      #expect(
        outcome.status == 1 && outcome.sentences.count == 1 && outcome.errors.contains(reason), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run").path))
    }
  }
}
