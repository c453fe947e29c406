import Failures
import Foundation
import OrderedCollections

/// A dataset's episodes in two parts: those to train on, and those held out to measure the loss on.
public struct EpisodeSplit: Sendable, Equatable {
  /// Episodes by index, ascending.
  public let training: [Int], heldOut: [Int]

  /// Holds out the last episodes of each task, their number rounded up, as LeRobot does.
  ///
  /// - Parameters:
  ///   - episodes: the episodes to divide; the first of an episode's tasks is its task.
  ///   - fraction: the part to hold out, from 0 to less than 1.
  /// - Throws: if nothing is left to train on.
  public init(_ episodes: [Episode], heldOut fraction: Double) throws {
    let tasks = OrderedDictionary(grouping: episodes) { $0.tasks.first ?? "" }
    var (training, heldOut): ([Int], [Int]) = ([], [])
    for group in tasks.values {
      let count = Int((Double(group.count) * fraction).rounded(.up))
      training += group.dropLast(count).map(\.index)
      heldOut += group.suffix(count).map(\.index)
    }
    guard !training.isEmpty else {
      throw Failure(
        "`dataset.eval_split=\(fraction)` leaves none of \(episodes.count) episodes to train on; give a smaller one")
    }
    (self.training, self.heldOut) = (training.sorted(), heldOut.sorted())
  }
}

extension LeRobotDataset {
  /// What `meta/info.json` says of a dataset.
  public static func metadata(in root: URL) throws -> DatasetMetadata {
    try DatasetMetadata(contentsOf: root.appendingPathComponent("meta/info.json"))
  }

  /// Some episodes of a dataset, or all, in order; only `meta` is read.
  public static func episodes(in root: URL, _ selection: [Int]? = nil) throws -> [Episode] {
    try episodes(selection, among: Episode.load(root: root, metadata: metadata(in: root)), root)
  }

  /// Positions of about as many frames as asked for: of every task the first ones, equally many, and at least one.
  ///
  /// - Parameter count: 0 for all frames, in order.
  public func positions(atMost count: Int) -> [Int] {
    guard count > 0 else { return Array(0..<self.count) }
    let tasks = Dictionary(grouping: 0..<self.count) { table.taskIndices[$0] }
    let share = max(1, count / max(1, tasks.count))
    return tasks.sorted { $0.key < $1.key }.flatMap { $0.value.prefix(share) }
  }
}
