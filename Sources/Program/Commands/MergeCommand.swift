import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LibTorch
import ModelFiles
import PolicyEvaluation
import PretrainedPolicies
import RobotPolicies
import SmolVLA

/// `lerobot-wm merge`: makes a whole policy of an adapter and the policy that it changes.
enum MergeCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("output_dir", help: "folder of the whole policy, as --policy.path takes it") var output = ""
    @Setting("overwrite", help: "replace that folder") var overwrites = false
    @SettingsGroup(
      "policy", title: "PreTrainedConfig", help: "kind of policy; the adapter's own", of: PolicySettings.kinds)
    var policy = PolicySettings.smolvla(SmolVLAConfiguration())
    var adapter: String?

    func validate() throws(ConfigurationError) {
      guard !output.isEmpty else {
        throw ConfigurationError("output_dir", "is needed: the folder to write the policy into")
      }
    }
  }

  static let name = "merge"
  static let summary = "make a whole policy of an adapter and the policy that it changes"
  static let operands = [("ADAPTER", "the adapter: a pretrained_model folder, or a repository on the hub")]
  static let examples = [
    "lerobot-wm merge outputs/train/lora/checkpoints/last/pretrained_model --output_dir=outputs/merged"
  ]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    guard let name = arguments.takePositional(after: ["overwrite"]) else {
      throw Failure("the adapter to merge is missing; name its folder or repository after merge")
    }
    configured.value.adapter = name
    try configured.apply(checkpoint: name)
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let folder = try ModelLocation.checkpoint(settings.adapter ?? "")
    guard let base = try AdapterConfiguration.base(of: folder) else {
      throw Failure("\(folder.path) is a whole policy already; name it with --policy.path as it is")
    }
    var builder = PolicyBuilder(settings.policy, device: .cpu, isTrained: false)
    var merged = try builder.merged(folder)
    for name in [TrainingRecord.fileName, TrainedStartStates.fileName] {
      let file = folder.appendingPathComponent(name)
      if FileManager.default.fileExists(atPath: file.path) { merged.documents[name] = try JSON(contentsOf: file) }
    }
    if settings.overwrites {
      try requireNoInputs([folder, base] + settings.policy.inputFolders, in: URL(fileURLWithPath: settings.output))
    }
    let output = try prepareOutput(settings.output, of: .policy, overwrite: settings.overwrites)
    try merged.save(to: output)
    let layers = merged.policy.parameters.adapters.count
    say("\(counted(layers, "adapted layer")) merged into the weights of \(base.path)")
    print(output.path)
    return 0
  }
}
