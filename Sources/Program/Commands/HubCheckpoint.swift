import Failures
import Foundation
import HuggingFaceHub
import PolicyTraining

/// A run's checkpoints in a repository, `checkpoints/STEP/…`, as `save_checkpoint_to_hub` leaves them.
struct HubCheckpoint {
  private let repository: HubRepository

  /// - Parameter path: what `--config_path` names; nil is returned for a file or folder.
  init?(_ path: String) {
    guard !FileManager.default.fileExists(atPath: path), !path.hasSuffix(".json"), path.contains("/"),
      let repository = try? HubRepository(.model, path)
    else { return nil }
    self.repository = repository
  }

  /// Brings the newest checkpoint into a run's folder, unless the run has gone on there already.
  ///
  /// - Returns: the checkpoint's `train_config.json`.
  func fetch(into output: URL) throws -> URL {
    let checkpoints = CheckpointDirectory(output: output)
    let last = try (try? checkpoints.last()) ?? checkpoints.adopt(newest())
    return last.appendingPathComponent("pretrained_model/train_config.json")
  }

  private func newest() throws -> URL {
    let hub = Hub()
    let listing: HubListing
    do { listing = try hub.listing(of: repository) } catch {
      throw error.after("there is no folder \(repository.name)", where: HubRepository.mayBePath(repository.name))
    }
    let steps = listing.files.compactMap { file -> String? in
      let parts = file.path.split(separator: "/")
      guard parts.count > 2, parts[0] == "checkpoints", parts[1].allSatisfy(\.isNumber) else { return nil }
      return String(parts[1])
    }
    guard let step = steps.max(by: { (Int($0) ?? -1, $0) < (Int($1) ?? -1, $1) }) else {
      throw Failure(
        "\(repository) has no checkpoint to resume from under checkpoints/STEP/, where `save_checkpoint_to_hub` puts them; "
          + "start a new run from its weights with `policy.path`")
    }
    let folder = "checkpoints/\(step)"
    return try hub.fetch(listing) { $0.hasPrefix(folder + "/") }.appendingPathComponent(folder, isDirectory: true)
  }
}
