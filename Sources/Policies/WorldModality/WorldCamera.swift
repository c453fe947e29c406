import Failures
import LayeredSettings
import ModelFiles

/// The camera whose frames become latents.
public struct WorldCamera: Sendable, Equatable {
  /// The first camera that is not on the wrist, `observation.images.image` in LIBERO.
  public static let front = WorldCamera("front")
  /// The camera whose name says wrist, or LIBERO's `observation.images.image2`.
  public static let wrist = WorldCamera("wrist")

  /// `front`, `wrist`, or a camera's name, whole or what follows `observation.images.`.
  public let rawValue: String

  public init(_ name: String) { rawValue = name }

  /// This camera among a policy's, by feature name.
  ///
  /// - Throws: if there is none.
  public func name(among cameras: [String]) throws -> String {
    let isOnWrist = { (name: String) in
      let last = name.split(separator: ".").last ?? ""
      return last.contains("wrist") || last == "image2"
    }
    let found = cameras.first { camera in
      switch self {
      case .front, .wrist: isOnWrist(camera) == (self == .wrist)
      default: camera == rawValue || camera == "observation.images." + rawValue
      }
    }
    guard let found else {
      throw Failure(
        "`world_camera=\(rawValue)`: the policy has no such camera among \(cameras.joined(separator: ", ")); give one of "
          + "these names")
    }
    return found
  }
}

extension WorldCamera: ConfigurationValue {
  public static let typeDescription = "front, wrist or a camera's name"
  public static let typeName = "str"

  public init(flag: String) throws(ConfigurationValueError) {
    guard !flag.isEmpty else { throw ConfigurationValueError(expected: Self.typeDescription, found: "\"\"") }
    self.init(flag)
  }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let text = json.string else {
      throw ConfigurationValueError(expected: Self.typeDescription, found: json.text(.line))
    }
    try self.init(flag: text)
  }

  public var json: JSON { .string(rawValue) }
}
