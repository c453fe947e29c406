import Failures
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections

/// Renames features, old name to new.
public struct RenameStep: ProcessorStep {
  public static let registryName = "rename_observations_processor"
  let names: OrderedDictionary<String, String>

  public init(_ names: OrderedDictionary<String, String>) { self.names = names }

  public init(_ config: JSON, _ source: ProcessorStepSource) {
    names = (config["rename_map"]?.object ?? [:]).compactMapValues(\.string)
  }

  public var config: JSON { ["rename_map": .object(names.mapValues(JSON.string))] }

  /// - Throws: two features that would get one name.
  public func apply(_ state: inout ProcessorState) throws {
    // All at once, so that two names can change places.
    let renamed = state.batch.tensors.map { (names[$0] ?? $0, $1) }
    state.batch.tensors = try OrderedDictionary(renamed) { _, _ in
      throw Failure("the processor's rename_map gives two features of the batch one name; fix `rename_map`")
    }
  }
}

/// Does nothing, because samples are always batches here; kept for LeRobot.
public struct ToBatchStep: ProcessorStep {
  public static let registryName = "to_batch_processor"

  public init() {}

  public init(_ config: JSON, _ source: ProcessorStepSource) {}

  public var config: JSON { [:] }

  public func apply(_ state: inout ProcessorState) {}
}

/// Appends a newline to each instruction that has none.
public struct NewLineStep: ProcessorStep {
  public static let registryName = "smolvla_new_line_processor"

  public init() {}

  public init(_ config: JSON, _ source: ProcessorStepSource) {}

  public var config: JSON { [:] }

  public func apply(_ state: inout ProcessorState) {
    state.instructions = state.instructions.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }
  }
}

/// Converts instructions to token ids.
public struct TokenizerStep: ProcessorStep {
  public static let registryName = "tokenizer_processor"
  /// Longer instructions are cut.
  let maxLength: Int
  /// `longest` of the batch, or `max_length`.
  let padding: String
  /// The directory or repository that holds the tokenizer.
  var tokenizerName: String
  private let tokenizer: Tokenizer

  public init(maxLength: Int, padding: String, tokenizerName: String, tokenizer: Tokenizer) {
    self.maxLength = maxLength
    self.padding = padding
    self.tokenizerName = tokenizerName
    self.tokenizer = tokenizer
  }

  public init(_ config: JSON, _ source: ProcessorStepSource) throws {
    guard let name = config["tokenizer_name"]?.string else {
      throw Failure("\(source.place): the tokenizer step names no tokenizer")
    }
    guard config["padding_side"]?.string ?? "right" == "right", let maxLength = config["max_length"]?.integer,
      maxLength > 0, let padding = config["padding"]?.string, ["longest", "max_length"].contains(padding)
    else {
      throw Failure("\(source.place): the tokenizer step must pad on the right, to longest or max_length")
    }
    self.init(
      maxLength: maxLength, padding: padding, tokenizerName: name,
      tokenizer: try Tokenizer(directory: source.findTokenizer(name)))
  }

  public var config: JSON {
    [
      "max_length": .integer(maxLength), "task_key": "task", "padding_side": "right", "padding": .string(padding),
      "truncation": true, "tokenizer_name": .string(tokenizerName),
    ]
  }

  public func apply(_ state: inout ProcessorState) throws {
    let (tokens, mask) = try self(state.instructions)
    state.batch[BatchKey.tokens] = tokens
    state.batch[BatchKey.tokenMask] = mask
  }

  /// Token ids [B, L] and their mask, padded on the right.
  func callAsFunction(_ tasks: [String]) throws -> (tokens: Tensor, mask: Tensor) {
    let rows = tasks.map { tokenizer.encode($0, maxLength: maxLength) }
    let length = padding == "max_length" ? maxLength : max(rows.map(\.count).max() ?? 0, 1)
    let filler = tokenizer.paddingID ?? 0
    let tokens = rows.flatMap { $0 + Array(repeating: filler, count: length - $0.count) }
    let mask = rows.flatMap { row in (0..<length).map { $0 < row.count } }
    return (
      try Tensor(tokens, shape: [rows.count, length]), try Tensor(mask, shape: [rows.count, length])
    )
  }
}

/// Moves the batch to the device in use; the name in the file is only LeRobot's default.
public struct DeviceStep: ProcessorStep {
  public static let registryName = "device_processor"
  public let config: JSON

  public init(_ config: JSON) { self.config = config }

  public init(_ config: JSON, _ source: ProcessorStepSource) { self.config = config }

  public func apply(_ state: inout ProcessorState) throws { state.batch = try state.batch.to(state.device) }
}

/// A step that is a normalization, whose statistics are in a state file.
protocol NormalizationStep: ProcessorStep {
  var normalization: Normalization { get }
  init(_ normalization: Normalization)
}

extension NormalizationStep {
  public init(_ config: JSON, _ source: ProcessorStepSource) throws {
    self.init(try Normalization(config, statistics: source.statistics, in: source.place))
  }

  public var config: JSON { normalization.config }
  public var statistics: StateDictionary? { normalization.statistics }

  public func checkStatistics() throws { try normalization.check() }

  func adopting(
    _ statistics: StateDictionary?, features: PolicyFeatures, modes: OrderedDictionary<FeatureType, NormalizationMode>
  ) -> Self {
    Self(
      Normalization(
        features: features, modes: modes, statistics: statistics ?? normalization.statistics,
        epsilon: normalization.epsilon))
  }
}

/// Normalizes observations and actions.
public struct NormalizerStep: NormalizationStep {
  public static let registryName = "normalizer_processor"
  let normalization: Normalization

  public init(_ normalization: Normalization) { self.normalization = normalization }

  public func apply(_ state: inout ProcessorState) throws { state.batch = try normalization.normalize(state.batch) }

  public func adopting(
    _ statistics: StateDictionary?, inputs: PolicyFeatures, outputs: PolicyFeatures,
    modes: OrderedDictionary<FeatureType, NormalizationMode>
  ) -> NormalizerStep {
    adopting(statistics, features: inputs.merging(outputs) { first, _ in first }, modes: modes)
  }
}

/// Returns actions to the robot's units.
public struct UnnormalizerStep: NormalizationStep {
  public static let registryName = "unnormalizer_processor"
  let normalization: Normalization

  public init(_ normalization: Normalization) { self.normalization = normalization }

  public func apply(_ state: inout ProcessorState) throws {
    for (key, tensor) in state.batch.tensors { state.batch[key] = try normalization.unnormalize(tensor, key) }
  }

  public func adopting(
    _ statistics: StateDictionary?, inputs: PolicyFeatures, outputs: PolicyFeatures,
    modes: OrderedDictionary<FeatureType, NormalizationMode>
  ) -> UnnormalizerStep { adopting(statistics, features: outputs, modes: modes) }
}
