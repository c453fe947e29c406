import Failures
import LayeredSettings
import ModelFiles
import OrderedCollections

/// What a feature is, in LeRobot's words.
public enum FeatureType: String, Sendable {
  /// The robot's own state, a vector.
  case state = "STATE"
  /// A camera's image, [3, H, W].
  case visual = "VISUAL"
  /// What the policy gives, a vector.
  case action = "ACTION"
  /// The state of what is around, a vector.
  case environment = "ENV"
}

/// One input or output of a policy.
public struct PolicyFeature: Sendable, Equatable {
  public var type: FeatureType
  /// Its sizes for one sample; images are [3, H, W].
  public var shape: [Int]

  public init(_ type: FeatureType, _ shape: [Int]) {
    self.type = type
    self.shape = shape
  }
}

extension PolicyFeature: ConfigurationValue {
  /// How help names the type.
  public static var typeDescription: String { "{type, shape}" }

  /// Reads `{"type": "STATE", "shape": [8]}`.
  public init(json: JSON) throws(ConfigurationValueError) {
    guard let type = json["type"]?.string.flatMap(FeatureType.init(rawValue:)) else {
      throw ConfigurationValueError(expected: "a type out of STATE, VISUAL, ACTION, ENV", found: json.text(.line))
    }
    let shape = json["shape"]?.array?.compactMap(\.integer) ?? []
    guard !shape.isEmpty, shape.count == json["shape"]?.array?.count, shape.allSatisfy({ $0 > 0 && $0 < 1 << 20 })
    else { throw ConfigurationValueError(expected: "a shape of positive integers", found: json.text(.line)) }
    self.init(type, shape)
  }

  public init(flag text: String) throws(ConfigurationValueError) {
    guard let json = try? JSON(parsing: text) else {
      throw ConfigurationValueError(expected: "a feature as JSON", found: text)
    }
    try self.init(json: json)
  }

  /// `{"type": …, "shape": […]}`
  public var json: JSON { ["type": .string(type.rawValue), "shape": .array(shape.map(JSON.integer))] }
}

/// Features by name, in the policy's order.
public typealias PolicyFeatures = OrderedDictionary<String, PolicyFeature>

extension PolicyFeatures {
  /// Reads LeRobot's form, `{"name": {"type": "STATE", "shape": [8]}}`.
  ///
  /// - Throws: the feature that does not fit, and `place`.
  public init(_ json: JSON?, in place: String) throws {
    do throws(ConfigurationValueError) { try self.init(json: json ?? .null) } catch {
      throw Failure("\(place): \(error.reason)")
    }
  }

  public func of(_ type: FeatureType) -> PolicyFeatures { filter { $0.value.type == type } }
}

/// How a policy meets data and environments.
public struct PolicyInterface: Sendable, Equatable {
  public var inputs: PolicyFeatures
  public var outputs: PolicyFeatures
  public var chunkSize: Int
  /// Actions of a plan that are executed before the next is made.
  public var actionSteps: Int

  public init(inputs: PolicyFeatures, outputs: PolicyFeatures, chunkSize: Int, actionSteps: Int) {
    self.inputs = inputs
    self.outputs = outputs
    self.chunkSize = chunkSize
    self.actionSteps = actionSteps
  }

  /// Cameras, in the policy's order.
  public var cameras: [String] { Array(inputs.of(.visual).keys) }
}
