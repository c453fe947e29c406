import Failures
import Foundation
import PolicyTraining

/// What a command leaves in its output folder, by which a folder is known that `overwrite` may empty.
struct OutputKind {
  /// Such as "a training run".
  let name: String
  /// Whether a folder that holds these names is one.
  let isOutput: @Sendable (_ folder: URL, _ names: [String]) -> Bool
  /// Whether a folder in it may be the command's own; files beside them, such as a user's log of the run, go with it.
  let isOwnFolder: @Sendable (URL) -> Bool

  static let training = OutputKind(name: "a training run") { folder, names in
    !Set(names).isDisjoint(with: ["metrics.jsonl", "tensorboard", "wandb"])
      || holdsCheckpoints(folder)
  } isOwnFolder: {
    ["checkpoints", "tensorboard", "wandb", "eval", "logs", "replaced"].contains($0.lastPathComponent)
  }

  static let mirror = OutputKind(name: "copies of a run's checkpoints") { folder, _ in
    holdsCheckpoints(folder)
  } isOwnFolder: {
    $0.lastPathComponent == "checkpoints"
  }

  static let evaluation = OutputKind(name: "an evaluation") { _, names in
    !Set(names).isDisjoint(with: [EpisodeLog.fileName, "eval_info.json"])
  } isOwnFolder: {
    ["videos", "recordings", "ablations", "replaced"].contains($0.lastPathComponent)
  }

  /// A policy, with its backbone and encoder in folders of their own.
  static let policy = OutputKind(name: "a policy") { _, names in
    names.contains("config.json")
  } isOwnFolder: {
    FileManager.default.fileExists(atPath: $0.appendingPathComponent("config.json").path)
  }

  static let models = OutputKind(name: "a backbone and an encoder of `lerobot-wm scratch`") { _, names in
    ["backbone", "encoder"].contains(where: names.contains)
  } isOwnFolder: {
    ["backbone", "encoder"].contains($0.lastPathComponent)
  }

  private static func holdsCheckpoints(_ folder: URL) -> Bool {
    let place = CheckpointDirectory(output: folder).url.path
    return ((try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []).contains { name in
      name == "last" || name.allSatisfy { $0.isASCII && $0.isWholeNumber }
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
