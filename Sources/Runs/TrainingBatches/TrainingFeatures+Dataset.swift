import Failures
import LeRobotDatasets
import LibTorch
import NeuralNetworks
import OrderedCollections
import PretrainedPolicies
import RobotPolicies

extension TrainingFeatures {
  /// A dataset's features and statistics under the policy's names.
  ///
  /// Statistics of state and action, and of cameras that are normalized, are taken from the data where the dataset has
  /// none that fit.
  ///
  /// - Parameters:
  ///   - usesImageNetStatistics: whether cameras get ImageNet's mean and deviation, as LeRobot gives them.
  ///   - normalizesImages: whether the policy normalizes cameras.
  /// - Throws: if there is no state, action or camera, or their numbers are not finite.
  public init(
    _ dataset: LeRobotDataset, renaming: OrderedDictionary<String, String>, usesImageNetStatistics: Bool,
    normalizesImages: Bool = false
  ) throws {
    var inputs: PolicyFeatures = [:]
    var outputs: PolicyFeatures = [:]
    var (numeric, needed): ([String], [String]) = ([], [])
    for (name, feature) in dataset.metadata.features {
      let policyName = renaming[name] ?? name
      if let size = feature.imageSize {
        inputs[policyName] = PolicyFeature(.visual, [3, size.height, size.width])
        if normalizesImages, !usesImageNetStatistics { needed.append(name) }
      } else if policyName == BatchKey.state {
        inputs[policyName] = PolicyFeature(.state, feature.shape)
        numeric.append(name)
      } else if policyName == BatchKey.action {
        outputs[policyName] = PolicyFeature(.action, feature.shape)
        numeric.append(name)
      }
    }
    try Self.check(inputs, outputs, dataset)
    try dataset.checkFinite(numeric)
    let (known, notices) = try Self.statistics(dataset, needed: numeric + needed)
    var statistics: StateDictionary = [:]
    for (name, feature) in dataset.metadata.features {
      let policyName = renaming[name] ?? name
      for (statistic, values) in known[name]?.named ?? [] {
        let shape = statistic == "count" ? [1] : known[name]?.shape ?? []
        statistics["\(policyName).\(statistic)"] = try Tensor(values.map(Float.init), shape: shape)
      }
      if usesImageNetStatistics, feature.dataType.isVisual {
        statistics["\(policyName).mean"] = try Tensor([0.485, 0.456, 0.406] as [Float], shape: [3, 1, 1])
        statistics["\(policyName).std"] = try Tensor([0.229, 0.224, 0.225] as [Float], shape: [3, 1, 1])
      }
    }
    self.init(inputs: inputs, outputs: outputs, statistics: statistics)
    self.notices = notices
  }

  private static func check(_ inputs: PolicyFeatures, _ outputs: PolicyFeatures, _ dataset: LeRobotDataset) throws {
    let found = dataset.metadata.features.keys.joined(separator: ", ")
    let unreadable = dataset.metadata.unreadable.elements.first.map { " (left out: \($0.key), \($0.value))" } ?? ""
    guard inputs[BatchKey.state] != nil, outputs[BatchKey.action] != nil else {
      throw Failure(
        "\(dataset.root.path) has no observation.state or no action among \(found)\(unreadable); map names with "
          + "`rename_map`")
    }
    guard !inputs.of(.visual).isEmpty else {
      throw Failure("\(dataset.root.path) has no camera among \(found)\(unreadable)")
    }
  }

  /// The dataset's statistics; those of `needed` features that are missing or do not fit are taken from the data.
  private static func statistics(
    _ dataset: LeRobotDataset, needed: [String]
  ) throws -> (OrderedDictionary<String, FeatureStatistics>, notices: [String]) {
    let unfit = needed.filter { name in
      guard let feature = dataset.metadata.features[name], let known = dataset.statistics[name] else { return true }
      return known.shape != (feature.dataType.isVisual ? [3, 1, 1] : feature.shape)
        || known.named.contains { !$0.values.allSatisfy(\.isFinite) } || known.standardDeviation.contains { $0 < 0 }
    }
    guard !unfit.isEmpty else { return (dataset.statistics, []) }
    let taken = try dataset.recomputedStatistics(of: unfit)
    let notice =
      "statistics of \(unfit.joined(separator: ", ")) are missing in \(dataset.root.path), or do not fit: taken from the "
      + "chosen episodes"
    return (dataset.statistics.merging(taken) { $1 }, [notice])
  }
}
