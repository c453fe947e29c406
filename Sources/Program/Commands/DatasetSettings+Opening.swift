import Experiments
import Failures
import Foundation
import LeRobotDatasets
import OrderedCollections
import RobotPolicies

extension DatasetSettings {
  /// The dataset's folder, after the files of the chosen episodes have been fetched if need be.
  func folder() throws -> URL {
    try DatasetLocation.root(
      repositoryID: repoID, root: root.map { URL(fileURLWithPath: $0) }, revision: revision, episodes: episodes,
      excluding: excludedEpisodes ?? [])
  }

  /// The dataset's cameras as a policy's inputs.
  func cameraFeatures(_ renaming: OrderedDictionary<String, String>) throws -> PolicyFeatures {
    var inputs: PolicyFeatures = [:]
    for (name, feature) in try LeRobotDataset.metadata(in: folder()).features {
      guard let size = feature.imageSize else { continue }
      inputs[renaming[name] ?? name] = PolicyFeature(.visual, [3, size.height, size.width])
    }
    return inputs
  }

  /// The chosen episodes without those that are excluded; nil for all.
  func episodes(in root: URL) throws -> [Int]? {
    guard let excludedEpisodes, !excludedEpisodes.isEmpty else { return episodes }
    let all = try LeRobotDataset.episodes(in: root, episodes).map(\.index)
    let chosen = all.filter { !excludedEpisodes.contains($0) }
    guard !chosen.isEmpty else {
      throw Failure("`dataset.exclude_episodes` leaves none of \(counted(all.count, "episode")); name fewer")
    }
    return chosen
  }

  /// Opens the episodes to train on and those that are held out, if any, and checks their instructions.
  func open(tolerance: Double, _ checks: inout Checks) throws -> (training: LeRobotDataset, heldOut: LeRobotDataset?) {
    var (unknown, heldOut): ([Int], LeRobotDataset?) = ([], nil)
    let dataset = try checks("dataset", found: \.summary) {
      let root = try folder()
      let count = try excludedEpisodes.map { _ in try LeRobotDataset.episodes(in: root).count }
      unknown = excludedEpisodes?.filter { $0 >= count ?? 0 } ?? []
      let chosen = try episodes(in: root)
      guard heldOutFraction > 0 else { return try open(root, chosen, tolerance) }
      let split = try EpisodeSplit(LeRobotDataset.episodes(in: root, chosen), heldOut: heldOutFraction)
      heldOut = try open(root, split.heldOut, tolerance, memory: heldOutFraction)
      return try open(root, split.training, tolerance, memory: 1 - heldOutFraction)
    }
    if !unknown.isEmpty {
      let listed = unknown.map(String.init).joined(separator: ", ")
      checks.warn("dataset", ["`dataset.exclude_episodes` names \(listed), which \(dataset.root.path) does not have"])
    }
    checks.warn("dataset", [idleRevision(revision, repoID, root)].compactMap(\.self))
    checks.warn("dataset", dataset.notices)
    let ambiguous = try checks("instructions", found: { $0.isEmpty ? "each task has its own" : nil }) {
      _ = try heldOut?.checkInstructions()
      return try dataset.checkInstructions()
    }
    checks.warn(
      "instructions",
      ambiguous.map { tasks in
        "tasks \(tasks.map(String.init).joined(separator: " and ")) have the same instruction"
      })
    return (dataset, heldOut)
  }

  /// - Parameter share: of the memory for images.
  private func open(
    _ root: URL, _ episodes: [Int]?, _ tolerance: Double, memory share: Double = 1
  ) throws -> LeRobotDataset {
    try LeRobotDataset(
      root: root, episodes: episodes, tolerance: tolerance,
      imageCacheBytes: Int(Double(imageMemoryMegabytes << 20) * share))
  }
}

/// A line about a revision that is asked for of a folder, which LeRobot ignores too; nil where it has an effect.
func idleRevision(
  _ revision: String?, of setting: String = "dataset.revision", _ repositoryID: String, _ root: String?
) -> String? {
  guard let revision,
    DatasetLocation.isFolder(repositoryID: repositoryID, root: root.map { URL(fileURLWithPath: $0) })
  else { return nil }
  return "`\(setting)=\(revision)` has no effect: \(root ?? repositoryID) is a folder and is read as it is"
}

extension LeRobotDataset {
  /// How much there is of it.
  var summary: String { "\(counted(episodes.count, "episode")), \(counted(count, "frame"))" }
}
