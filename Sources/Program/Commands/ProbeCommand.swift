import CounterBasedRandom
import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PretrainedPolicies
import RobotPolicies
import SmolVLA
import WorldModality

/// `lerobot-wm probe`: everything that a policy computes for one given batch, so that anyone can compare the numbers.
enum ProbeCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("batch", help: "safetensors whose in/… are the preprocessed batch, noise and time") var batch = ""
    @Setting("output", help: "safetensors to write: out/…, mid/…, g/…, and w1/… with --optimizer_step") var output = ""
    @Setting("optimizer_step", help: "also take one step of AdamW and write the weights") var takesOptimizerStep = false
    @Setting("num_compute_threads", in: 0...4096, help: "threads of one CPU operation; 0 takes all cores")
    var computeThreads = 0
    @Setting("overwrite", help: "replace the output file") var overwrites = false
    @SettingsGroup("optimizer") var optimizer = SmolVLAConfiguration().optimizer
    @SettingsGroup(
      "policy", title: "PreTrainedConfig", help: "kind of policy; the checkpoint's own", of: PolicySettings.kinds)
    var policy = PolicySettings.smolvla(SmolVLAConfiguration())
    var policyPath: String?

    func validate() throws(ConfigurationError) {
      guard !batch.isEmpty else { throw ConfigurationError("batch", "is needed: a batch as safetensors") }
      guard !output.isEmpty else { throw ConfigurationError("output", "is needed: the file to write the numbers into") }
    }
  }

  static let name = "probe"
  static let summary = "write loss, diagnostics, gradients and sampled actions for a given batch, noise and time"
  static let extraFlags = [("policy.path", "the checkpoint: a pretrained_model folder, or a repository on the hub")]
  static let examples = ["lerobot-wm probe --policy.path DIR --batch IN.safetensors --output OUT.safetensors"]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    guard let path = arguments.takePolicyPath() else { return }
    configured.value.policyPath = path
    try configured.apply(checkpoint: path)
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    guard let path = settings.policyPath else {
      throw Failure("--policy.path is needed: a checkpoint's pretrained_model folder, or a repository")
    }
    let output = URL(fileURLWithPath: settings.output)
    guard settings.overwrites || !FileManager.default.fileExists(atPath: output.path) else {
      throw Failure("\(settings.output) exists; choose another --output, or give --overwrite")
    }
    try useComputeThreads(settings.computeThreads)
    let device = try Device.chosen(settings.policy.smolvla.device ?? "cpu")
    var builder = PolicyBuilder(settings.policy, device: device)
    builder.settings.smolvla.usesReferenceOrder = true
    // Numbers are compared to the last digits.
    if settings.policy.smolvla.precision == nil { builder.settings.smolvla.precision = .fp32 }
    let policy = try builder.pretrained(ModelLocation.checkpoint(path)).policy
    var batch = Batch()
    for (name, tensor) in try Tensor.load(URL(fileURLWithPath: settings.batch)) where name.hasPrefix("in/") {
      batch[String(name.dropFirst(3))] = try tensor.to(device)
    }
    _ = try batch.require(BatchKey.noise)
    try Tensor.save(numbers(policy, batch, settings), to: output, overwrite: settings.overwrites)
    print(output.path)
    return 0
  }

  private static func numbers(
    _ policy: any Policy, _ batch: Batch, _ settings: Settings
  ) throws -> StateDictionary {
    var numbers: StateDictionary = [:]
    let random = CountedRandom(seed: 0, "probe")
    if let policy = policy as? any InspectablePolicy {
      for (name, tensor) in try policy.intermediates(of: batch, random: random) { numbers[name] = tensor }
    }
    if batch[BatchKey.action] != nil {
      let loss = try policy.loss(of: batch, random: random)
      for (name, tensor) in loss.metrics { numbers["out/\(name)"] = tensor }
      try loss.total.backward()
      for (name, tensor) in try policy.gradientMetrics() { numbers["out/\(name)"] = tensor }
      for (_, parameter) in policy.parameters.trainable {
        // None where nothing reached it, as in PyTorch.
        if let gradient = parameter.tensor.gradient { numbers["g/\(parameter.name)"] = try gradient.clone() }
      }
      let norm = try policy.parameters.clipGradients(toNorm: settings.optimizer.maximumGradientNorm)
      numbers["out/gradnorm"] = try norm.reshaped([1])
    }
    let rows = try batch.require(BatchKey.noise).size(0)
    numbers["out/actions"] = try policy.actionChunk(for: batch, random: (0..<rows).map { random.at($0) })
    if settings.takesOptimizerStep { try step(policy, settings.optimizer, into: &numbers) }
    return numbers
  }

  private static func step(
    _ policy: any Policy, _ settings: AdamWSettings, into numbers: inout StateDictionary
  ) throws {
    let optimizer = AdamW(policy.parameters, settings: settings)
    try optimizer.step(learningRate: settings.learningRate)
    for (_, parameter) in policy.parameters.trainable { numbers["w1/\(parameter.name)"] = parameter.tensor }
  }
}
