import LayeredSettings
import ModelFiles
import OrderedCollections

enum Attention: String, CaseIterable, ConfigurationValue { case cross = "cross_attn", full = "self_attn" }

struct Dataset: ConfigurationSection {
  static let title = "Dataset"
  @Setting("repo_id", help: "name of the dataset") var repoID = "user/data"
  @Setting("episodes", in: 0...100, help: "which to use") var episodes: [Int]?
  @Setting("cameras", help: "which to read") var cameras = ["front"]
  @Setting("use_images", help: "read images") var useImages = true
}

struct Optimizer: ConfigurationSection {
  static let title = "Optimizer"
  @Setting("lr", in: 1e-9...0.5, help: "learning rate") var lr = 1e-4
  @Setting("betas", in: 0...1, help: "decay of the first and of the second moment, both from 0 to 1, as in the paper")
  var betas = [0.9, 0.95]
}

protocol PolicyConfiguration: ConfigurationSection {}

struct Plain: PolicyConfiguration {
  static let title = "Plain"
  @Setting("chunk_size", in: 1...64, help: "actions per query") var chunkSize = 50
  @Setting("attention_mode", help: "what the expert attends to") var attention = Attention.cross
  @Setting("device", help: "cpu or cuda") var device: String?
  @SettingsGroup("optimizer") var optimizer = Optimizer()
}

struct World: PolicyConfiguration {
  static let title = "World"
  @Setting("chunk_size", in: 1...64, help: "actions per query") var chunkSize = 50
  @Setting("memory", in: 1...1 << 20, help: "frames remembered") var memory = 4

  func validate() throws(ConfigurationError) {
    guard memory != 13 else { throw ConfigurationError("memory", "expected no number of misfortune, found \(memory)") }
  }
}

struct Evaluation: ConfigurationSection {
  static let title = "Evaluation"
  @Setting("n_episodes", in: 1...64, help: "how many") var episodes = 10
}

struct Train: ConfigurationSection {
  static let title = "Train"
  @Setting("batch_size", in: 1...1024, help: "samples per step") var batchSize = 8
  @Setting("resume", help: "continue from a checkpoint") var resume = false
  @Setting("rename_map", help: "new names of observations") var renameMap: OrderedDictionary<String, String> = [:]
  @SettingsGroup("dataset") var dataset = Dataset()
  @SettingsGroup("policy", title: "Policy", help: "kind of policy", of: Self.policies)
  var policy: (any PolicyConfiguration)? = Plain()
  @SettingsGroup("eval") var eval: Evaluation?

  private static var policies: [SettingsKind<any PolicyConfiguration>] {
    [.init("plain", Plain.self) { $0 }, .init("world", World.self) { $0 }]
  }
}

extension Train {
  var plain: Plain? { policy as? Plain }
  var world: World? { policy as? World }
}

/// The configuration that a command line gives.
func parsed(_ line: String...) throws -> Train {
  var configured = Configured<Train>()
  try configured.apply(Arguments(line))
  return try configured.validated()
}
