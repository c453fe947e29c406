import Failures
import Foundation
import ModelFiles

/// How this program recorded a dataset: `meta/recording.json`, which LeRobot does not read.
public struct DatasetRecording: Sendable, Equatable {
  /// Where one of the dataset's episodes started.
  public struct Episode: Sendable, Equatable {
    /// The task as its suite names it.
    public let task: String
    /// The episode's number among those that the seed started for the task; failed ones were not kept.
    public let number: Int
    /// A digest of the state that it started from.
    public let startState: String

    public init(task: String, number: Int, startState: String) {
      (self.task, self.number, self.startState) = (task, number, startState)
    }
  }

  /// The name of the file.
  public static let path = "meta/recording.json"

  /// The program's version and commit.
  public let program: JSON
  /// The environment's settings, `type` among them.
  public let environment: JSON
  /// Where episodes started: `official` or `sampled`.
  public let initialStates: String
  public let seed: Int
  /// The dataset's episodes, in its order.
  public var episodes: [Episode]

  public init(program: JSON, environment: JSON, initialStates: String, seed: Int, episodes: [Episode] = []) {
    (self.program, self.environment, self.initialStates) = (program, environment, initialStates)
    (self.seed, self.episodes) = (seed, episodes)
  }

  /// Reads a dataset's; nil if it has none, as when another program recorded it.
  public init?(ofDatasetAt root: URL) throws {
    let file = root.appendingPathComponent(Self.path)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    let json = try JSON(contentsOf: file)
    guard let environment = json["environment"], let seed = json["seed"]?.integer, let rows = json["episodes"]?.array
    else { throw Failure("\(file.path): expected environment, seed and episodes") }
    self.init(
      program: json["program"] ?? .null, environment: environment,
      initialStates: json["initial_states"]?.string ?? "", seed: seed)
    for (index, row) in rows.enumerated() {
      guard row["episode_index"]?.integer == index, let task = row["task"]?.string,
        let number = row["number"]?.integer, let start = row["start_state"]?.string
      else { throw Failure("\(file.path): expected episode_index, task, number and start_state of episode \(index)") }
      episodes.append(Episode(task: task, number: number, startState: start))
    }
  }

  var json: JSON {
    let rows = episodes.enumerated().map { index, episode -> JSON in
      [
        "episode_index": .integer(index), "task": .string(episode.task), "number": .integer(episode.number),
        "start_state": .string(episode.startState),
      ]
    }
    return [
      "program": program, "environment": environment, "initial_states": .string(initialStates),
      "seed": .integer(seed), "episodes": .array(rows),
    ]
  }
}
