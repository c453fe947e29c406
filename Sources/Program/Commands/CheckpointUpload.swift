import Failures
import Foundation
import HuggingFaceHub
import WorkerThreads

/// `--save_checkpoint_to_hub=true`: each checkpoint in the policy's repository under `checkpoints/STEP/`, tagged with its
/// step, as LeRobot leaves them, while the run continues. An upload that fails is a warning.
final class CheckpointUpload: Sendable {
  private let hub = Hub()
  private let repository: HubRepository
  private let isPrivate: Bool?
  private let jobs = SerialJobs(named: "checkpoint upload")

  /// Checks, before anything is trained, that uploads are possible; nil if none is asked for.
  init?(_ settings: TrainSettings) throws {
    guard settings.uploadsCheckpoints else { return nil }
    let compatibility = settings.policy.smolvla.compatibility
    repository = try HubRepository(.model, compatibility.repoID ?? "")
    isPrivate = compatibility.isPrivate
    try hub.checkUpload(to: repository)
  }

  /// Starts to upload a checkpoint, once the one before is there, so that none is removed while it is read.
  ///
  /// - Returns: what went wrong with earlier ones.
  func send(_ checkpoint: URL) -> [String] {
    jobs.start {
      try self.upload(checkpoint)
    } onFailure: { error in
      "warning: \(checkpoint.path) was not uploaded: \(message(of: error)); the run continues"
    }
  }

  /// Waits for the last upload; returns what went wrong.
  func finish() -> [String] { jobs.finish() }

  private func upload(_ checkpoint: URL) throws {
    let step = checkpoint.lastPathComponent
    let files = HubUpload.files(in: checkpoint).map { HubUpload("checkpoints/\(step)/\($0.path)", $0.content) }
    _ = try hub.upload(files, to: repository, isPrivate: isPrivate, summary: "checkpoint \(step)")
    try hub.tag(repository, step)
  }
}
