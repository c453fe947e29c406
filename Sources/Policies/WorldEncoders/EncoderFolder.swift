import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections

/// A frozen encoder's folder or snapshot as transformers saves it: `config.json`, and `model.safetensors` whole or in
/// shards with `model.safetensors.index.json`.
public struct EncoderFolder: Sendable {
  public let url: URL
  let weights: [URL]

  /// Finds an encoder's files.
  ///
  /// - Throws: a folder without safetensors, a shard that is missing, and an index that is damaged or leads elsewhere.
  public init(_ url: URL) throws {
    self.url = url
    let whole = url.appendingPathComponent("model.safetensors")
    let index = url.appendingPathComponent("model.safetensors.index.json")
    if FileManager.default.fileExists(atPath: whole.path) {
      weights = [whole]
    } else if FileManager.default.fileExists(atPath: index.path) {
      guard let map = try JSON(contentsOf: index)["weight_map"]?.object, !map.isEmpty else {
        throw Failure("\(index.path): expected a weight_map that names a file for each weight")
      }
      weights = try Set(map.values.map { $0.string ?? "" }).sorted().map { try contained($0, in: url) }
    } else {
      let pickles = ["pytorch_model.bin", "pytorch_model.bin.index.json"].first {
        FileManager.default.fileExists(atPath: url.appendingPathComponent($0).path)
      }
      throw Failure(
        "\(url.path) holds no model.safetensors"
          + (pickles.map {
            ", only \($0), which is not read because pickles may run code; take a revision with "
              + "safetensors, or save it again with safe_serialization=True"
          } ?? "; give an encoder's folder"))
    }
  }

  /// What tells these weights from all others, as 64 hexadecimal digits: the SHA-256 of `model.safetensors`, or of its
  /// shards' SHA-256s, each on a line, in the order of their names.
  public func sha256() throws -> String {
    var sums: [String] = []
    for file in weights { sums.append(try MappedFile(file).sha256) }
    return sums.count == 1 ? sums[0] : ModelFiles.sha256(of: sums.map { $0 + "\n" }.joined())
  }

  /// The SHA-256 of the files that say how the weights are used and images are prepared.
  public func configurationSHA256() throws -> String {
    let files = [settingsURL, url.appendingPathComponent("preprocessor_config.json")]
    let sums = try files.filter { FileManager.default.fileExists(atPath: $0.path) }.map { try MappedFile($0).sha256 }
    return ModelFiles.sha256(of: sums.joined(separator: "\n"))
  }

  /// `config.json`.
  func settings() throws -> JSON { try JSON(contentsOf: settingsURL) }

  var settingsURL: URL { url.appendingPathComponent("config.json") }

  /// The weights, ready to be handed out under their names in the bare model.
  ///
  /// - Parameters:
  ///   - prefix: what names begin with where the model was saved as a part of another.
  ///   - ignored: beginnings of names that are not the encoder's.
  func parameters(prefix: String, ignoring ignored: [String], dtype: DType, device: Device) throws -> ParameterStore {
    var loaded: StateDictionary = [:]
    for file in weights {
      for (name, tensor) in try Tensor.load(file) {
        let name = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
        if !ignored.contains(where: name.hasPrefix) { loaded[name] = tensor }
      }
    }
    return ParameterStore(loading: loaded, seed: 0, device: device, dtype: dtype)
  }

  /// Refuses weights that are missing or of another shape, once the model is built.
  func check(_ store: ParameterStore) throws {
    if let name = store.misshapen.first {
      throw Failure("the weights in \(url.path) do not fit its config.json: \(name)")
    }
    guard store.missing.isEmpty else {
      throw Failure(
        "the weights in \(url.path) are not all those of its config.json: \(store.missing.count) are missing, "
          + "\(store.missing[0]) the first")
    }
  }

  /// Saves an encoder as transformers would.
  static func save(
    _ parameters: ParameterStore, _ files: OrderedDictionary<String, JSON>, to directory: URL, overwrite: Bool
  ) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    var tensors: StateDictionary = [:]
    for parameter in parameters.parameters { tensors[parameter.name] = parameter.tensor }
    try Tensor.save(
      tensors, to: directory.appendingPathComponent("model.safetensors"), metadata: ["format": "pt"],
      overwrite: overwrite)
    for (name, json) in files {
      try json.write(to: directory.appendingPathComponent(name), layout: .indented(2), overwrite: overwrite)
    }
  }
}

extension JSONFields {
  /// The fields of an encoder's `config.json`.
  ///
  /// - Throws: if it describes another model than `type`.
  init(encoder json: JSON, type: String, in place: String) throws {
    if let found = json["model_type"]?.string, found != type {
      throw Failure(
        "\(place): expected model_type \(type), found \(found); fix `world_latents_source` or `world_vision_model_name`"
      )
    }
    if let activation = json["hidden_act"]?.string, activation != "gelu" {
      throw Failure("\(place): hidden_act \(activation) is not supported, only gelu")
    }
    try self.init(json, in: place)
  }
}
