import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections

/// LeRobot's processor pipeline: what is done to a batch before the policy, or to actions after it.
public struct Processor {
  /// `policy_preprocessor` or `policy_postprocessor`; also the name of its file.
  public var name: String
  public var steps: [any ProcessorStep]

  public init(name: String, steps: [any ProcessorStep]) {
    self.name = name
    self.steps = steps
  }

  /// Prepares a batch and its instructions for the policy on `device`.
  public func callAsFunction(_ batch: Batch, tasks: [String], device: Device) throws -> Batch {
    var state = ProcessorState(
      batch: try batch.normalizingPixels(on: device), instructions: tasks, device: device)
    for step in steps { try step.apply(&state) }
    return state.batch
  }

  /// Returns planned actions to the environment's scale, on the CPU.
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
    map { $0.adopting(statistics, inputs: inputs, outputs: outputs, modes: modes) }
  }

  /// Throws if a step lacks a statistic.
  public func checkStatistics() throws { for step in steps { try step.checkStatistics() } }

  /// What features are called after this pipeline.
  public func renamed(_ names: [String]) -> [String] {
    steps.compactMap { $0 as? RenameStep }.reduce(names) { names, step in names.map { step.names[$0] ?? $0 } }
  }

  /// The standard deviation of each number of the state in the training data; nil if the statistics have none.
  public var stateDeviation: [Float]? {
    let statistics = steps.lazy.compactMap { ($0 as? NormalizerStep)?.normalization.statistics }.first
    let deviation = try? statistics?["\(BatchKey.state).std"]?.to(.float32).scalars(Float.self)
    return deviation.flatMap { $0.allSatisfy(\.isFinite) ? $0 : nil }
  }

  /// The shape of the state's statistics; nil where it is not normalized.
  public var stateShape: [Int]? {
    let normalization = steps.lazy.compactMap { ($0 as? NormalizerStep)?.normalization }.first
    return normalization?.statisticShape(of: BatchKey.state)
  }

  /// The same pipeline for a state of another shape.
  public func givingState(_ shape: [Int]) -> Processor {
    map { step in
      guard var normalization = (step as? NormalizerStep)?.normalization else { return step }
      normalization.features[BatchKey.state]?.shape = shape
      return NormalizerStep(normalization)
    }
  }

  /// The same pipeline, its tokenizer under another name.
  public func namingTokenizer(_ name: String) -> Processor {
    map { step in
      guard var tokenizer = step as? TokenizerStep else { return step }
      tokenizer.tokenizerName = name
      return tokenizer
    }
  }

  /// The same pipeline with other camera or state names.
  public func renaming(_ names: OrderedDictionary<String, String>) -> Processor {
    map { $0 is RenameStep ? RenameStep(names) : $0 }
  }

  private func map(_ change: (any ProcessorStep) -> any ProcessorStep) -> Processor {
    Processor(name: name, steps: steps.map(change))
  }
}

extension Processor {
  /// Reads `NAME.json` and the state files it names from a checkpoint.
  ///
  /// - Parameters:
  ///   - name: `policy_preprocessor` or `policy_postprocessor`.
  ///   - findTokenizer: returns the folder of a tokenizer's name.
  /// - Throws: the step that is not supported, or the file that is not valid.
  public init(named name: String, in directory: URL, findTokenizer: @escaping (String) throws -> URL) throws {
    let file = directory.appendingPathComponent("\(name).json")
    guard let entries = try JSON(contentsOf: file)["steps"]?.array else {
      throw Failure("\(file.path): expected a list of steps")
    }
    let steps = try entries.map { entry -> any ProcessorStep in
      let statistics = try entry["state_file"]?.string.map { try Tensor.load(contained($0, in: directory)) }
      let registryName = entry["registry_name"]?.string ?? ""
      guard let type = Self.registry.first(where: { $0.registryName == registryName }) else {
        throw Failure("\(file.path): the step \(registryName) is not supported")
      }
      return try type.init(
        entry["config"] ?? [:],
        ProcessorStepSource(statistics: statistics ?? [:], place: file.path, findTokenizer: findTokenizer))
    }
    self.init(name: name, steps: steps)
  }

  /// Writes `NAME.json` and a state file for each step that has statistics.
  public func write(to directory: URL) throws {
    var entries: [JSON] = []
    for (index, step) in steps.enumerated() {
      let registryName = type(of: step).registryName
      var entry: OrderedDictionary<String, JSON> = ["registry_name": .string(registryName), "config": step.config]
      if let statistics = step.statistics {
        let file = "\(name)_step_\(index)_\(registryName).safetensors"
        try Tensor.save(statistics, to: directory.appendingPathComponent(file))
        entry["state_file"] = .string(file)
      }
      entries.append(.object(entry))
    }
    try JSON.object(["name": .string(name), "steps": .array(entries)])
      .write(to: directory.appendingPathComponent("\(name).json"), layout: .indented(2))
  }
}
