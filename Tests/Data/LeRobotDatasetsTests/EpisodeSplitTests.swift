import Foundation
import Testing

@testable import LeRobotDatasets

struct EpisodeSplitTests {
  private func episodes(_ tasks: [[String]]) -> [Episode] {
    tasks.enumerated().map { number, tasks in
      Episode(index: number, tasks: tasks, frames: number..<number + 1, videos: [:], chunk: 0, file: 0)
    }
  }

  /// The numbers are those of LeRobot's rule: the last ceil(n · fraction) of each first task.
  @Test(arguments: [
    (0.2, [0, 1, 2, 3, 6], [4, 5, 7]), (0.5, [0, 1, 3], [2, 4, 5, 6, 7]), (1e-9, [0, 1, 2, 3, 6], [4, 5, 7]),
  ]) func `the last episodes of each task are held out, their number rounded up`(
    fraction: Double, training: [Int], heldOut: [Int]
  ) throws {
    let tasks = [["a"], ["b", "a"], ["a"], ["b"], ["a"], ["c"], ["b"], ["b"]]
    let split = try EpisodeSplit(
      episodes(tasks.enumerated().map { $0.offset == 5 ? [] : $0.element }), heldOut: fraction)
    #expect(split.training == training && split.heldOut == heldOut)
  }

  @Test func `a fraction that leaves nothing to train on is refused`() {
    let problem = sentence { _ = try EpisodeSplit(episodes([["a"], ["b"]]), heldOut: 0.1) }
    #expect(problem.contains("`dataset.eval_split=0.1` leaves none of 2 episodes"), "\(problem)")
  }

  @Test func `as many frames of each task are measured, the first ones`() throws {
    try withFolder { folder in
      let root = folder.appendingPathComponent("toy")
      try ToyDataset.write(to: root, .image, cameras: ["front"])
      let dataset = try LeRobotDataset(root: root)
      // Episodes of 4, 3 and 5 frames, of which the second is of the second task.
      #expect(dataset.positions(atMost: 0) == Array(0..<12))
      #expect(dataset.positions(atMost: 4) == [0, 1, 4, 5])
      #expect(dataset.positions(atMost: 1) == [0, 4] && dataset.positions(atMost: 100).sorted() == Array(0..<12))
      #expect(dataset.positions(atMost: 12) == [0, 1, 2, 3, 7, 8, 4, 5, 6])
      #expect(try LeRobotDataset.episodes(in: root, [2, 0]).map(\.index) == [0, 2])
    }
  }
}
