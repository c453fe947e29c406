import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections

/// A policy with everything that a checkpoint's `pretrained_model` folder holds of it.
public struct PretrainedPolicy {
  public let policy: any Policy
  /// What is done before and after it; always used together with it.
  public var preprocessor, postprocessor: Processor
  /// What `config.json` will hold.
  public var configuration: JSON
  /// What `adapter_config.json` will hold, of a policy of which only an adapter is saved; nil for a whole policy.
  public var adapter: JSON?
  /// Small files beside `config.json`, by name.
  public var documents: OrderedDictionary<String, JSON> = [:]
  /// Folders that belong to it, such as the backbone's config and tokenizer.
  public let attachments: [Attachment]

  public init(
    policy: any Policy, preprocessor: Processor, postprocessor: Processor, configuration: JSON,
    attachments: [Attachment]
  ) {
    self.policy = policy
    self.preprocessor = preprocessor
    self.postprocessor = postprocessor
    self.configuration = configuration
    self.attachments = attachments
  }

  /// Writes `config.json`, the weights or those of the adapter, the processors and the attachments into a new folder.
  ///
  /// - Parameter weights: what is written in the place of a whole policy's own, by the parameters' names.
  public func save(to directory: URL, with weights: StateDictionary = [:]) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    for (name, document) in documents.merging(["config.json": configuration], uniquingKeysWith: { $1 }) {
      try document.write(to: directory.appendingPathComponent(name))
    }
    if let adapter {
      try adapter.write(to: directory.appendingPathComponent(PolicyWeightsFile.adapterConfiguration))
      try save(policy.parameters.adapterState, to: directory, PolicyWeightsFile.adapter)
    } else {
      let state = try policy.parameters.mergedState()
      try save(state.merging(weights.filter { state[$0.key] != nil }) { $1 }, to: directory, PolicyWeightsFile.whole)
    }
    try preprocessor.write(to: directory)
    try postprocessor.write(to: directory)
    for attachment in attachments { try attachment.copy(into: directory) }
  }

  private func save(_ state: StateDictionary, to directory: URL, _ name: String) throws {
    try Tensor.save(state, to: directory.appendingPathComponent(name), metadata: ["format": "pt"])
  }
}

/// A folder that travels with a checkpoint.
public struct Attachment: Sendable {
  let folder: URL
  let hasWeights: Bool

  /// A folder, with or without the weights in it.
  public init(_ folder: URL, hasWeights: Bool) {
    self.folder = folder
    self.hasWeights = hasWeights
  }

  /// Copies it, under its own name.
  func copy(into directory: URL) throws {
    let files = FileManager.default
    let target = directory.appendingPathComponent(folder.lastPathComponent)
    try files.createDirectory(at: target, withIntermediateDirectories: true)
    for name in try files.contentsOfDirectory(atPath: folder.path) {
      let isWeights = [".safetensors", ".bin", ".pt", ".onnx"].contains { name.hasSuffix($0) }
      guard hasWeights || !isWeights else { continue }
      // The links of a Hugging Face cache lead nowhere from elsewhere.
      let source = folder.appendingPathComponent(name).resolvingSymlinksInPath()
      try files.copyItem(at: source, to: target.appendingPathComponent(name))
    }
  }
}
