import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies

/// The folder of a run's checkpoints: `OUTPUT/checkpoints/STEP/`, and `last`, which names the newest.
public struct CheckpointDirectory: Sendable {
  /// `OUTPUT/checkpoints`
  public let url: URL

  public init(output: URL) { url = output.appendingPathComponent("checkpoints", isDirectory: true) }

  public func folder(step: Int, of steps: Int) -> URL {
    url.appendingPathComponent(Self.name(of: step, in: steps), isDirectory: true)
  }

  /// A step in six digits or more, as many as the last step has.
  public static func name(of step: Int, in steps: Int) -> String {
    String(step).zeroPadded(to: max(6, String(steps).count))
  }

  /// The step of a checkpoint, which its training state says.
  ///
  /// - Parameter model: its `pretrained_model` folder.
  /// - Returns: nil without a training state.
  public static func step(of model: URL) -> Int? {
    let checkpoint = model.resolvingSymlinksInPath().deletingLastPathComponent()
    let file = checkpoint.appendingPathComponent("training_state").appendingPathComponent(TrainingState.stepFile)
    return (try? JSON(contentsOf: file))?["step"]?.integer
  }

  /// The newest checkpoint: the one that `last` names, else the one of the highest step that is whole.
  ///
  /// - Throws: if there is none.
  public func last() throws -> URL {
    if let folder = LastCheckpoint.folder(in: url) { return folder }
    throw Failure(
      "no checkpoint to resume from: \(url.path) holds none that is whole; give the run's `checkpoint_mirror`, if it had "
        + "one, or start without `resume`")
  }

  /// The checkpoints by step.
  var checkpoints: [Int: URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    let steps = names.filter { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isWholeNumber } }.compactMap { name in
      Int(name).map { ($0, url.appendingPathComponent(name, isDirectory: true)) }
    }
    return Dictionary(steps) { first, _ in first }
  }

  /// Removes a checkpoint; a kill at any moment leaves it whole or, for a resumed run, among what is half written.
  func remove(_ checkpoint: URL) throws {
    let going = url.appendingPathComponent(".\(checkpoint.lastPathComponent).partial", isDirectory: true)
    try? FileManager.default.removeItem(at: going)
    try FileManager.default.moveItem(at: checkpoint, to: going)
    try FileManager.default.removeItem(at: going)
  }

  /// Copies a checkpoint that lies elsewhere, under its own name, and points `last` to it.
  ///
  /// - Parameter checkpoint: its folder; links in it are followed.
  public func adopt(_ checkpoint: URL) throws -> URL {
    try save(checkpoint.lastPathComponent) { folder in
      let files = FileManager.default
      for path in try files.subpathsOfDirectory(atPath: checkpoint.path) {
        let source = checkpoint.appendingPathComponent(path).resolvingSymlinksInPath()
        var isDirectory: ObjCBool = false
        guard files.fileExists(atPath: source.path, isDirectory: &isDirectory), !isDirectory.boolValue else { continue }
        let target = folder.appendingPathComponent(path)
        try files.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try files.copyItem(at: source, to: target)
      }
    }
  }

  /// Writes a checkpoint and points `last` to it. A kill at any moment leaves the previous checkpoint whole.
  func save(step: Int, of steps: Int, _ write: (URL) throws -> Void) throws -> URL {
    try save(Self.name(of: step, in: steps), write)
  }

  func save(_ name: String, _ write: (URL) throws -> Void) throws -> URL {
    let folder = try AtomicFolder(url.appendingPathComponent(name, isDirectory: true))
    try write(folder.partial)
    // A resumed run may write a step again, with the same numbers.
    try folder.commit()
    try LastCheckpoint.set(folder.url.lastPathComponent, in: url)
    return folder.url
  }
}
