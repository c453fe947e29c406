import Failures
import Foundation
import ModelFiles
import PolicyTraining

/// What a command leaves in its output folder, by which a folder is known that `overwrite` may empty.
struct OutputKind {
  /// Such as "a training run".
  let name: String
  /// The files by which it is known. They are removed last, so that what was killed while it emptied a folder can go on.
  let marks: Set<String>
  /// Whether a folder that holds these names is one.
  let isOutput: @Sendable (_ folder: URL, _ names: [String]) -> Bool
  /// Whether a folder in it may be the command's own; files beside them, such as a user's log of the run, go with it.
  let isOwnFolder: @Sendable (URL) -> Bool

  /// The curves alone may also be those of a project's own program.
  static let training = OutputKind(name: "a training run", marks: ["metrics.jsonl"]) { folder, names in
    names.contains("metrics.jsonl") || holdsCheckpoints(folder)
      || Set(names).isSubset(of: ["tensorboard", "wandb", "checkpoints"])
        && contents(ofOutput: CheckpointDirectory(output: folder).url).isEmpty
  } isOwnFolder: {
    ["checkpoints", "tensorboard", "wandb", "eval", "logs", "replaced"].contains($0.lastPathComponent)
  }

  static let mirror = OutputKind(name: "copies of a run's checkpoints", marks: []) { folder, _ in
    holdsCheckpoints(folder)
  } isOwnFolder: {
    $0.lastPathComponent == "checkpoints"
  }

  static let evaluation = OutputKind(
    name: "an evaluation", marks: [EpisodeLog.fileName, "eval_info.json"]
  ) { _, names in
    !Set(names).isDisjoint(with: [EpisodeLog.fileName, "eval_info.json"])
  } isOwnFolder: {
    ["videos", "recordings", "ablations", "replaced"].contains($0.lastPathComponent)
  }

  /// A policy, with its backbone and encoder in folders of their own.
  static let policy = OutputKind(name: "a policy", marks: ["config.json"]) { folder, _ in
    (try? JSON(contentsOf: folder.appendingPathComponent("config.json")))?["input_features"] != nil
  } isOwnFolder: {
    FileManager.default.fileExists(atPath: $0.appendingPathComponent("config.json").path)
  }

  static let models = OutputKind(name: "a backbone and an encoder of `lerobot-wm scratch`", marks: []) {
    folder, names in
    Set(names).isSubset(of: ["backbone", "encoder"])
      || ["backbone", "encoder"].contains { folder.appendingPathComponent("\($0)/config.json").isThere }
  } isOwnFolder: {
    ["backbone", "encoder"].contains($0.lastPathComponent)
  }

  private static func holdsCheckpoints(_ folder: URL) -> Bool {
    let place = CheckpointDirectory(output: folder).url
    return ((try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []).contains { name in
      place.appendingPathComponent("\(name)/pretrained_model").isThere
    }
  }

  /// Refuses to empty a folder that does not hold the command's own output.
  func requireOwn(_ folder: URL) throws {
    if let objection = objection(to: folder, contents(ofOutput: folder)) { throw Failure(objection) }
  }

  /// Why a folder with these contents is not emptied; nil if it may be.
  func objection(to folder: URL, _ names: [String]) -> String? {
    guard !names.isEmpty else { return nil }
    let refusal = "\(folder.path) is not emptied"
    let advice = "choose another `output_dir`, or empty it yourself"
    guard isOutput(folder, names) else { return "\(refusal), because it does not hold \(name); \(advice)" }
    let foreign = names.sorted().first { name in
      var isDirectory: ObjCBool = false
      let place = folder.appendingPathComponent(name)
      return FileManager.default.fileExists(atPath: place.path, isDirectory: &isDirectory) && isDirectory.boolValue
        && !isOwnFolder(place)
    }
    return foreign.map { "\(refusal), because it holds the folder \($0) beside \(name); \(advice)" }
  }
}
