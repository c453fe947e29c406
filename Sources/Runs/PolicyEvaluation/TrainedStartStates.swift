import Failures
import Foundation
import ModelFiles
import OrderedCollections
import RobotEnvironments
import RobotPolicies

extension StartState {
  /// 16 digits of the state's SHA-256, the same on every machine.
  public var digest: String { String(sha256(of: millionths.map(String.init).joined(separator: ",")).prefix(16)) }
}

/// The states that a policy's demonstrations started from, as a checkpoint holds them beside `config.json`.
public struct TrainedStartStates: Sendable, Equatable {
  /// One dataset's.
  public struct Recording: Sendable, Equatable {
    /// The settings of the environment it was recorded in; their `type` is the suite's name.
    public let environment: JSON
    public let seed: Int
    /// Digests of start states, by the task's name in its suite.
    public let digests: OrderedDictionary<String, [String]>

    public init(environment: JSON, seed: Int, digests: OrderedDictionary<String, [String]>) {
      (self.environment, self.seed, self.digests) = (environment, seed, digests)
    }
  }

  /// The file in a checkpoint's `pretrained_model` folder.
  public static let fileName = "start_states.json"
  /// Those of the dataset, and of what the checkpoint was trained on before.
  public private(set) var recordings: [Recording]

  public init(_ recordings: [Recording] = []) { self.recordings = recordings }

  /// Reads a checkpoint's; none if it has no such file.
  public init(in folder: URL) throws {
    let file = folder.appendingPathComponent(Self.fileName)
    let isThere = FileManager.default.fileExists(atPath: file.path)
    try self.init(isThere ? JSON(contentsOf: file) : Optional<JSON>.none, in: file.path)
  }

  /// Those of a policy that is in memory.
  public init(of pretrained: PretrainedPolicy) throws {
    try self.init(pretrained.documents[Self.fileName], in: Self.fileName)
  }

  private init(_ json: JSON?, in file: String) throws {
    self.init()
    guard let json else { return }
    guard let rows = json["recordings"]?.array else { throw Failure("\(file): expected recordings") }
    recordings = try rows.map { row in
      guard let environment = row["environment"], let seed = row["seed"]?.integer, let tasks = row["tasks"]?.object
      else { throw Failure("\(file): expected environment, seed and tasks in each recording") }
      return Recording(
        environment: environment, seed: seed, digests: tasks.mapValues { $0.array?.compactMap(\.string) ?? [] })
    }
  }

  public var json: JSON {
    let rows = recordings.map { recording -> JSON in
      [
        "environment": recording.environment, "seed": .integer(recording.seed),
        "tasks": .object(recording.digests.mapValues { .array($0.map(JSON.string)) }),
      ]
    }
    return ["recordings": .array(rows)]
  }

  /// Adds what is not there yet.
  public mutating func add(_ other: TrainedStartStates) {
    recordings += other.recordings.filter { !recordings.contains($0) }
  }

  /// Refuses an evaluation with episodes that would start where a demonstration did.
  public func check(_ suite: any EnvironmentSuite, tasks: [String], _ settings: EvaluationSettings) throws {
    for task in tasks {
      let trained = digests(suite: suite.name, task: task)
      guard !trained.isEmpty else { continue }
      let starts = try suite.startStates(ofTask: task, seed: settings.seed, episodes: settings.episodes)
      let seen = starts.indices.filter { trained.contains(starts[$0].digest) }
      guard let first = seen.first else { continue }
      let fix = suite.initialStates == .official ? "`eval.init_states=sampled`" : "another `seed`"
      throw Failure(
        "\(suite.label(ofTask: task).text): the policy was trained on the start of \(seen.count) of \(starts.count) "
          + "episodes, of episode \(first) first; give \(fix)")
    }
  }

  private func digests(suite: String, task: String) -> Set<String> {
    let own = recordings.filter { $0.environment["type"]?.string == suite }
    return Set(own.flatMap { $0.digests[task] ?? [] })
  }
}
