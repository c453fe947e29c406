import Foundation
import ModelFiles
import NeuralNetworks
import OrderedCollections
import LibTorch

/// One step between data and policy, under LeRobot's registry names.
public enum ProcessorStep {
  /// Features renamed, old name to new.
  case rename(OrderedDictionary<String, String>)
  /// Samples here always come as batches, so this does nothing; kept for LeRobot.
  case toBatch
  /// A newline after each instruction that has none.
  case newLine
  /// Instructions to token ids.
  case tokenize(TokenizerStep)
  /// Moved to the device in use; the name in the file is only LeRobot's default.
  case device(JSON)
  /// Observations and actions to the numbers that the policy computes with.
  case normalize(Normalization)
  /// Actions back to the robot's units.
  case unnormalize(Normalization)
}

/// How instructions become tokens.
public struct TokenizerStep: Sendable {
  /// Longer instructions are cut.
  public var maxLength: Int
  /// `longest` of the batch, or `max_length`.
  public var padding: String
  /// The directory or repository that holds the tokenizer.
  public var tokenizerName: String
  let tokenizer: Tokenizer

  public init(maxLength: Int, padding: String, tokenizerName: String, tokenizer: Tokenizer) {
    self.maxLength = maxLength
    self.padding = padding
    self.tokenizerName = tokenizerName
    self.tokenizer = tokenizer
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

/// LeRobot's processor pipeline: what is done to a batch before the policy, or to actions after it.
public struct Processor {
  /// `policy_preprocessor` or `policy_postprocessor`; also the name of its file.
  public var name: String
  public var steps: [ProcessorStep]

  public init(name: String, steps: [ProcessorStep]) {
    self.name = name
    self.steps = steps
  }

  /// Prepares a batch and its instructions for the policy on `device`.
  public func callAsFunction(_ batch: Batch, tasks: [String], device: Device) throws -> Batch {
    var batch = try batch.normalizingPixels(on: device)
    var tasks = tasks
    for step in steps {
      switch step {
      case .rename(let names):
        // All at once, so that two names can change places.
        let renamed = batch.tensors.map { (names[$0] ?? $0, $1) }
        batch.tensors = OrderedDictionary(renamed) { $1 }
      case .toBatch: break
      case .newLine: tasks = tasks.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }
      case .tokenize(let tokenize):
        let (tokens, mask) = try tokenize(tasks)
        batch[BatchKey.tokens] = tokens
        batch[BatchKey.tokenMask] = mask
      case .device: batch = try batch.to(device)
      case .normalize(let normalization): batch = try normalization.normalize(batch)
      case .unnormalize(let normalization):
        for (key, tensor) in batch.tensors { batch[key] = try normalization.unnormalize(tensor, key) }
      }
    }
    return batch
  }

  /// Brings planned actions back to the environment's scale, on the CPU.
  public func callAsFunction(actions: Tensor) throws -> Tensor {
    try self(Batch([BatchKey.action: actions]), tasks: [], device: .cpu).require(BatchKey.action)
  }

  /// The same pipeline with other features, modes and statistics: LeRobot's rule for a new run on a dataset.
  ///
  /// - Parameter statistics: nil keeps the pipeline's own.
  public func adopting(
    statistics: StateDictionary?, inputs: PolicyFeatures, outputs: PolicyFeatures,
    modes: OrderedDictionary<FeatureType, NormalizationMode>
  ) -> Processor {
    var copy = self
    copy.steps = steps.map { step in
      switch step {
      case .normalize(let old):
        .normalize(
          Normalization(
            features: inputs.merging(outputs) { first, _ in first }, modes: modes,
            statistics: statistics ?? old.statistics, epsilon: old.epsilon))
      case .unnormalize(let old):
        .unnormalize(
          Normalization(
            features: outputs, modes: modes, statistics: statistics ?? old.statistics, epsilon: old.epsilon))
      default: step
      }
    }
    return copy
  }

  /// Refuses a pipeline that lacks a statistic.
  public func checkStatistics() throws {
    for step in steps {
      switch step {
      case .normalize(let normalization), .unnormalize(let normalization): try normalization.check()
      default: break
      }
    }
  }

  /// What features are called after this pipeline.
  public func renamed(_ names: [String]) -> [String] {
    steps.reduce(names) { names, step in
      if case .rename(let map) = step { names.map { map[$0] ?? $0 } } else { names }
    }
  }

  /// The same pipeline, its tokenizer under another name.
  public func namingTokenizer(_ name: String) -> Processor {
    var copy = self
    copy.steps = steps.map { step in
      guard case .tokenize(var tokenize) = step else { return step }
      tokenize.tokenizerName = name
      return .tokenize(tokenize)
    }
    return copy
  }

  /// The same pipeline with other camera or state names.
  public func renaming(_ names: OrderedDictionary<String, String>) -> Processor {
    var copy = self
    copy.steps = steps.map { if case .rename = $0 { .rename(names) } else { $0 } }
    return copy
  }
}
