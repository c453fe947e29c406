import Failures
import Foundation
import ModelFiles
import PolicyEvaluation
import RobotEnvironments
import ShapesSimulation
import Testing

struct TrainedStartStatesTests {
  private let suite: ShapesSuite

  init() throws { suite = try ShapesSuite() }

  private func trained(seed: Int, episodes: Int) throws -> TrainedStartStates {
    let starts = try suite.startStates(ofTask: "push_side", seed: seed, episodes: episodes)
    return TrainedStartStates([
      .init(environment: ["type": "shapes"], seed: seed, digests: ["push_side": starts.map(\.digest)])
    ])
  }

  private func evaluation(seed: Int, episodes: Int) -> EvaluationSettings {
    var settings = EvaluationSettings()
    (settings.seed, settings.episodes) = (seed, episodes)
    return settings
  }

  @Test func `do not let an evaluation start there, and no other one be refused`() throws {
    let states = try trained(seed: 0, episodes: 8)
    let error = #expect(throws: Failure.self) {
      try states.check(suite, tasks: ["touch_side", "push_side"], evaluation(seed: 0, episodes: 10))
    }
    #expect(
      error?.description
        == "shapes/push_side: the policy was trained on the start of 8 of 10 episodes, of episode 0 first; give another `seed`"
    )
    try states.check(suite, tasks: ["push_side"], evaluation(seed: 1000, episodes: 100))
    try states.check(suite, tasks: ["touch_side"], evaluation(seed: 0, episodes: 10))
    try TrainedStartStates().check(suite, tasks: ["push_side"], evaluation(seed: 0, episodes: 10))
  }

  @Test func `are kept beside a checkpoint, those of earlier training too`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-starts-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try TrainedStartStates(in: folder) == TrainedStartStates())
    var states = try trained(seed: 0, episodes: 2)
    try states.add(trained(seed: 1, episodes: 2))
    try states.add(trained(seed: 0, episodes: 2))
    #expect(states.recordings.map(\.seed) == [0, 1])
    let file = folder.appendingPathComponent(TrainedStartStates.fileName)
    try states.json.write(to: file)
    #expect(try TrainedStartStates(in: folder) == states)
    for damaged in ["{}", #"{"recordings": [{"seed": 0}]}"#, "["] {
      try damaged.write(to: file, atomically: true, encoding: .utf8)
      #expect(throws: (any Error).self) { try TrainedStartStates(in: folder) }
    }
  }

  /// Pinned, because checkpoints hold digests of states that other versions of the program made.
  @Test func `are told apart by digests that last bits do not change`() throws {
    let start = StartState(positions: [0.25, -1e-9, 1.0000004])
    #expect(start == StartState(positions: [0.25 + 1e-12, 0, 1]))
    #expect(start != StartState(positions: [0.250002, 0, 1]))
    #expect(start.digest == "c7b7054ec504d97f")
    #expect(try suite.startStates(ofTask: "push_side", seed: 0, episodes: 1).map(\.digest) == ["588c53c70434225a"])
  }
}
