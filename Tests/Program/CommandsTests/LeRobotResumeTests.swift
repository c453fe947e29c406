@testable import PretrainedPolicies
import CounterBasedRandom
import Failures
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies
import Testing
import TestSupport
import WorldModality

@testable import Commands
@testable import PolicyTraining

/// Against runs of LeRobot that were saved after two steps: the committed one of version 0.4.4
/// (oracle/goldens/checkpoints.py), and those of either version that `make parity` hands over.
struct LeRobotResumeTests {
  private static let golden = Checkout.tests("Policies/WorldModalityTests/CheckpointGoldens/training")
  /// The committed one, and those that `make parity` hands over, runs from here among them.
  private static var runs: [URL] {
    let folder = ProcessInfo.processInfo.environment["WM_PARITY_RUNS"].map { URL(fileURLWithPath: $0) }
    return [golden] + (folder.map { folder in folder.names().map { folder.appendingPathComponent($0) } } ?? [])
  }
  private static let state = golden.appendingPathComponent("training_state")

  private static func settings(_ run: URL, _ flags: String...) throws -> TrainSettings {
    var configured = Configured<TrainSettings>()
    let file = run.appendingPathComponent("pretrained_model/train_config.json")
    try configured.apply(TrainConfigurationFiles.read(file), from: file.path, unknown: .keep)
    let numbers = try SafetensorsFile(run.appendingPathComponent("numbers.safetensors")).metadata
    let version = numbers["lerobot"] == nil ? ("padded", "0.4") : ("valid", "0.6")
    try configured.apply(
      Arguments(
        ["--policy.action_loss=\(version.0)", "--policy.lerobot_version=\(version.1)", "--policy.device=cpu"] + flags))
    return try configured.validated()
  }

  private static func policy(_ run: URL, _ settings: TrainSettings) throws -> PretrainedPolicy {
    var builder = PolicyBuilder(settings.policy, device: .cpu)
    builder.settings.smolvla.usesReferenceOrder = true
    return try builder.pretrained(run.appendingPathComponent("pretrained_model"))
  }

  @Test(arguments: runs) func `continues here as it continues there`(run: URL) throws {
    let settings = try Self.settings(run)
    let policy = try Self.policy(run, settings).policy
    let state = try TrainingState(in: run.appendingPathComponent("training_state"), for: policy.parameters)
    #expect(state.step > 0 && state.optimizer.count == policy.parameters.trainable.count)
    let numbers = try Tensor.load(run.appendingPathComponent("numbers.safetensors"))
    var batch = Batch()
    for (name, tensor) in numbers where name.hasPrefix("in/") { batch[String(name.dropFirst(3))] = tensor }
    let before = try policy.parameters.trainable.map { try $0.parameter.tensor.detached().clone() }
    let loss = try policy.loss(of: batch, random: CountedRandom(seed: 0, "unused"))
    let training = settings.training
    try loss.total.backward()
    let norm = try policy.parameters.clipGradients(toNorm: training.optimizer.maximumGradientNorm)
    let optimizer = AdamW(policy.parameters, settings: training.optimizer, states: state.optimizer)
    let rate = training.schedule.learningRate(at: state.step)
    try optimizer.step(learningRate: rate)
    func expected(_ name: String) throws -> Double { try #require(numbers[name]).to(.float64).reshaped([]).item() }
    #expect(try abs(loss.total.item() / expected("out/loss") - 1) < 1e-6)
    #expect(try abs(norm.item() / expected("out/gradnorm") - 1) < 1e-5)
    #expect(try abs(rate / expected("out/lr") - 1) < 1e-12)
    var worst = 0.0
    for (old, (_, parameter)) in zip(before, policy.parameters.trainable) {
      let change = try #require(numbers["change/\(parameter.name)"], "\(parameter.name)")
      // The change of a weight shows both moments, the schedule and the clip; the weight itself would hide them.
      let found = try parameter.tensor.detached() - old
      let moved = try (found - change).norm().item() / max(change.norm().item(), 1e-12)
      #expect(moved < 1e-4, "\(parameter.name)")
      worst = max(worst, try (found - change).norm().item() / max(parameter.tensor.detached().norm().item(), 1e-12))
    }
    #expect(worst < 1e-6)
    if ProcessInfo.processInfo.environment["WM_PARITY_RUNS"] != nil {
      print("parity \(run.lastPathComponent): resumed step equal, deviation \(worst) (tolerance 1e-6)")
    }
  }

  /// LeRobot's reader wants the same keys, the same lengths and the same types.
  private func expectAlike(_ found: JSON?, _ expected: JSON, _ place: String) {
    switch (found, expected) {
    case (.object(let found)?, .object(let expected)):
      #expect(Set(found.keys) == Set(expected.keys), "\(place)")
      for (key, value) in expected { expectAlike(found[key], value, "\(place).\(key)") }
    case (.array(let found)?, .array(let expected)):
      #expect(found.count == expected.count, "\(place)")
      for (index, value) in expected.enumerated() { expectAlike(found[index], value, "\(place)[\(index)]") }
    case (.number?, .number), (.integer?, .integer), (.bool?, .bool), (.null?, .null), (.string?, .string): break
    default: Issue.record("\(place): \(found?.text(.line) ?? "nothing") for \(expected.text(.line))")
    }
  }

  @Test func `that several processes trained goes on with a word about the samples of a step`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let checkpoint = folder.appendingPathComponent("E0/checkpoints/last").resolvingSymlinksInPath()
      // LeRobot's checkpoints have none.
      try FileManager.default.removeItem(at: checkpoint.appendingPathComponent("checkpoint_sha256.json"))
      let file = checkpoint.appendingPathComponent("training_state/training_step.json")
      for (state, whole, words) in [
        (["step": 6, "num_processes": 4, "batch_size": 2] as JSON, 8, "is of 4 processes, which took 8 samples"),
        (["step": 6, "dp_world_size": 3, "batch_size": 2, "grad_accum_steps": 1], 6, "give --batch_size=6 to go on"),
      ] {
        try state.write(to: file, overwrite: true)
        let resume = ["train", "--output_dir=E0", "--resume", "--steps=6"]
        let outcome = try Program.succeed(resume, in: folder)
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        let followed = try Program.succeed(resume + ["--batch_size=\(whole)"], in: folder)
        #expect(!followed.errors.contains("processes"), "\(followed.errors)")
      }
    }
  }

  @Test func `has a training state like those that are written here`() throws {
    let settings = try Self.settings(Self.golden)
    let parameters = try Self.policy(Self.golden, settings).policy.parameters
    let state = try TrainingState(in: Self.state, for: parameters)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-state-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try state.write(to: folder, settings.training, of: parameters)
    #expect(folder.names() == Self.state.names())
    for name in folder.names() {
      let (own, theirs) = (folder.appendingPathComponent(name), Self.state.appendingPathComponent(name))
      if name == TrainingState.stepFile {
        // As LeRobot 0.6 has it; version 0.4.4 reads the step alone.
        #expect(try JSON(contentsOf: own) == ["step": 2, "num_processes": 1, "batch_size": 2])
      } else if name.hasSuffix(".json") {
        expectAlike(try JSON(contentsOf: own), try JSON(contentsOf: theirs), name)
      } else {
        let (own, theirs) = try (Tensor.load(own), Tensor.load(theirs))
        #expect(Set(own.keys) == Set(theirs.keys))
        for (key, tensor) in theirs {
          #expect(own[key]?.shape == tensor.shape && own[key]?.dtype == tensor.dtype, "\(key)")
        }
      }
    }
    // Another file of the same state says the same.
    let groups = "optimizer_param_groups.json"
    let found = try JSON(contentsOf: folder.appendingPathComponent(groups))
    #expect(try found == JSON(contentsOf: Self.state.appendingPathComponent(groups)))
  }

  @Test func `has settings that come out as they went in`() throws {
    let file = Self.golden.appendingPathComponent("pretrained_model/train_config.json")
    var configured = Configured<TrainSettings>()
    try configured.apply(JSON(contentsOf: file), from: file.path, unknown: .keep)
    let files = TrainConfigurationFiles(configured.json, names: configured.names(ownedBy: .lerobot))
    let expected = try JSON(contentsOf: file).without(Self.notOfBothVersions)
    #expect(Set(try #require(files.lerobot.object).keys) == Set(try #require(expected.object).keys))
    func expectSame(_ found: JSON?, _ expected: JSON, _ place: String) {
      if let members = expected.object {
        for (key, value) in members { expectSame(found?[key], value, "\(place).\(key)") }
        #expect(Set(found?.object?.keys ?? []) == Set(members.keys), "\(place)")
      } else if let number = expected.double {
        #expect(found?.double == number, "\(place)")
      } else {
        #expect(found == expected, "\(place)")
      }
    }
    expectSame(files.lerobot, expected, "train_config.json")
    #expect(files.own["policy"]?["action_loss"] == "valid" && files.own["num_compute_threads"] == 0)
    for name in Self.notOfBothVersions { #expect(files.own[name] == (try JSON(contentsOf: file))[name], "\(name)") }
  }

  /// What LeRobot 0.6 refuses or calls otherwise, and 0.4.4 has a default for.
  private static let notOfBothVersions = [
    "eval_freq", "use_rabc", "rabc_progress_path", "rabc_kappa", "rabc_epsilon", "rabc_head_mode",
  ]

  private func refusal(_ change: (URL) throws -> Void) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-state-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: Self.state, to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    try change(folder)
    let parameters = try Self.policy(Self.golden, Self.settings(Self.golden)).policy.parameters
    let error = #expect(throws: Failure.self) { try TrainingState(in: folder, for: parameters) }
    return error?.description ?? ""
  }

  @Test func `that cannot continue here is refused with the reason`() throws {
    #expect(
      try refusal { try FileManager.default.removeItem(at: $0.appendingPathComponent("training_step.json")) }
        .contains("`policy.path`"))
    func groups(_ old: String, _ new: String) throws -> String {
      try refusal { folder in
        let file = folder.appendingPathComponent("optimizer_param_groups.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        try #require(text.contains(old))
        try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
      }
    }
    #expect(try groups("\"amsgrad\": false", "\"amsgrad\": true").contains("amsgrad is not supported"))
    for (old, new) in [("0.95", "NaN"), ("\"eps\": 1e-08", "\"eps\": \"small\"")] {
      #expect(try groups(old, new).contains("expected betas, eps, weight_decay and lr to be numbers"))
    }
    #expect(try groups("            70,\n", "").contains("held 71 parameters, the policy has 72"))
    #expect(try groups("[\n    {", "[\n    {}, {").contains("one group of parameters, found 2"))
    func states(_ change: (inout StateDictionary) throws -> Void) throws -> String {
      try refusal { folder in
        let file = folder.appendingPathComponent("optimizer_state.safetensors")
        var state = try Tensor.load(file).mapValues { try $0.clone() }
        try change(&state)
        try Tensor.save(state, to: file, overwrite: true)
      }
    }
    #expect(try states { $0["state/43/momentum_buffer"] = $0["state/43/exp_avg"] }.contains("not a state of AdamW"))
    #expect(try states { $0["state/0/exp_avg"] = $0["state/43/exp_avg"] }.contains("frozen or absent now"))
    #expect(try states { $0["state/43/exp_avg"] = try Tensor.zeros([3]) }.contains("parameter 43 does not fit"))
  }

  @Test func `of another optimizer or schedule is refused by its name`() throws {
    for (type, section) in [("sgd", "optimizer"), ("diffuser", "scheduler")] {
      var configured = Configured<TrainSettings>()
      let error = #expect(throws: ConfigurationError.self) {
        try configured.apply([section: ["type": .string(type)]], from: "train_config.json", unknown: .keep)
      }
      #expect(error?.description.contains("\(section).type: expected one of") == true)
    }
  }

  @Test func `may set optimizer and schedule itself`() throws {
    let own = [
      "--use_policy_training_preset=false", "--optimizer.type=adamw", "--optimizer.lr=2e-3",
      "--optimizer.grad_clip_norm=0", "--scheduler.type=cosine_decay_with_warmup", "--scheduler.peak_lr=1e-3",
      "--scheduler.decay_lr=1e-4", "--scheduler.num_warmup_steps=0", "--scheduler.num_decay_steps=4",
    ]
    var configured = Configured<TrainSettings>()
    try configured.apply(Arguments(own + ["--dataset.root=data", "--steps=8"]))
    let training = try configured.validated().training
    var optimizer = AdamWSettings(learningRate: 2e-3, betas: [0.9, 0.999], weightDecay: 1e-2)
    (optimizer.epsilon, optimizer.gradientClip) = (1e-8, 0)
    #expect(training.optimizer == optimizer && training.optimizer.maximumGradientNorm == .infinity)
    // LeRobot multiplies the optimizer's rate by the schedule's factor.
    #expect(training.schedule.learningRate(at: 0) == 2e-3 && training.schedule.learningRate(at: 4) == 2e-4)
    try Fixture.within { folder in
      let idle = try Program.run(["train", "--dataset.root=data", "--optimizer.lr=1"], in: folder)
      #expect(idle.errors.contains("--optimizer.lr: has no effect while the policy's preset is used"))
      let half = try Program.run(["train", "--dataset.root=data", "--use_policy_training_preset=false"], in: folder)
      #expect(half.errors.contains("--optimizer.type=adamw"))
    }
  }
}

struct RunSettingsTests {
  @Test func `lie in LeRobot's file and one of our own, and come back on resume`() throws {
    try Fixture.within { folder in
      try Program.succeed(
        ["train", "--output_dir=run", "--policy.action_loss=padded"] + Flags.train, in: folder)
      let model = folder.appendingPathComponent("run/checkpoints/last/pretrained_model")
      let theirs = try JSON(contentsOf: model.appendingPathComponent("train_config.json"))
      let own = try JSON(contentsOf: model.appendingPathComponent("lerobot_wm.json"))
      #expect(theirs["policy"]?["action_loss"] == nil && theirs["num_compute_threads"] == nil)
      #expect(own["policy"]?["action_loss"] == "padded" && own["num_compute_threads"] == 1)
      #expect(theirs["optimizer"]?["type"] == "adamw" && theirs["optimizer"]?["lr"] == 1e-3)
      #expect(theirs["output_dir"] == "run" && theirs["job_name"] == "smolvla")
      #expect(theirs["scheduler"]?["type"] == "cosine_decay_with_warmup")
      // From the checkpoint before the last, as LeRobot resumes: by its file.
      try Program.succeed(
        [
          "train", "--resume=true", "--config_path=run/checkpoints/000003/pretrained_model/train_config.json",
          "--steps=9",
        ], in: folder)
      #expect(folder.appendingPathComponent("run/checkpoints").names() == ["000003", "000006", "000009", "last"])
      let resumed = folder.appendingPathComponent("run/checkpoints/last/pretrained_model/lerobot_wm.json")
      #expect(try JSON(contentsOf: resumed)["policy"]?["action_loss"] == "padded")
    }
  }

  @Test func `that LeRobot does not have are kept apart, whatever they are`() {
    let settings: JSON = [
      "steps": 3, "a_newer_one": true, "dataset": ["root": "x", "video_backend": nil, "ours": 1],
      "policy": ["type": "smolvla", "chunk_size": 4, "ours": 2], "env": ["type": "shapes", "task": "push_side"],
    ]
    let files = TrainConfigurationFiles(settings, names: Configured<TrainSettings>().names(ownedBy: .lerobot))
    #expect(
      files.lerobot == ["steps": 3, "dataset": ["root": "x"], "policy": ["type": "smolvla", "chunk_size": 4]])
    #expect(
      files.own == [
        "a_newer_one": true, "dataset": ["video_backend": nil, "ours": 1], "policy": ["ours": 2],
        "env": ["type": "shapes", "task": "push_side"],
      ])
  }
}
