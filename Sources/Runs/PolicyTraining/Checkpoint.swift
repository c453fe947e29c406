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

  /// The folder of a step; at least six digits.
  public func folder(step: Int, of steps: Int) -> URL {
    let digits = max(6, String(steps).count)
    let name = String(repeating: "0", count: max(0, digits - String(step).count)) + String(step)
    return url.appendingPathComponent(name, isDirectory: true)
  }

  /// The newest checkpoint.
  ///
  /// - Throws: if there is none.
  public func last() throws -> URL {
    let link = url.appendingPathComponent("last")
    guard let name = try? FileManager.default.destinationOfSymbolicLink(atPath: link.path), !name.isEmpty,
      name.allSatisfy(\.isWholeNumber)
    else {
      throw Failure("no checkpoint to resume from: \(link.path) does not exist; start without `resume`")
    }
    return url.appendingPathComponent(name, isDirectory: true)
  }

  /// Writes a checkpoint beside its place, renames it, and lets `last` name it. A kill at any moment leaves the
  /// checkpoint before it whole.
  func save(step: Int, of steps: Int, _ write: (URL) throws -> Void) throws -> URL {
    let files = FileManager.default
    let final = folder(step: step, of: steps)
    let partial = url.appendingPathComponent(".\(final.lastPathComponent).partial", isDirectory: true)
    do {
      try? files.removeItem(at: partial)
      try files.createDirectory(at: partial, withIntermediateDirectories: true)
      try write(partial)
      // The same step again comes from a resumed run, with the same numbers.
      try? files.removeItem(at: final)
      try files.moveItem(at: partial, to: final)
      let newLink = url.appendingPathComponent(".last.partial")
      try? files.removeItem(at: newLink)
      try files.createSymbolicLink(atPath: newLink.path, withDestinationPath: final.lastPathComponent)
      guard rename(newLink.path, url.appendingPathComponent("last").path) == 0 else {
        throw Failure("\(url.path)/last could not be written: \(String(cString: strerror(errno)))")
      }
      return final
    } catch {
      try? files.removeItem(at: partial)
      throw error
    }
  }
}
