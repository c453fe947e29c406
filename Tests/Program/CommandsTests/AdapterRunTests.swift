import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Testing

@testable import Commands

/// Adapters as the program trains, continues, evaluates and merges them.
struct AdapterRunTests {
  private static let start = ["--policy.path=\(Flags.checkpoint)"]
  private static let train =
    ["train", "--output_dir=lora", "--steps=6", "--save_freq=3"] + Flags.data + start
    + ["--peft.method_type=LORA", "--peft.r=3", "--peft.lora_alpha=6"]
  private static let adapter = "lora/checkpoints/last/pretrained_model"
  private static let whole = ["--eval.max_episodes_rendered=0", "--output_dir=out"]

  private static func state(_ run: URL) throws -> [Data] {
    let last = run.appendingPathComponent("checkpoints/last")
    return try ["pretrained_model/adapter_model.safetensors", "training_state/optimizer_state.safetensors"].map {
      try last.appendingPathComponent($0).bytes()
    }
  }

  @Test func `a run trains the adapter alone, says how much that is, and resumes bit for bit`() throws {
    try Fixture.within { folder in
      let base = folder.appendingPathComponent(Flags.checkpoint + "/model.safetensors")
      let before = try base.bytes()
      let outcome = try Program.succeed(Self.train, in: folder)
      let model = folder.appendingPathComponent(Self.adapter)
      let weights = try Tensor.load(model.appendingPathComponent("adapter_model.safetensors"))
      let count = weights.values.reduce(0) { $0 + $1.elementCount }
      #expect(
        weights.count == 18 && outcome.errors.contains("trained \(count), adapters of 9 layers"), "\(outcome.errors)")
      #expect(!model.names().contains("model.safetensors"))
      #expect(try base.bytes() == before)
      let record = try JSON(contentsOf: model.appendingPathComponent("training_record.json"))["segments"]?.array?.last
      #expect(record?["adapter"]?["r"] == 3 && record?["adapter"]?["layers"]?.array?.count == 9)
      #expect(record?["adapter"]?["base_sha256"] == record?["start_sha256"])

      let run = folder.appendingPathComponent("lora")
      let finished = try Self.state(run)
      for name in ["000006", "last"] {
        try FileManager.default.removeItem(at: run.appendingPathComponent("checkpoints/\(name)"))
      }
      try Program.succeed(["train", "--output_dir=lora", "--resume"], in: folder)
      #expect(try Self.state(run) == finished)
    }
  }

  @Test func `a base that its run may remove is warned of`() throws {
    try Fixture.within { folder in
      let pruned = ["train", "--output_dir=pruned", "--keep_last_checkpoints=1", "--steps=2"] + Flags.train
      try Program.succeed(pruned.filter { $0 != "--steps=6" } + ["--save_freq=1"], in: folder)
      func warnings(_ base: String, _ flags: [String]) throws -> [Substring] {
        let adapter =
          ["train", "--policy.path=\(base)", "--peft.method_type=LORA", "--peft.r=2", "--steps=1"] + Flags.data + flags
        return try Program.succeed(adapter, in: folder).errors.split(separator: "\n").filter {
          $0.contains("the adapter needs")
        }
      }
      let base = "pruned/checkpoints/last/pretrained_model"
      let found = try warnings(base, ["--output_dir=a"])
      #expect(found.count == 1 && found.first?.contains("pruned/checkpoints/000002") == true, "\(found)")
      #expect(found.first?.contains("--keep_last_checkpoints") == true, "\(found)")
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent(base), to: folder.appendingPathComponent("copy"))
      #expect(try warnings("copy", ["--output_dir=b"]).isEmpty)
      #expect(try warnings(Flags.checkpoint, ["--output_dir=c"]).isEmpty)
    }
  }

  @Test func `a merged adapter plans what the adapter plans, and both are evaluated`() throws {
    try Fixture.within { folder in
      try Program.succeed(Self.train, in: folder)
      try Program.succeed(["merge", Self.adapter, "--output_dir=merged"], in: folder)
      let text = try Program.succeed(["inspect", "merged"], in: folder).output
      #expect(text.contains("trained on") && !text.contains("train_config.json"), "\(text)")
      let batch = try writeProbeBatch(to: folder)
      for (name, path) in [("one", Self.adapter), ("other", "merged"), ("base", Flags.checkpoint)] {
        try Program.succeed(["probe", "--batch=\(batch)", "--policy.path=\(path)", "--output=\(name)"], in: folder)
        try Program.succeed(
          Flags.evaluate + ["--output_dir=eval_\(name)", "--policy.path=\(path)"], in: folder)
      }
      func actions(_ name: String) throws -> [Float] { try plannedActions(folder.appendingPathComponent(name)) }
      let (one, other, base) = try (actions("one"), actions("other"), actions("base"))
      #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 } && !one.isEmpty)
      #expect(zip(one, base).contains { abs($0 - $1) > 1e-5 })
      let info = try JSON(contentsOf: folder.appendingPathComponent("eval_one/eval_info.json"))
      let hashes = info["protocol"]?["sha256"]
      #expect(hashes?["adapter_model.safetensors"] == info["protocol"]?["model_sha256"])
      #expect(hashes?["base/model.safetensors"] != nil)
      let merged = folder.appendingPathComponent("merged")
      #expect(merged.names().contains("start_states.json") && !merged.names().contains("adapter_config.json"))
    }
  }

  @Test func `a merged policy does not replace the backbone that it is built from`() throws {
    try Fixture.within { folder in
      try Program.succeed(Self.train, in: folder)
      let backbone = folder.appendingPathComponent("mine", isDirectory: true)
      try FileManager.default.copyItem(at: Fixture.root().appendingPathComponent("models/backbone"), to: backbone)
      let before = backbone.names()
      let outcome = try Program.run(
        ["merge", Self.adapter, "--policy.vlm_model_name=mine", "--output_dir=mine", "--overwrite"], in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("which the command reads"), "\(outcome.errors)")
      #expect(backbone.names() == before)
    }
  }

  @Test func `an adapter of smolvla_world brings the new modules whole`() throws {
    try Fixture.within { folder in
      let world =
        Flags.world + [
          "--policy.init_from_policy_path=\(Flags.checkpoint)", "--peft.r=2", "--output_dir=lora", "--steps=2",
        ]
      try Program.succeed(["train"] + Flags.data + world, in: folder)
      let model = folder.appendingPathComponent(Self.adapter)
      let names = try Tensor.load(model.appendingPathComponent("adapter_model.safetensors")).keys
      for part in ["model.world_inject.gate", "prophet.query_slots"] {
        #expect(names.contains("base_model.model.\(part)"), "\(part)")
      }
      try Program.succeed(Flags.evaluate + ["--output_dir=out", "--policy.path=\(Self.adapter)"], in: folder)
    }
  }

  @Test func `an adapter continues on another run's data, and its own rank counts`() throws {
    try Fixture.within { folder in
      try Program.succeed(Self.train, in: folder)
      let flags = ["train", "--output_dir=more", "--steps=2", "--policy.path=\(Self.adapter)", "--peft.r=5"]
      let outcome = try Program.succeed(flags + Flags.data, in: folder)
      #expect(outcome.errors.contains("is an adapter already (rank 3, alpha 6"), "\(outcome.errors)")
      let more = folder.appendingPathComponent("more/checkpoints/last/pretrained_model")
      #expect(try JSON(contentsOf: more.appendingPathComponent("adapter_config.json"))["r"] == 3)
    }
  }

  @Test func `an adapter of other weights than those that it was trained with is refused`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      try Program.succeed(Self.train, in: folder)
      let base = folder.appendingPathComponent("E0/checkpoints/000006/pretrained_model/model.safetensors")
      var weights = try Tensor.load(base).mapValues { try $0.clone() }
      weights["model.state_proj.bias"] = try weights["model.state_proj.bias"].map { try $0 + 1 }
      try Tensor.save(weights, to: base, metadata: ["format": "pt"], overwrite: true)
      for command in [
        Flags.evaluate + ["--output_dir=out", "--policy.path=\(Self.adapter)"],
        ["train", "--output_dir=lora", "--resume", "--steps=8"],
      ] {
        let outcome = try Program.run(command, in: folder)
        #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("was trained with other weights"), "\(outcome.errors)")
      }
    }
  }

  @Test(arguments: [
    (["--peft.target_modules=[nothing]"], "--peft.target_modules selects no linear layer"),
    (["--peft.target_modules=.*embed.*"], "only linear layers can be adapted"),
    (["--peft.target_modules=.*(q"], "not a valid regular expression"),
    (["--peft.method_type=IA3"], "only kind that is supported"), (["--peft.r=0"], "expected 1 to 4096, found 0"),
    (["--peft.r=5000"], "found 5000"), (["--peft.lora_alpha=-1"], "--peft.lora_alpha"),
    (["--peft.init_type=pissa"], "expected gaussian or null"), (["--peft.r=2", "--ema.enable=true"], "--ema.enable"),
  ])
  func `settings that cannot be are refused with one sentence`(flags: [String], sentence: String) throws {
    try Fixture.within { folder in
      let outcome = try Program.run(["train", "--output_dir=out"] + Flags.data + Self.start + flags, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
      #expect(!folder.names().contains("out"))
    }
  }

  @Test func `without a policy to start from there is nothing to adapt, and a whole policy is not merged`() throws {
    try Fixture.within { folder in
      let scratch = try Program.run(["train", "--output_dir=out", "--peft.r=2"] + Flags.train, in: folder)
      #expect(scratch.status == 1 && scratch.errors.contains("name one with --policy.path"), "\(scratch.errors)")
      let merge = try Program.run(["merge", Flags.checkpoint, "--output_dir=out"], in: folder)
      #expect(merge.status == 1 && merge.errors.contains("is a whole policy already"), "\(merge.errors)")
      #expect(!folder.names().contains("out"))
    }
  }

  @Test func `arms with adapters are compared where the adapters are alike`() throws {
    try Fixture.within { folder in
      func train(_ arm: String, _ flags: String...) throws {
        let start = arm == "E0" ? "policy.path" : "policy.init_from_policy_path"
        try ComparedRuns.train(arm, ["--\(start)=\(Flags.checkpoint)"] + flags, in: folder)
        #expect(try ComparedRuns.evaluate(arm, in: folder).status == 0)
      }
      try train("E0", "--peft.r=2")
      try train("E2", "--peft.r=2")
      let text = try ComparedRuns.report(in: folder)
      #expect(text.contains("checkpoint E2_seed3") && !text.contains("E2 is not compared"), "\(text)")
      try train("E2", "--peft.r=3")
      try ComparedRuns.expectRefusal("adapter.r differs: 3 in E2_seed3, 2 in E0_seed3", in: folder)
      try train("E2")
      try ComparedRuns.expectRefusal("adapter", in: folder)
    }
  }
}
