import ModelFiles
import OrderedCollections

/// What a feature is, in LeRobot's words.
public enum FeatureType: String, Sendable {
  case state = "STATE"
  case visual = "VISUAL"
  case action = "ACTION"
  case environment = "ENV"
}

/// One input or output of a policy.
public struct PolicyFeature: Sendable, Equatable {
  /// What it is.
  public var type: FeatureType
  /// Its sizes for one sample; images are [3, H, W].
  public var shape: [Int]

  /// A feature.
  public init(_ type: FeatureType, _ shape: [Int]) {
    self.type = type
    self.shape = shape
  }
}

/// Features by name, in the policy's order.
public typealias PolicyFeatures = OrderedDictionary<String, PolicyFeature>

extension PolicyFeatures {
  /// Reads LeRobot's form, `{"name": {"type": "STATE", "shape": [8]}}`.
  ///
  /// - Throws: the feature that does not fit, and `place`.
  public init(_ json: JSON?, in place: String) throws(PolicyError) {
    guard let members = json?.object else { throw PolicyError("\(place): expected an object of features") }
    self.init()
    for (name, value) in members {
      guard let type = value["type"]?.string.flatMap(FeatureType.init(rawValue:)) else {
        throw PolicyError("\(place): feature \(name) has no type out of STATE, VISUAL, ACTION, ENV")
      }
      let shape = value["shape"]?.array?.compactMap(\.integer) ?? []
      guard !shape.isEmpty, shape.count == value["shape"]?.array?.count, shape.allSatisfy({ $0 > 0 && $0 < 1 << 20 })
      else { throw PolicyError("\(place): feature \(name) has no shape of positive whole numbers") }
      self[name] = PolicyFeature(type, shape)
    }
  }

  /// LeRobot's form.
  public var json: JSON {
    .object(
      mapValues { feature in
        ["type": .string(feature.type.rawValue), "shape": .array(feature.shape.map(JSON.integer))]
      })
  }

  /// The features of one type.
  public func of(_ type: FeatureType) -> PolicyFeatures { filter { $0.value.type == type } }
}

/// How a policy meets data and environments.
public struct PolicyInterface: Sendable, Equatable {
  /// What it reads.
  public var inputs: PolicyFeatures
  /// What it gives.
  public var outputs: PolicyFeatures
  /// Actions in one plan.
  public var chunkSize: Int
  /// Actions of a plan that are executed before the next is made.
  public var actionSteps: Int

  /// An interface.
  public init(inputs: PolicyFeatures, outputs: PolicyFeatures, chunkSize: Int, actionSteps: Int) {
    self.inputs = inputs
    self.outputs = outputs
    self.chunkSize = chunkSize
    self.actionSteps = actionSteps
  }

  /// Cameras, in the policy's order.
  public var cameras: [String] { Array(inputs.of(.visual).keys) }
}
