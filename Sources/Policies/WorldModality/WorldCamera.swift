import Failures
import LayeredSettings

/// The camera whose frames become latents.
public enum WorldCamera: String, Sendable, CaseIterable, ConfigurationValue {
  /// The first camera that is not on the wrist, `observation.images.image` in LIBERO.
  case front
  /// The camera whose name says wrist, or LIBERO's `observation.images.image2`.
  case wrist

  /// This camera among a policy's, by feature name.
  ///
  /// - Throws: if there is none.
  public func name(among cameras: [String]) throws -> String {
    let isOnWrist = { (name: String) in
      let last = name.split(separator: ".").last ?? ""
      return last.contains("wrist") || last == "image2"
    }
    guard let camera = cameras.first(where: { isOnWrist($0) == (self == .wrist) }) else {
      throw Failure(
        "`world_camera=\(rawValue)`: the policy has no such camera among \(cameras.joined(separator: ", "))")
    }
    return camera
  }
}
