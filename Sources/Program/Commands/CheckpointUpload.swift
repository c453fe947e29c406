import Dispatch
import Failures
import Foundation
import HuggingFaceHub
import Synchronization

/// `--save_checkpoint_to_hub=true`: each checkpoint in the policy's repository under `checkpoints/STEP/`, tagged with its
/// step, as LeRobot leaves them, while the run continues. An upload that fails is a warning.
final class CheckpointUpload: Sendable {
  private let hub = Hub()
  private let repository: HubRepository
  private let isPrivate: Bool?
  private let queue = DispatchQueue(label: "checkpoint upload")
  private let failures = Mutex<[String]>([])

  /// Checks, before anything is trained, that uploads are possible; nil if none is asked for.
  init?(_ settings: TrainSettings) throws {
    guard settings.uploadsCheckpoints else { return nil }
    let compatibility = settings.policy.smolvla.compatibility
    repository = try HubRepository(.model, compatibility.repoID ?? "")
    isPrivate = compatibility.isPrivate
    try hub.checkUpload(to: repository)
  }

  /// Starts to upload a checkpoint, once the one before is there.
  ///
  /// - Returns: what went wrong with earlier ones.
  func send(_ checkpoint: URL) -> [String] {
    // Waiting bounds how far the hub is behind, and no checkpoint is removed while it is read.
    queue.sync {}
    queue.async { [self] in
      do { try upload(checkpoint) } catch {
        let sentence = "warning: \(checkpoint.path) was not uploaded: \(message(of: error)); the run continues"
        failures.withLock { $0.append(sentence) }
      }
    }
    return takeFailures()
  }

  /// Waits for the last upload; returns what went wrong.
  func finish() -> [String] {
    queue.sync {}
    return takeFailures()
  }

  private func upload(_ checkpoint: URL) throws {
    let step = checkpoint.lastPathComponent
    let files = HubUpload.files(in: checkpoint).map { HubUpload("checkpoints/\(step)/\($0.path)", $0.content) }
    _ = try hub.upload(files, to: repository, isPrivate: isPrivate, summary: "checkpoint \(step)")
    try hub.tag(repository, step)
  }

  private func takeFailures() -> [String] {
    failures.withLock { failures in
      defer { failures = [] }
      return failures
    }
  }
}
