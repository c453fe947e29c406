import Failures
import LayeredSettings
import ModelFiles
import OrderedCollections

/// What a feature is, in LeRobot's words.
public enum FeatureType: String, CaseIterable, Sendable {
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

  /// Refuses states and actions of other sizes than the policy's, before libtorch stretches them or refuses them in its
  /// own words.
  ///
  /// - Parameters:
  ///   - state, action: the numbers of each.
  ///   - source: whose they are, such as `the environment`.
  public func requireSizes(state: Int, action: Int, of source: String) throws {
    let sizes = [("state", inputs[BatchKey.state], state), ("action", outputs[BatchKey.action], action)]
    for (what, feature, found) in sizes {
      guard let wanted = feature?.shape.reduce(1, *), wanted != found else { continue }
      throw Failure(
        "the policy's \(what) has \(wanted) numbers, \(source)'s has \(found); use the policy with what it was trained "
          + "on, or start a new run from it (`policy.path`), which takes the dataset's sizes")
    }
  }

  /// The cameras that the policy was made for and that are not among `names`, in one sentence; nil if none is.
  ///
  /// SmolVLA reads any of its cameras. Those of `empty_cameras` are absent by design.
  ///
  /// - Throws: if all are absent.
  public func absentCameras(among names: some Collection<String>, of source: String) throws -> String? {
    let wanted = cameras.filter { !$0.hasPrefix(BatchKey.images + "empty_camera_") }
    let absent = wanted.filter { !names.contains($0) }
    guard absent.count < wanted.count || wanted.isEmpty else {
      throw Failure(
        "the policy looks at \(absent.joined(separator: ", ")), \(source) shows \(names.joined(separator: ", ")); "
          + "map names with `rename_map`")
    }
    guard !absent.isEmpty else { return nil }
    return "\(source) shows no \(absent.joined(separator: ", ")): the policy, made for \(wanted.count) cameras, goes "
      + "without"
  }
}
