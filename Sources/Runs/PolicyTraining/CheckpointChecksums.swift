import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// SHA-256 of a checkpoint's weights and training state, written with them, so that a file of another run is noticed.
///
/// Checkpoints without it, such as LeRobot's, are not checked. Settings may be edited: they are compared elsewhere.
public enum CheckpointChecksums {
  private static let fileName = "checkpoint_sha256.json"
  private static let model = "pretrained_model"

  /// The weights' file below a checkpoint: of an adapter, only its own weights.
  private static func weights(of checkpoint: URL) -> String {
    "\(model)/\(PolicyWeightsFile.name(in: checkpoint.appendingPathComponent(model)))"
  }

  /// Writes those of a checkpoint's folder into it.
  static func write(in checkpoint: URL) throws {
    let state = checkpoint.appendingPathComponent("training_state")
    let names = try FileManager.default.contentsOfDirectory(atPath: state.path).sorted()
    var hashes: OrderedDictionary<String, JSON> = [:]
    let average = [WeightAverage.weightsPath].filter {
      FileManager.default.fileExists(atPath: checkpoint.appendingPathComponent($0).path)
    }
    for name in [weights(of: checkpoint)] + average + names.map({ "training_state/\($0)" }) {
      hashes[name] = .string(try MappedFile(checkpoint.appendingPathComponent(name)).sha256)
    }
    try JSON.object(hashes).write(to: checkpoint.appendingPathComponent(fileName))
  }

  /// Refuses to resume from a checkpoint with a file that was not written with it, or a step that is not its folder's.
  static func check(_ checkpoint: URL) throws {
    let folder = checkpoint.resolvingSymlinksInPath()
    let model = folder.appendingPathComponent("pretrained_model")
    if let named = Int(folder.lastPathComponent), let step = CheckpointDirectory.step(of: model), named != step {
      throw Failure(
        "\(folder.path) says in training_state/training_step.json that it is of step \(step); restore the file, or resume "
          + "from another checkpoint")
    }
    for (name, sha256) in try recorded(folder) {
      let file = folder.appendingPathComponent(name)
      guard try sha256 != .string(MappedFile(file).sha256) else { continue }
      throw changed(file)
    }
  }

  /// Refuses weights that were not written with their checkpoint.
  ///
  /// - Parameters:
  ///   - sha256: that of the weights' file.
  ///   - model: the `pretrained_model` folder; one that is in no checkpoint is not checked.
  public static func check(weights sha256: String, of model: URL) throws {
    let model = model.resolvingSymlinksInPath()
    guard model.lastPathComponent == Self.model else { return }
    let checkpoint = model.deletingLastPathComponent()
    guard let wanted = try recorded(checkpoint)[weights(of: checkpoint)], wanted != .string(sha256) else { return }
    throw changed(PolicyWeightsFile.url(in: model))
  }

  private static func recorded(_ checkpoint: URL) throws -> OrderedDictionary<String, JSON> {
    let file = checkpoint.appendingPathComponent(fileName)
    guard FileManager.default.fileExists(atPath: file.path) else { return [:] }
    let hashes = try JSON(contentsOf: file).object ?? [:]
    // Names that this program writes and no others: a name from a file could lead anywhere.
    return hashes.filter { name, _ in
      [weights(of: checkpoint), WeightAverage.weightsPath].contains(name)
        || name.hasPrefix("training_state/") && !name.dropFirst(15).contains("/")
    }
  }

  private static func changed(_ file: URL) -> Failure {
    Failure(
      "\(file.path) is not the file that was written with this checkpoint; restore it, or, if the change is meant, delete the "
        + "checkpoint's \(fileName)")
  }
}
