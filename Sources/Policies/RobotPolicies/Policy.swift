import CounterBasedRandom
import LibTorch
import NeuralNetworks
import OrderedCollections

/// A training step's result, before gradients.
public struct PolicyLoss {
  /// The scalar that gradients are computed of.
  public let total: Tensor
  /// Scalars worth logging, by their log key; read back only when a line is written.
  public let metrics: OrderedDictionary<String, Tensor>

  /// A loss and what is logged with it.
  public init(total: Tensor, metrics: OrderedDictionary<String, Tensor>) {
    self.total = total
    self.metrics = metrics
  }
}

/// What a policy must be shown of an episode's past at each planning step.
public struct ObservationHistory: Sendable, Equatable {
  public let camera: String
  /// How many of the last environment steps, the current one included.
  public let frames: Int

  public init(camera: String, frames: Int) {
    self.camera = camera
    self.frames = frames
  }
}

/// The interface that training and evaluation use: a policy has parameters and a loss, and plans action chunks.
public protocol Policy: AnyObject {
  /// Everything that is learned or frozen, under the checkpoint's names.
  var parameters: ParameterStore { get }

  /// Features, and the numbers of actions planned and executed.
  var interface: PolicyInterface { get }

  /// The batch with everything random that its loss needs and the batch does not bring; by default the batch itself.
  func drawing(for batch: Batch, random: CountedRandom) throws -> Batch

  /// The loss of a preprocessed batch from ``drawing(for:random:)``: a function of batch and parameters alone, which reads
  /// no number back, so that a GPU can repeat it as a graph.
  func loss(of batch: Batch) throws -> PolicyLoss

  /// Plans actions [B, chunk, action] for a preprocessed batch of observations, without gradients.
  ///
  /// - Parameter random: one for each row, so that an episode's noise does not depend on its neighbors.
  func actionChunk(for batch: Batch, random: [CountedRandom]) throws -> Tensor

  /// The past that `actionChunk` needs beside the observation, if any.
  var history: ObservationHistory? { get }

  /// Whether a row's plan depends on the rows beside it, as where memories are exchanged.
  var plansDependOnBatch: Bool { get }

  /// Loads resources that only rollouts need, so that problems surface early.
  func prepareForRollouts() throws

  /// Norms of groups of gradients after `backward()`, by log key.
  func gradientMetrics() throws -> OrderedDictionary<String, Tensor>

  /// Whether a parameter belongs to a model beside the policy, whose gradients must not count when the policy's are clipped.
  func isTrainedApart(_ parameter: String) -> Bool
}

extension Policy {
  public func drawing(for batch: Batch, random: CountedRandom) throws -> Batch { batch }

  /// The loss of a preprocessed batch. Whatever is drawn comes from `random`, unless the batch brings it.
  public func loss(of batch: Batch, random: CountedRandom) throws -> PolicyLoss {
    try loss(of: drawing(for: batch, random: random))
  }

  /// None: most policies see the present alone.
  public var history: ObservationHistory? { nil }
  public var plansDependOnBatch: Bool { false }
  public func prepareForRollouts() {}
  public func gradientMetrics() throws -> OrderedDictionary<String, Tensor> { [:] }
  public func isTrainedApart(_ parameter: String) -> Bool { false }

  /// Clips the policy's gradients and, on their own, those of a model that is trained apart; returns the policy's norm.
  public func clipGradients(toNorm maximum: Double) throws -> Tensor {
    _ = try parameters.clipGradients(toNorm: maximum, where: isTrainedApart)
    return try parameters.clipGradients(toNorm: maximum) { !isTrainedApart($0) }
  }
}

/// A policy whose computation can be compared with LeRobot's, step by step.
public protocol InspectablePolicy: Policy {
  /// Numbers on the way to the loss, under the names of LeRobot's goldens (`mid/…`, `out/…`), for comparison.
  func intermediates(of batch: Batch, random: CountedRandom) throws -> OrderedDictionary<String, Tensor>
}
