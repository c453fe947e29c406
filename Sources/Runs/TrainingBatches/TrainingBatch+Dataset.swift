import Failures
import Foundation
import LeRobotDatasets
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PolicyTraining
import PretrainedPolicies
import RobotPolicies
import WorldModality

extension TrainingFeatures {
  /// A dataset's features and statistics under the policy's names.
  ///
  /// - Parameter usesImageNetStatistics: whether cameras get ImageNet's mean and deviation, as LeRobot gives them.
  public init(
    _ dataset: LeRobotDataset, renaming: OrderedDictionary<String, String>, usesImageNetStatistics: Bool
  ) throws {
    var inputs: PolicyFeatures = [:]
    var outputs: PolicyFeatures = [:]
    var statistics: StateDictionary = [:]
    let known =
      dataset.statistics.isEmpty ? try dataset.recomputedStatistics(includingImages: false) : dataset.statistics
    for (name, feature) in dataset.metadata.features {
      let policyName = renaming[name] ?? name
      if let size = feature.imageSize {
        inputs[policyName] = PolicyFeature(.visual, [3, size.height, size.width])
      } else if policyName == BatchKey.state {
        inputs[policyName] = PolicyFeature(.state, feature.shape)
      } else if policyName == BatchKey.action {
        outputs[policyName] = PolicyFeature(.action, feature.shape)
      }
      for (statistic, values) in known[name]?.named ?? [] {
        let shape = statistic == "count" ? [1] : known[name]?.shape ?? []
        statistics["\(policyName).\(statistic)"] = try Tensor(values.map(Float.init), shape: shape)
      }
      if usesImageNetStatistics, feature.dataType.isVisual {
        statistics["\(policyName).mean"] = try Tensor([0.485, 0.456, 0.406] as [Float], shape: [3, 1, 1])
        statistics["\(policyName).std"] = try Tensor([0.229, 0.224, 0.225] as [Float], shape: [3, 1, 1])
      }
    }
    let found = dataset.metadata.features.keys.joined(separator: ", ")
    guard inputs[BatchKey.state] != nil, outputs[BatchKey.action] != nil else {
      throw Failure(
        "\(dataset.root.path) has no observation.state or no action among \(found); map names with `rename_map`")
    }
    guard !inputs.of(.visual).isEmpty else { throw Failure("\(dataset.root.path) has no camera among \(found)") }
    self.init(inputs: inputs, outputs: outputs, statistics: statistics)
  }
}

extension TrainingBatch {
  /// Creates the tensors of a dataset's samples; recorded images stay pixels, transformed ones are [B, 3, H, W] in [0, 1].
  public init(_ samples: SampleBatch) throws {
    let count = samples.positions.count
    var batch = Batch()
    for (camera, images) in samples.images.sorted(by: { $0.key < $1.key }) {
      switch images.pixels {
      case .recorded(let pixels):
        batch[camera] = try Tensor(pixels, shape: [count, images.height, images.width, 3])
      case .transformed(let values):
        batch[camera] = try Tensor(values, shape: [count, 3, images.height, images.width])
      }
    }
    for (name, values) in samples.features.sorted(by: { $0.key < $1.key }) {
      batch[name] = try Tensor(values, shape: [count, values.count / count])
    }
    let chunk = samples.actionIsPadding.count / count
    batch[BatchKey.action] = try Tensor(
      samples.actions, shape: [count, chunk, samples.actions.count / max(1, count * chunk)])
    batch[BatchKey.actionIsPad] = try Tensor(samples.actionIsPadding, shape: [count, chunk])
    self.init(batch: batch, instructions: samples.frames.map(\.task))
  }
}
