import LayeredSettings
import ModelFiles
import OrderedCollections

enum Attention: String, CaseIterable, ConfigurationValue { case cross = "cross_attn", full = "self_attn" }

struct Dataset: ConfigurationSection {
  static let title = "Dataset"
  var repoID = "user/data"
  var episodes: [Int]?
  var cameras = ["front"]
  var useImages = true

  static var fields: [Field<Self>] {
    [
      .init("repo_id", \.repoID, help: "name of the dataset"), .init("episodes", \.episodes, help: "which to use"),
      .init("cameras", \.cameras, help: "which to read"), .init("use_images", \.useImages, help: "read images"),
    ]
  }
}

struct Optimizer: ConfigurationSection {
  static let title = "Optimizer"
  var lr = 1e-4
  var betas = [0.9, 0.95]

  static var fields: [Field<Self>] {
    [
      .init("lr", \.lr, help: "learning rate"),
      .init("betas", \.betas, help: "decay of the first and of the second moment, both from 0 to 1, as in the paper"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard lr > 0 else { throw ConfigurationError("lr", "expected a positive number, found \(lr)") }
  }
}

protocol PolicyConfiguration: ConfigurationSection {}

struct Plain: PolicyConfiguration {
  static let title = "Plain"
  var chunkSize = 50
  var attention = Attention.cross
  var device: String?
  var optimizer = Optimizer()

  static var fields: [Field<Self>] {
    [
      .init("chunk_size", \.chunkSize, help: "actions per query"),
      .init("attention_mode", \.attention, help: "what the expert attends to"),
      .init("device", \.device, help: "cpu or cuda"), .section("optimizer", \.optimizer),
    ]
  }
}

struct World: PolicyConfiguration {
  static let title = "World"
  var chunkSize = 50
  var memory = 4

  static var fields: [Field<Self>] {
    [
      .init("chunk_size", \.chunkSize, help: "actions per query"), .init("memory", \.memory, help: "frames remembered"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard memory > 0 else { throw ConfigurationError("memory", "expected 1 or more, found \(memory)") }
  }
}

struct Evaluation: ConfigurationSection {
  static let title = "Evaluation"
  var episodes = 10
  static var fields: [Field<Self>] {
    [.init("n_episodes", \.episodes, help: "how many")]
  }
}

struct Train: ConfigurationSection {
  static let title = "Train"
  var batchSize = 8
  var resume = false
  var renameMap: OrderedDictionary<String, String> = [:]
  var dataset = Dataset()
  var policy: (any PolicyConfiguration)? = Plain()
  var eval: Evaluation?

  static var fields: [Field<Self>] {
    [
      .init("batch_size", \.batchSize, help: "samples per step"),
      .init("resume", \.resume, help: "continue from a checkpoint"),
      .init("rename_map", \.renameMap, help: "new names of observations"), .section("dataset", \.dataset),
      .choice(
        "policy", \.policy, title: "Policy", help: "kind of policy",
        of: [.init("plain", Plain.self) { $0 }, .init("world", World.self) { $0 }]), .section("eval", \.eval),
    ]
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
