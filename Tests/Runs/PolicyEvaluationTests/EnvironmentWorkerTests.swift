import Dispatch
import Failures
import Foundation
import RobotEnvironments
import RobotPolicies
import ShapesSimulation
import Synchronization
import Testing
import TestSupport

@testable import PolicyEvaluation

/// Slots at work beside the planner. Whoever waits for another here waits at most five seconds, and then the test fails.
struct EnvironmentWorkerTests {
  private func settings(_ episodes: Int, batch: Int, threads: Int = 4) -> EvaluationSettings {
    var settings = EvaluationSettings()
    (settings.episodes, settings.batchSize, settings.threads, settings.recordedEpisodes) = (episodes, batch, threads, 0)
    return settings
  }

  private func outcomes(_ results: [EpisodeResult]) -> [[String]] {
    results.map { ["\($0.task) \($0.episode)", "\($0.success)", "\($0.steps)", "\($0.rewardSum)", $0.problem ?? ""] }
  }

  @Test func `give the same episodes whatever their number, the threads, and who is faster`() throws {
    var found: [[[String]]] = []
    for (batch, threads) in [(1, 1), (3, 2), (10, 1), (10, 8), (50, 4)] {
      var suite = LineEnvironment.Suite()
      suite.onStep = { _, _, _ in usleep(.random(in: 0...200)) }
      let recorder = RecordingPlanner()
      recorder.onPlan = { _ in usleep(.random(in: 0...500)) }
      let evaluation = Evaluation(suite, settings(10, batch: batch, threads: threads), directory: nil)
      found.append(outcomes(try evaluation.run(tasks: ["up", "down"], planner: recorder)))
    }
    #expect(found.allSatisfy { $0 == found[0] } && found[0].count == 20)
    #expect(found[0].map { $0[0] } == ["up", "down"].flatMap { task in (0..<10).map { "\(task) \($0)" } })
    #expect(Set(found[0].map { $0[1] }) == ["true", "false"], "both ends happen")
    #expect(found[0].allSatisfy { Int($0[2]).map { $0 <= 12 } ?? false })
  }

  @Test func `play the embedded suite's episodes to the same bits side by side`() throws {
    var found: [[String: [[Double]]]] = []
    for (batch, threads) in [(1, 1), (2, 2), (4, 4)] {
      let suite = RecordedSuite(try ShapesSuite(imageSize: 16)) { environment throws in
        try environment.observe(cameras: []).state.map(Double.init)
      }
      _ = try Evaluation(suite, settings(4, batch: batch, threads: threads), directory: nil)
        .run(tasks: ["push_side", "touch_color"], planner: RandomPlanner(actionDimension: 2))
      found.append(suite.record.episodes)
    }
    #expect(found[0].count == 8 && found[0].values.allSatisfy { $0.count > 1 })
    #expect(found[1] == found[0] && found[2] == found[0])
  }

  @Test func `step while others are planned for`() throws {
    let (planning, stepped) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let isMet = Atomic(true)
    var suite = LineEnvironment.Suite()
    // The first episode's step continues only while a plan is being made, and that plan only after the step.
    suite.onStep = { _, episode, step in
      guard episode == 0, step == 1 else { return }
      if planning.wait(timeout: .now() + 5) == .timedOut { isMet.store(false, ordering: .relaxed) }
      stepped.signal()
    }
    let recorder = RecordingPlanner()
    var calls = 0
    recorder.onPlan = { _ in
      calls += 1
      guard calls == 3 else { return }
      planning.signal()
      if stepped.wait(timeout: .now() + 5) == .timedOut { isMet.store(false, ordering: .relaxed) }
    }
    _ = try Evaluation(suite, settings(8, batch: 2), directory: nil).run(tasks: ["up"], planner: recorder)
    let wasMet = isMet.load(ordering: .relaxed)
    #expect(wasMet)
  }

  @Test func `take the next episode at once, and the next task's too`() throws {
    let reached = DispatchSemaphore(value: 0)
    let isMet = Atomic(true)
    var suite = LineEnvironment.Suite()
    // The first episode of all lasts until the other slot has come to the last one of the other task.
    suite.onStep = { task, episode, step in
      if (task, episode, step) == ("down", 3, 1) { reached.signal() }
      guard (task, episode, step) == ("up", 0, 1) else { return }
      if reached.wait(timeout: .now() + 5) == .timedOut { isMet.store(false, ordering: .relaxed) }
    }
    let results = try Evaluation(suite, settings(4, batch: 2), directory: nil)
      .run(tasks: ["up", "down"], planner: RecordingPlanner())
    let wasMet = isMet.load(ordering: .relaxed)
    #expect(wasMet)
    #expect(results.count == 8 && results.allSatisfy { $0.problem == nil })
  }

  @Test func `give what has ended when they are stopped`() throws {
    let recorder = RecordingPlanner()
    var calls = 0
    recorder.onPlan = { _ in calls += 1 }
    let evaluation = Evaluation(LineEnvironment.Suite(), settings(50, batch: 2), directory: nil)
    var last: [EpisodeResult] = []
    let results = try evaluation.run(tasks: ["up", "down"], planner: recorder) {
      last = $0
    } stops: {
      calls >= 12
    }
    #expect(calls == 12)
    #expect((1..<100).contains(results.count) && results.allSatisfy { $0.problem == nil && $0.steps > 0 })
    #expect(results.count == last.count)
    let whole = try evaluation.run(tasks: ["up", "down"], planner: RecordingPlanner())
    let known = Dictionary(uniqueKeysWithValues: outcomes(whole).map { ($0[0], $0) })
    #expect(outcomes(results).allSatisfy { known[$0[0]] == $0 })
    #expect(try evaluation.run(tasks: ["up"], planner: RecordingPlanner(), stops: { true }).isEmpty)
  }

  /// Plans are three steps long; an image is drawn for each plan, each history frame and each video frame, and no other.
  @Test(arguments: [(false, nil, false), (true, nil, false), (true, 2, false), (true, 9, false), (false, nil, true)])
  func `render only what is used`(looks: Bool, frames: Int?, recordedEpisodes: Bool) throws {
    let suite = LineEnvironment.Suite()
    let history = frames.map { ObservationHistory(camera: "image", frames: $0) }
    let recorder = RecordingPlanner(cameras: looks ? ["image"] : [], history: history)
    var plan = settings(4, batch: 2)
    plan.recordedEpisodes = recordedEpisodes ? 4 : 0
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-slots-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let results = try Evaluation(suite, plan, directory: recordedEpisodes ? folder : nil).run(
      tasks: ["up"], planner: recorder)
    let expected = results.map { result in
      // The steps before which a plan is made, and those after which nobody asks for one any more.
      let planned = (0..<result.steps).filter { $0 % 3 == 0 }
      if recordedEpisodes { return result.steps + 1 }
      guard looks else { return 0 }
      let before = Set(planned.flatMap { step in (0..<(frames ?? 1)).map { step - $0 } }.filter { $0 >= 0 })
      // Where the last plan breaks off, its steps were drawn for a plan that was never made.
      let last = (planned.last ?? 0) + 1..<result.steps
      return before.count + last.count { (planned.last ?? 0) + 3 - $0 < (frames ?? 1) }
    }
    #expect(suite.images.count == expected.reduce(0, +))
  }

  @Test func `end an episode for which there is an empty plan, or one of no numbers`() throws {
    final class Empty: ActionPlanner {
      let cameras: Set<String> = []
      let history: ObservationHistory? = nil
      let plans: [[Float]]
      init(_ plans: [[Float]]) { self.plans = plans }
      func plan(_ requests: [PolicyRequest]) -> [ActionChunk] { requests.map { _ in ActionChunk(plans) } }
    }
    let shapes = try ShapesSuite(imageSize: 16)
    for (plans, problem) in [
      ([], "the policy gave no plan"), ([[.nan, 0]], "shapes takes finite actions, and got [nan, 0.0]"),
      ([[0, -.infinity]], "shapes takes finite actions, and got [0.0, -inf]"),
      ([[1]], "shapes takes actions of 2 numbers (velocity_x, velocity_y), and got 1"),
    ] as [([[Float]], String)] {
      let results = try Evaluation(shapes, settings(3, batch: 2), directory: nil)
        .run(tasks: ["push_side"], planner: Empty(plans))
      #expect(results.map(\.problem) == [problem, problem, problem])
    }
  }

  @Test func `may be asked for a task twice`() throws {
    let results = try Evaluation(LineEnvironment.Suite(), settings(2, batch: 2), directory: nil)
      .run(tasks: ["up", "up"], planner: RecordingPlanner())
    #expect(results.map(\.episode) == [0, 0, 1, 1])
  }
}
