import Foundation
import ModelFiles
import RobotPolicies
import SmolVLA
import WorldModality

extension PolicyBuilder {
  /// Follows the version of LeRobot that a checkpoint was trained to follow, unless the settings name one.
  mutating func followVersion(of folder: URL?) throws {
    guard settings.smolvla.lerobotVersion == nil else { return }
    settings.smolvla.lerobotVersion = .current
    // Otherwise both versions compute the same.
    guard let folder, settings.smolvla.dependsOnLeRobotVersion, let version = try LeRobotVersion(recordedIn: folder)
    else { return }
    settings.smolvla.lerobotVersion = version
    guard version == .former, !settings.smolvla.compatibility.loadsVLMWeights else { return }
    notices.append(
      "\(folder.path) was trained from scratch with LeRobot 0.4's places of patches and keeps them; "
        + "`lerobot_version=0.6` gives it those of transformers 5")
  }
}

extension LeRobotVersion {
  /// What a checkpoint's training record says; nil without one, as in a checkpoint of LeRobot.
  ///
  /// A record that does not say it is of a time when this program always followed version 0.4.
  init?(recordedIn folder: URL) throws {
    let record = folder.appendingPathComponent("training_record.json")
    let own = folder.appendingPathComponent("lerobot_wm.json")
    let files = FileManager.default
    guard files.fileExists(atPath: record.path) else {
      guard files.fileExists(atPath: own.path) else { return nil }
      self = .former
      return
    }
    let entry = try JSON(contentsOf: record)["segments"]?.array?.last?[Self.entry]?.string
    self = entry.flatMap(LeRobotVersion.init) ?? .former
  }

  /// The name of the entry in records of trainings and evaluations.
  public static let entry = "lerobot_version"
}

extension Policy {
  /// The version of LeRobot that the policy follows; nil for another kind of policy.
  public var lerobotVersion: LeRobotVersion? {
    let smolvla =
      (self as? SmolVLAPolicy)?.configuration ?? (self as? SmolVLAWorldPolicy)?.configuration.smolvla
    return smolvla?.lerobotVersion
  }
}
