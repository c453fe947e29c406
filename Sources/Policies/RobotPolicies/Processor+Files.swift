import Failures
import Foundation
import ModelFiles
import NeuralNetworks
import OrderedCollections
import LibTorch

extension Processor {
  /// Reads `NAME.json` and the state files it names from a checkpoint.
  ///
  /// - Parameters:
  ///   - name: `policy_preprocessor` or `policy_postprocessor`.
  ///   - findTokenizer: gives the directory of a tokenizer's name.
  /// - Throws: the step that is not supported, or the file that does not fit.
  public init(
    named name: String, in directory: URL, findTokenizer: (String) throws -> URL
  ) throws {
    let file = directory.appendingPathComponent("\(name).json")
    guard let steps = try JSON(contentsOf: file)["steps"]?.array else {
      throw Failure("\(file.path): expected a list of steps")
    }
    var read: [ProcessorStep] = []
    for step in steps {
      let config = step["config"] ?? [:]
      let statistics = try step["state_file"]?.string.map { try Tensor.load(contained($0, in: directory)) }
      read.append(
        try Self.step(step["registry_name"]?.string ?? "", config, statistics ?? [:], file.path, findTokenizer))
    }
    self.init(name: name, steps: read)
  }

  private static func step(
    _ name: String, _ config: JSON, _ statistics: StateDictionary, _ place: String,
    _ findTokenizer: (String) throws -> URL
  ) throws -> ProcessorStep {
    switch name {
    case "rename_observations_processor":
      return .rename((config["rename_map"]?.object ?? [:]).compactMapValues(\.string))
    case "to_batch_processor": return .toBatch
    case "smolvla_new_line_processor": return .newLine
    case "tokenizer_processor":
      guard let tokenizerName = config["tokenizer_name"]?.string else {
        throw Failure("\(place): the tokenizer step names no tokenizer")
      }
      guard config["padding_side"]?.string ?? "right" == "right", let maxLength = config["max_length"]?.integer,
        maxLength > 0, let padding = config["padding"]?.string, ["longest", "max_length"].contains(padding)
      else {
        throw Failure("\(place): the tokenizer step must pad on the right, to longest or max_length")
      }
      return .tokenize(
        TokenizerStep(
          maxLength: maxLength, padding: padding, tokenizerName: tokenizerName,
          tokenizer: try Tokenizer(directory: findTokenizer(tokenizerName))))
    case "device_processor": return .device(config)
    case "normalizer_processor": return .normalize(try Normalization(config, statistics: statistics, in: place))
    case "unnormalizer_processor": return .unnormalize(try Normalization(config, statistics: statistics, in: place))
    default: throw Failure("\(place): the step \(name) is not supported")
    }
  }

  /// Writes `NAME.json` and a state file for each step that has statistics.
  public func write(to directory: URL) throws {
    var steps: [JSON] = []
    for (index, step) in self.steps.enumerated() {
      var object: OrderedDictionary<String, JSON> = [
        "registry_name": .string(step.registryName), "config": step.config,
      ]
      if let statistics = step.statistics {
        let file = "\(name)_step_\(index)_\(step.registryName).safetensors"
        try Tensor.save(statistics, to: directory.appendingPathComponent(file))
        object["state_file"] = .string(file)
      }
      steps.append(.object(object))
    }
    try JSON.object(["name": .string(name), "steps": .array(steps)])
      .write(to: directory.appendingPathComponent("\(name).json"), layout: .indented(2))
  }
}

extension ProcessorStep {
  var registryName: String {
    switch self {
    case .rename: "rename_observations_processor"
    case .toBatch: "to_batch_processor"
    case .newLine: "smolvla_new_line_processor"
    case .tokenize: "tokenizer_processor"
    case .device: "device_processor"
    case .normalize: "normalizer_processor"
    case .unnormalize: "unnormalizer_processor"
    }
  }

  var config: JSON {
    switch self {
    case .rename(let names): ["rename_map": .object(names.mapValues(JSON.string))]
    case .toBatch, .newLine: [:]
    case .tokenize(let step):
      [
        "max_length": .integer(step.maxLength), "task_key": "task", "padding_side": "right",
        "padding": .string(step.padding), "truncation": true, "tokenizer_name": .string(step.tokenizerName),
      ]
    case .device(let config): config
    case .normalize(let normalization), .unnormalize(let normalization): normalization.config
    }
  }

  var statistics: StateDictionary? {
    switch self {
    case .normalize(let normalization), .unnormalize(let normalization): normalization.statistics
    default: nil
    }
  }
}
