import Foundation
import HuggingFaceHub
import ModelFiles
import OrderedCollections
import PretrainedPolicies
import RobotPolicies
import SmolVLA
import WorldEncoders
import WorldModality

extension WorldModalityConfiguration {
  /// The settings without the places of files.
  var recorded: JSON { json.without(["cache_dir", "init_from_policy_path"]) }

  /// The encoder, if it is on this machine.
  var encoderFolder: EncoderFolder? {
    ModelLocation.cached(encoderName, holding: ModelLocation.weights).flatMap { try? EncoderFolder($0) }
  }
}

extension PolicySettings {
  /// SHA-256 of the weights that a new policy starts from: a checkpoint's, or the published backbone's.
  ///
  /// - Parameter start: the checkpoint's folder; nil for a policy from scratch.
  func startSHA256(_ start: URL?) throws -> OrderedDictionary<String, JSON> {
    func hash(_ folder: URL) throws -> JSON { .string(try MappedFile(PolicyWeightsFile.url(in: folder)).sha256) }
    let readsBackbone = start == nil && smolvla.compatibility.loadsVLMWeights
    return [
      "start_sha256": try start.map(hash) ?? .null,
      "backbone_sha256": try readsBackbone
        ? hash(ModelLocation.directory(of: smolvla.backboneName, holding: ModelLocation.weights)) : .null,
    ]
  }

  /// SHA-256 of the backbone's settings; null if it has none.
  func backboneConfigurationSHA256(besides folder: URL?) throws -> JSON {
    let file = try backboneFolder(besides: folder).appendingPathComponent("config.json")
    return FileManager.default.fileExists(atPath: file.path) ? .string(try MappedFile(file).sha256) : .null
  }

  /// SHA-256 of the tokenizer that instructions go through.
  func tokenizerSHA256(besides folder: URL?) throws -> String {
    try MappedFile(backboneFolder(besides: folder).appendingPathComponent("tokenizer.json")).sha256
  }
}
