import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections

/// What passes through a pipeline.
public struct ProcessorState {
  public var batch: Batch
  /// One for each row.
  public var instructions: [String]
  public let device: Device
}

/// What a step is read from: its state file and where it is used.
public struct ProcessorStepSource {
  let statistics: StateDictionary
  /// The pipeline's file, for errors.
  let place: String
  /// Returns the folder of a tokenizer's name.
  let findTokenizer: (String) throws -> URL
}

/// One step between data and policy. A new step is a type of its own and an entry in `Processor.registry`.
public protocol ProcessorStep: SendableMetatype {
  /// LeRobot's name of the step.
  static var registryName: String { get }
  /// The step's `config` object, as LeRobot writes it.
  var config: JSON { get }
  /// What the step's state file holds; nil for no file.
  var statistics: StateDictionary? { get }

  init(_ config: JSON, _ source: ProcessorStepSource) throws

  func apply(_ state: inout ProcessorState) throws

  /// The same step for another dataset's features, modes and statistics; nil keeps the step's own statistics.
  func adopting(
    _ statistics: StateDictionary?, inputs: PolicyFeatures, outputs: PolicyFeatures,
    modes: OrderedDictionary<FeatureType, NormalizationMode>
  ) -> Self

  /// Throws if a statistic that the step needs is missing.
  func checkStatistics() throws
}

extension ProcessorStep {
  public var statistics: StateDictionary? { nil }

  public func adopting(
    _ statistics: StateDictionary?, inputs: PolicyFeatures, outputs: PolicyFeatures,
    modes: OrderedDictionary<FeatureType, NormalizationMode>
  ) -> Self { self }

  public func checkStatistics() throws {}
}

extension Processor {
  /// The steps that can be read from a checkpoint.
  static let registry: [any ProcessorStep.Type] = [
    RenameStep.self, ToBatchStep.self, NewLineStep.self, TokenizerStep.self, DeviceStep.self, NormalizerStep.self,
    UnnormalizerStep.self,
  ]
}
