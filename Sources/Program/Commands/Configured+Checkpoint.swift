import Foundation
import HuggingFaceHub
import LayeredSettings
import ModelFiles
import PretrainedPolicies

extension Arguments {
  /// Takes the checkpoint's folder out of the flags, under its own name or LeRobot's other one.
  mutating func takePolicyPath() -> String? { take("policy.path") ?? take("policy.pretrained_path") }

  /// What a flag says that is true or false, before the settings know of it; nil where it is not given. A text that is
  /// neither is an error later.
  func isOn(_ name: String) -> Bool? { text(of: name).map { (try? Bool(flag: $0)) ?? true } }
}

extension JSON {
  /// The settings without a seed of null, with which LeRobot repeats nothing; the default takes its place.
  func withSeed(in file: URL?) -> JSON {
    guard let members = object, members["seed"] == .null else { return self }
    say(
      "warning: the seed in \(file?.path ?? "the settings") is null; the default is used, so that the run can be repeated, "
        + "unless --seed gives another")
    return without(["seed"])
  }
}

extension Configured {
  /// Puts a checkpoint's own settings under what is asked for; fields that this program does not know are kept.
  mutating func apply(checkpoint path: String) throws {
    let file = try ModelLocation.directory(of: path).appendingPathComponent("config.json")
    try apply(.object(PolicySettings.members(ofCheckpoint: file)), from: file.path, at: "policy", unknown: .keep)
  }
}
