import ExperimentStatistics
import Failures
import Foundation
import MediaCoding
import ModelFiles
import RobotEnvironments
import RobotPolicies
import Synchronization
import Testing

@testable import PolicyEvaluation

struct EvaluationTests {
  private func settings(_ episodes: Int, batch: Int, recordedEpisodes: Int = 0) -> EvaluationSettings {
    var settings = EvaluationSettings()
    (settings.episodes, settings.batchSize, settings.recordedEpisodes) = (episodes, batch, recordedEpisodes)
    return settings
  }

  private func outcomes(_ results: [EpisodeResult]) -> [[String]] {
    results.map { ["\($0.task) \($0.episode)", "\($0.success)", "\($0.steps)", "\($0.rewardSum)", $0.problem ?? ""] }
  }

  @Test func `makes no more environments than it needs`() throws {
    let suite = LineEnvironment.Suite()
    let recorder = RecordingPlanner()
    _ = try Evaluation(suite, settings(7, batch: 3), directory: nil).run(tasks: ["up"], planner: recorder)
    #expect((1...3).contains(suite.made.count) && recorder.largestBatch <= 3)
    let few = LineEnvironment.Suite()
    #expect(
      try Evaluation(few, settings(2, batch: 9), directory: nil).run(tasks: ["up"], planner: RecordingPlanner()).count
        == 2)
    #expect(few.made.count <= 2)
  }

  @Test(arguments: [1, 3]) func `hands over every step of the episodes that end, with all cameras`(batch: Int) throws {
    let recorder = KeptEpisodes()
    var suite = LineEnvironment.Suite()
    suite.fails = (2, false)
    let results = try Evaluation(suite, settings(5, batch: batch), directory: nil, recorder: recorder).run(
      tasks: ["up"], planner: RecordingPlanner())
    let plain = try Evaluation(suite, settings(5, batch: 1), directory: nil).run(
      tasks: ["up"], planner: RecordingPlanner())
    #expect(outcomes(results) == outcomes(plain))
    let kept = recorder.episodes
    #expect(kept.keys.sorted() == [0, 1, 3, 4])
    for (episode, (steps, start)) in kept {
      let result = results[episode]
      #expect(steps.count == result.steps && steps.contains { $0.result.success } == result.success)
      #expect(steps.map(\.isLast) == (1...steps.count).map { $0 == steps.count })
      #expect(steps.allSatisfy { $0.observation.images.keys.contains("image") })
      #expect(start == StartState(positions: [Double(steps[0].observation.state[0])]))
      // What an action is recorded with is what was there before it.
      for (step, next) in zip(steps, steps.dropFirst()) {
        #expect(abs(step.observation.state[0] + step.action[0] - next.observation.state[0]) < 1e-5)
      }
    }
  }

  @Test func `an episode that cannot be kept is one that broke off`() throws {
    let recorder = KeptEpisodes(refuses: 1)
    let results = try Evaluation(LineEnvironment.Suite(), settings(3, batch: 2), directory: nil, recorder: recorder)
      .run(
        tasks: ["up"], planner: RecordingPlanner())
    #expect(results.map(\.problem) == [nil, "the episode could not be recorded: the disk is full", nil])
  }

  @Test(arguments: [true, false]) func `loses only the episode whose environment fails`(atReset: Bool) throws {
    let whole = try Evaluation(LineEnvironment.Suite(), settings(6, batch: 2), directory: nil).run(
      tasks: ["up"], planner: RecordingPlanner())
    var suite = LineEnvironment.Suite()
    suite.fails = (2, atReset)
    let results = try Evaluation(suite, settings(6, batch: 2), directory: nil).run(
      tasks: ["up"], planner: RecordingPlanner())
    #expect(results.map(\.episode) == [0, 1, 2, 3, 4, 5])
    #expect(results[2].problem == (atReset ? "the floor is gone" : "the wall fell"))
    #expect(!results[2].success && results[2].steps == (atReset ? 0 : 2))
    #expect(results.filter { $0.problem != nil }.count == 1)
    let others = [0, 1, 3, 4, 5]
    #expect(outcomes(others.map { results[$0] }) == outcomes(others.map { whole[$0] }))
    let report = EvaluationReport(
      tasks: [LineEnvironment.Suite().label(ofTask: "up")], results: results, seconds: 1, manifest: [:],
      root: URL(fileURLWithPath: "/"))
    #expect(report.rate().episodes == 6, "an episode that broke off counts as a failure")
    #expect(report.json["per_task"]?.array?[0]["metrics"]?["problems"]?.array?[2].string == results[2].problem)
  }

  @Test func `loses only the episodes that a policy gives no plan for`() throws {
    let whole = try Evaluation(LineEnvironment.Suite(), settings(6, batch: 3), directory: nil).run(
      tasks: ["up"], planner: RecordingPlanner())
    let results = try Evaluation(LineEnvironment.Suite(), settings(6, batch: 3), directory: nil).run(
      tasks: ["up"], planner: FailingPlanner())
    #expect(results.map(\.episode) == [0, 1, 2, 3, 4, 5])
    let broken = results.filter { $0.problem != nil }
    #expect(!broken.isEmpty && broken.allSatisfy { $0.problem == "the policy gave no plan: too far" })
    let unharmed = results.filter { $0.problem == nil }.map(\.episode)
    #expect(!unharmed.isEmpty)
    #expect(outcomes(unharmed.map { results[$0] }) == outcomes(unharmed.map { whole[$0] }))
  }

  @Test func `sums up groups of tasks, and continues where one task cannot be had`() throws {
    var suite = LineEnvironment.Suite()
    suite.missing = "up"
    let results = try Evaluation(suite, settings(4, batch: 2), directory: nil).run(
      tasks: ["up", "down"], planner: RecordingPlanner())
    #expect(results.count == 8)
    #expect(results.prefix(4).allSatisfy { $0.problem == "a mesh is missing" && !$0.success })
    #expect(results.suffix(4).allSatisfy { $0.problem == nil })
    let labels = [("up", "first"), ("down", "second")].map {
      TaskLabel(task: $0.0, group: $0.1, index: 0, name: "0")
    }
    let report = EvaluationReport(
      tasks: labels, results: results, seconds: 1, manifest: [:], root: URL(fileURLWithPath: "/"))
    #expect(report.groups == ["first", "second"])
    #expect(report.rate(ofGroup: "first") == SuccessRate(successes: 0, episodes: 4))
    let ofSecond = report.json["per_group"]?["second"]
    #expect(ofSecond?["n_episodes"]?.integer == 4 && ofSecond?["pc_success_ci95"]?.array?.count == 2)
    #expect(report.json["per_task"]?.array?.map { $0["task_group"]?.string } == ["first", "second"])
    #expect(report.rate().episodes == 8)
  }

  @Test func `shows as much of the past as the planner needs`() throws {
    let recorder = RecordingPlanner(history: ObservationHistory(camera: "image", frames: 5))
    _ = try Evaluation(LineEnvironment.Suite(), settings(3, batch: 2), directory: nil).run(
      tasks: ["up"], planner: recorder)
    #expect(recorder.histories == [5])
  }

  @Test func `records whole videos of the first episodes`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-evaluation-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let results = try Evaluation(LineEnvironment.Suite(), settings(3, batch: 2, recordedEpisodes: 2), directory: folder)
      .run(tasks: ["up"], planner: RecordingPlanner())
    #expect(results.map { $0.video?.lastPathComponent } == ["eval_episode_0.mp4", "eval_episode_1.mp4", nil])
    let video = try VideoReader(try #require(results[0].video))
    #expect(abs(video.duration * video.framesPerSecond - Double(results[0].steps + 1)) < 0.5)
    #expect(video.width == 16 && video.height == 16)
  }

  @Test func `keeps results whose video cannot be written`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-evaluation-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("a file in the folder's place".utf8).write(to: folder.appendingPathComponent("videos"))
    func run(_ directory: URL?) throws -> [EpisodeResult] {
      try Evaluation(LineEnvironment.Suite(), settings(2, batch: 1, recordedEpisodes: 1), directory: directory)
        .run(tasks: ["up"], planner: RecordingPlanner())
    }
    let (unwritten, plain) = (try run(folder), try run(nil))
    #expect(unwritten[0].problem?.hasPrefix("the video could not be written: ") == true)
    #expect(unwritten[1].problem == nil && unwritten.allSatisfy { $0.video == nil })
    #expect(unwritten.map(\.steps) == plain.map(\.steps) && unwritten.map(\.success) == plain.map(\.success))
  }

  @Test func `leaves no video of an episode that is stopped`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-evaluation-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var requests = 0
    let results = try Evaluation(LineEnvironment.Suite(), settings(1, batch: 1, recordedEpisodes: 1), directory: folder)
      .run(
        tasks: ["up"], planner: RecordingPlanner(),
        stops: {
          requests += 1
          return requests == 2
        })
    #expect(results.isEmpty && requests == 2)
    let files = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    #expect(!files.contains { $0.contains(".mp4") }, "\(files)")
  }
}

/// Keeps episodes in memory, or refuses one.
private final class KeptEpisodes: EpisodeRecorder {
  private let kept = Mutex<[Int: ([RecordedStep], StartState)]>([:])
  private let refused: Int?

  init(refuses refused: Int? = nil) { self.refused = refused }

  var episodes: [Int: ([RecordedStep], StartState)] { kept.withLock { $0 } }

  func record(_ steps: [RecordedStep], of result: EpisodeResult, from start: StartState) throws {
    if result.episode == refused { throw Failure("the disk is full") }
    kept.withLock { $0[result.episode] = (steps, start) }
  }
}
