import Failures
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections

/// How a feature is brought to the scale that the policy was trained at.
public enum NormalizationMode: String, Sendable, CaseIterable, ConfigurationValue {
  /// Left as it is.
  case identity = "IDENTITY"
  /// To mean 0 and standard deviation 1.
  case meanStandardDeviation = "MEAN_STD"
  /// To −1…1.
  case minimumMaximum = "MIN_MAX"
}

/// LeRobot's normalizer and un-normalizer: what is done to which feature, with which statistics.
public struct Normalization {
  /// The features it may meet.
  public var features: PolicyFeatures
  /// The mode of each type of feature; absent types stay as they are.
  public var modes: OrderedDictionary<FeatureType, NormalizationMode>
  /// `FEATURE.mean`, `FEATURE.std`, … as the state file holds them.
  public var statistics: StateDictionary { didSet { prepared = TensorCache() } }
  /// Keeps the division by the deviation finite.
  public var epsilon: Double
  /// The statistics as the tensors they meet need them.
  private var prepared = TensorCache<PreparedStatistic>()

  private struct PreparedStatistic: Hashable {
    let name: String
    let dtype: DType, device: Device
  }

  /// A normalization; `check` says whether its statistics are all there.
  public init(
    features: PolicyFeatures, modes: OrderedDictionary<FeatureType, NormalizationMode>, statistics: StateDictionary,
    epsilon: Double = 1e-8
  ) {
    self.features = features
    self.modes = modes
    self.statistics = statistics
    self.epsilon = epsilon
  }

  /// Refuses to continue without a statistic that is needed, where LeRobot would leave the numbers as they are.
  ///
  /// - Throws: the feature whose statistics are missing, of another size or not finite.
  public func check() throws {
    for (name, feature) in features {
      for statistic in needed(feature.type) {
        guard let tensor = statistics["\(name).\(statistic)"] else { throw missing("\(name).\(statistic)") }
        guard tensor.shape == feature.shape || feature.type == .visual && tensor.shape == [3, 1, 1] else {
          throw Failure(
            "the statistic \(name).\(statistic) has the shape \(tensor.shape), the feature \(feature.shape); take the "
              + "dataset's (`normalization=dataset`)")
        }
        guard let values = try? tensor.to(.float32).scalars(Float.self), values.allSatisfy(\.isFinite) else {
          throw Failure(
            "the statistic \(name).\(statistic) of the checkpoint's processors is not finite: it was saved before it had "
              + "any; start a new run from it with `normalization=dataset`")
        }
        guard statistic != "std" || values.allSatisfy({ $0 >= 0 }) else {
          throw Failure("the statistic \(name).std is negative; take the dataset's (`normalization=dataset`)")
        }
      }
    }
  }

  private func missing(_ name: String) -> Failure {
    let others = statistics.keys.filter { key in !features.keys.contains { key.hasPrefix("\($0).") } }
    guard others.isEmpty else {
      return Failure(
        "there is no statistic \(name) to normalize with, only those of single datasets "
          + "(\(others.prefix(4).joined(separator: ", "))…); train on one first, which takes that one's "
          + "(`normalization=dataset`)")
    }
    return Failure(
      "no statistic \(name) to normalize with; take the dataset's (`normalization=dataset`) or repair the "
        + "checkpoint's processor files")
  }

  /// The shape of the first statistic that a feature is normalized with; nil where there is none.
  func statisticShape(of feature: String) -> [Int]? {
    guard let type = features[feature]?.type, let statistic = needed(type).first else { return nil }
    return statistics["\(feature).\(statistic)"]?.shape
  }

  private func needed(_ type: FeatureType) -> [String] {
    switch modes[type] ?? .identity {
    case .identity: []
    case .meanStandardDeviation: ["mean", "std"]
    case .minimumMaximum: ["min", "max"]
    }
  }

  /// Every feature of the batch, normalized.
  public func normalize(_ batch: Batch) throws -> Batch {
    var result = batch
    for (name, feature) in features {
      guard let tensor = batch[name] else { continue }
      switch modes[feature.type] ?? .identity {
      case .identity: break
      case .meanStandardDeviation:
        let (mean, deviation) = try (statistic(name, "mean", tensor), statistic(name, "std", tensor))
        result[name] = try (tensor - mean) / (deviation + epsilon)
      case .minimumMaximum:
        let (low, range) = try lowAndRange(name, tensor)
        result[name] = try (tensor - low) * 2 / range - 1
      }
    }
    return result
  }

  /// The inverse, for one feature.
  public func unnormalize(_ tensor: Tensor, _ name: String) throws -> Tensor {
    guard let feature = features[name] else { return tensor }
    switch modes[feature.type] ?? .identity {
    case .identity: return tensor
    case .meanStandardDeviation:
      return try tensor * statistic(name, "std", tensor) + statistic(name, "mean", tensor)
    case .minimumMaximum:
      let (low, range) = try lowAndRange(name, tensor)
      return try (tensor + 1) / 2 * range + low
    }
  }

  private func statistic(_ feature: String, _ name: String, _ like: Tensor) throws -> Tensor {
    guard let tensor = statistics["\(feature).\(name)"] else {
      throw Failure("no statistic \(feature).\(name) to normalize with")
    }
    // A single number would be stretched.
    if tensor.rank == 1, like.shape.last != tensor.size(0) {
      throw Failure("\(feature) has the shape \(like.shape), and its statistics are of \(tensor.size(0)) numbers")
    }
    return try prepared(PreparedStatistic(name: "\(feature).\(name)", dtype: like.dtype, device: like.device)) {
      try tensor.to(like.dtype).to(like.device)
    }
  }

  /// A range of 0 becomes epsilon, so that a constant feature maps to -1.
  private func lowAndRange(_ name: String, _ like: Tensor) throws -> (Tensor, Tensor) {
    let low = try statistic(name, "min", like)
    let range = try statistic(name, "max", like) - low
    return (low, try range.maskedFill(range.equals(range.zerosLike()), value: epsilon))
  }
}

/// Reads `{"STATE": "MEAN_STD", …}`.
///
/// - Throws: the mode that is not supported, and `place`.
public func normalizationModes(
  _ json: JSON?, in place: String
) throws -> OrderedDictionary<FeatureType, NormalizationMode> {
  var modes: OrderedDictionary<FeatureType, NormalizationMode> = [:]
  for (type, mode) in json?.object ?? [:] {
    guard let type = FeatureType(rawValue: type) else {
      throw Failure(
        "\(place): the normalization is of \(type), expected "
          + FeatureType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    guard let mode = mode.string.flatMap(NormalizationMode.init(rawValue:)) else {
      throw Failure(
        "\(place): the normalization \(type.rawValue): \(mode.text(.compact)) is not supported, only "
          + NormalizationMode.allCases.map(\.rawValue).joined(separator: ", "))
    }
    modes[type] = mode
  }
  return modes
}

extension Normalization {
  /// Reads a step's `config` object.
  init(_ config: JSON, statistics: StateDictionary, in place: String) throws {
    let epsilon = config["eps"] ?? 1e-8
    guard let epsilon = epsilon.double, epsilon.isFinite, epsilon >= 0 else {
      throw Failure(
        "\(place): expected `eps` of the normalization to be a number from 0, found \(epsilon.text(.compact))")
    }
    self.init(
      features: try PolicyFeatures(config["features"], in: place),
      modes: try normalizationModes(config["norm_map"], in: place),
      statistics: statistics, epsilon: epsilon)
  }

  var config: JSON {
    let modes = OrderedDictionary(uniqueKeysWithValues: modes.map { ($0.rawValue, JSON.string($1.rawValue)) })
    return ["eps": .number(epsilon), "features": features.json, "norm_map": .object(modes)]
  }
}
