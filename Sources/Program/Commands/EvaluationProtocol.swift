import Foundation
import HuggingFaceHub
import LibTorch
import ModelFiles
import MuJoCoPhysics
import OrderedCollections
import PolicyEvaluation
import PolicyTraining
import PretrainedPolicies
import RobotPolicies
import SmolVLA
import WorldEncoders
import WorldModality

/// Everything that can change an evaluation's results, as `eval_info.json` keeps it under `protocol`.
///
/// What is only known when the episodes have ended (renderer, dropped memories) is added by ``json``.
struct EvaluationProtocol {
  private var members: OrderedDictionary<String, JSON>
  private let policy: (any Policy)?
  /// The memories that the policy had dropped before.
  private let droppedBefore: Int

  /// The protocol of a policy's evaluation, or of random actions.
  ///
  /// - Parameters:
  ///   - policy: the policy's settings and, where it comes from one, its checkpoint's folder; nil for random actions.
  ///   - renaming: the features that were renamed for the policy.
  ///   - ablation: what is withheld from it.
  ///   - commandLine: the command line that does this evaluation.
  init(
    _ run: EvaluationRun, environment: EnvironmentSettings, policy: EvaluatedPolicy?,
    renaming: OrderedDictionary<String, String> = [:], ablation: RolloutAblation? = nil,
    commandLine: [String] = CommandLine.arguments
  ) throws {
    let settings = run.settings
    members = [
      "planner": .string(policy == nil ? "random" : "policy"), "seed": .integer(settings.seed),
      "init_states": .string(run.suite.initialStates.rawValue),
      "n_episodes": .integer(settings.episodes), "independent_episodes": .integer(run.independentEpisodes),
      "batch_size": .integer(settings.batchSize),
      "ablation": .string(ablation?.name ?? "none"), "env": environment.json,
      "tasks": try .object(run.fingerprints()),
      "folders": .object(
        OrderedDictionary(
          uniqueKeysWithValues: try run.suite.folders().sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
      "rename_map": renaming.json,
      "program": ProgramRecord.json, "versions": ProgramRecord.engines,
      "command_line": .array(commandLine.map(JSON.string)),
      "working_directory": .string(FileManager.default.currentDirectoryPath),
      // Those that the program itself reads; what matters of them has entries of its own.
      "variables": ProgramRecord.variables(["MUJOCO_GL", "LEROBOT_WM_RENAME_MAP_JSON"]),
      "numerics": ProgramRecord.numerics,
      "date": .string(Date().formatted(.iso8601)),
    ]
    if let policy { members.merge(try policy.members()) { $1 } }
    self.policy = policy?.policy
    droppedBefore = (policy?.policy as? SmolVLAWorldPolicy)?.droppedMemories ?? 0
  }

  /// The protocol as JSON, with what the episodes showed.
  var json: JSON {
    var members = members
    members["renderer"] = GraphicsBackend.inUse.map(JSON.string) ?? .null
    if let policy = policy as? SmolVLAWorldPolicy {
      members["dropped_memories"] = .integer(policy.droppedMemories - droppedBefore)
    }
    return .object(members)
  }
}

/// A policy whose evaluation is recorded.
struct EvaluatedPolicy {
  let settings: PolicySettings
  let policy: any Policy
  /// What the user called the checkpoint, and SHA-256 of its files; nil for a policy that is being trained.
  private let source: (name: String, files: OrderedDictionary<String, JSON>)?
  /// The training step; nil if the checkpoint does not say it.
  private let step: Int?

  /// A policy that is being trained.
  init(_ settings: PolicySettings, _ policy: any Policy, step: Int) {
    (self.settings, self.policy, self.step, source) = (settings, policy, step, nil)
  }

  /// A checkpoint's policy.
  ///
  /// - Parameters:
  ///   - name: what the user called it.
  ///   - folder: its `pretrained_model` folder.
  /// - Throws: if its files are not those that it was trained with.
  init(_ settings: PolicySettings, _ policy: any Policy, _ name: String, _ folder: URL) throws {
    var files = try PolicyFiles(folder, settings).sha256
    if policy.history != nil, let world = settings.world {
      let encoder = try world.encoderFolder(besides: folder)
      files["encoder"] = .string(try encoder.sha256())
      files[PolicyFiles.encoderConfiguration] = .string(try encoder.configurationSHA256())
    }
    if let weights = files[PolicyWeightsFile.name(in: folder)]?.string {
      try CheckpointChecksums.check(weights: weights, of: folder)
    }
    try TrainingRecord.check(folder, settings, found: files)
    step = CheckpointDirectory.step(of: folder)
    (self.settings, self.policy, source) = (settings, policy, (name, files))
  }

  fileprivate func members() throws -> OrderedDictionary<String, JSON> {
    let smolvla = settings.smolvla
    let device = policy.parameters.device
    var members: OrderedDictionary<String, JSON> = [
      "policy_path": source.map { .string($0.name) } ?? .null, "policy_type": .string(settings.type),
      "n_action_steps": .integer(smolvla.actionSteps), "chunk_size": .integer(smolvla.chunkSize),
      "num_steps": .integer(smolvla.denoisingSteps),
      "world_memory_mode_rollout": settings.world.map { .string($0.rolloutMemory.rawValue) } ?? .null,
      "policy": smolvla.checkpointJSON.without(Self.notOfRollouts + ["type"]),
      "world": settings.world?.recorded ?? .null,
      "device": .string(device.description), "precision": .string(policy.parameters.precision.rawValue),
      "hardware": .string(device == .cpu ? Hardware.processor : Hardware.accelerators),
      "compute_threads": .integer(try TorchEngine.shared().threadCount),
    ]
    if let step { members["step"] = .integer(step) }
    // Published weights plan the same with either.
    if !smolvla.compatibility.loadsVLMWeights, let version = policy.lerobotVersion {
      members[LeRobotVersion.entry] = .string(version.rawValue)
    }
    if let source {
      members["model_sha256"] = source.files[PolicyWeightsFile.whole] ?? source.files[PolicyWeightsFile.adapter]
      members["sha256"] = .object(source.files)
    }
    return members
  }

  /// Settings of uploads and of places, which change no number.
  static let notOfPolicies = [
    "device", "push_to_hub", "repo_id", "private", "tags", "license", "pretrained_path", "load_vlm_weights",
    "use_peft",
  ]
  /// And those of training, which a rollout does not read.
  private static let notOfRollouts =
    notOfPolicies + [
      "freeze_vision_encoder", "train_expert_only", "train_state_proj", "optimizer_lr", "optimizer_betas",
      "optimizer_eps", "optimizer_weight_decay", "optimizer_grad_clip_norm", "scheduler_warmup_steps",
      "scheduler_decay_steps", "scheduler_decay_lr",
    ]
}

/// The files of a checkpoint that decide what its policy does.
struct PolicyFiles {
  /// SHA-256 by name: weights, configuration, processors and their states, the tokenizer, the encoder's weights.
  let sha256: OrderedDictionary<String, JSON>

  init(_ folder: URL, _ settings: PolicySettings) throws {
    var found: OrderedDictionary<String, JSON> = [:]
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    for name in names where Self.isDecisive(name) {
      found[name] = .string(try MappedFile(folder.appendingPathComponent(name)).sha256)
    }
    if let base = try AdapterConfiguration.base(of: folder) {
      found[Self.adaptedWeights] = .string(try MappedFile(base.appendingPathComponent(PolicyWeightsFile.whole)).sha256)
    }
    found["tokenizer.json"] = .string(try settings.tokenizerSHA256(besides: folder))
    found[Self.backboneConfiguration] = try settings.backboneConfigurationSHA256(besides: folder)
    sha256 = found
  }

  /// What the settings of backbone and encoder are called, which lie where their folders are.
  static let backboneConfiguration = "backbone/config.json", encoderConfiguration = "encoder/config.json"

  /// What the weights of the policy that an adapter changes are called.
  static let adaptedWeights = "base/\(PolicyWeightsFile.whole)"

  private static func isDecisive(_ name: String) -> Bool {
    [
      PolicyWeightsFile.whole, PolicyWeightsFile.adapter, PolicyWeightsFile.adapterConfiguration, "config.json",
      "world_latents.json", TrainingRecord.fileName,
    ].contains(name)
      || name.hasPrefix("policy_preprocessor") || name.hasPrefix("policy_postprocessor")
  }
}

/// The machine that results were computed on.
enum Hardware {
  /// The graphics cards' names as their driver gives them, each once.
  static var accelerators: String {
    let folder = URL(fileURLWithPath: "/proc/driver/nvidia/gpus")
    let cards = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    let names = cards.compactMap { card -> String? in
      let text = try? String(contentsOf: card.appendingPathComponent("information"), encoding: .utf8)
      let line = text?.split(separator: "\n").first { $0.hasPrefix("Model:") }
      return line?.dropFirst("Model:".count).trimmingCharacters(in: .whitespaces)
    }
    return names.isEmpty ? "unknown" : Set(names).sorted().joined(separator: ", ")
  }

  /// The processor's name as Linux gives it.
  static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
  }
}

extension JSON {
  /// The object without some members.
  func without(_ names: [String]) -> JSON { .object((object ?? [:]).filter { !names.contains($0.key) }) }
}
