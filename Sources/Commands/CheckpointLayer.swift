import Configuration
import HuggingFaceHub
import ModelFiles
import WorldModality

extension Arguments {
  /// Takes the checkpoint's folder out of the flags, under its own name or LeRobot's other one.
  mutating func takePolicyPath() -> String? { take("policy.path") ?? take("policy.pretrained_path") }
}

extension Configured {
  /// Puts a checkpoint's own settings under what is asked for; fields that this program does not know are kept.
  mutating func apply(checkpoint path: String) throws {
    let file = try ModelLocation.directory(of: path).appendingPathComponent("config.json")
    try apply(JSON(contentsOf: file), from: file.path, at: "policy", unknown: .keep)
  }
}
