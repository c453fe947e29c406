import NeuralNetworks
import RobotPolicies

/// What a dataset offers a new run: features by name, and statistics as the normalizer's state file holds them.
public struct TrainingFeatures {
  /// Features that may be read, and the action.
  public var inputs, outputs: PolicyFeatures
  /// `FEATURE.mean`, `FEATURE.std`, …
  public var statistics: StateDictionary
  /// What a user should know of them, in whole lines.
  public var notices: [String] = []

  /// Features of a dataset, under the policy's names.
  public init(inputs: PolicyFeatures, outputs: PolicyFeatures, statistics: StateDictionary) {
    self.inputs = inputs
    self.outputs = outputs
    self.statistics = statistics
  }
}
