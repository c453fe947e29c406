import Failures
import RobotEnvironments
import Foundation
import ModelFiles

/// What is evaluated, and how often.
public struct EvaluationSettings: Sendable {
  /// Episodes of each task.
  public var episodes = 50
  /// Environments that are played side by side; no more are made than a task has episodes.
  public var batchSize = 50
  /// Episode k of a task follows from this, the task and k alone.
  public var seed = 1000
  /// Episodes of each task that are filmed, from the first.
  public var filmed = 10
  /// Tell the policy the contrary instruction, and count the original goal.
  public var contrary = false
  /// Environments that step at the same moment; the others wait their turn.
  var threads = max(2, ProcessInfo.processInfo.activeProcessorCount)

  /// The defaults of LeRobot.
  public init() {}
}

/// Runs a planner in a suite's tasks, several environments at a time.
///
/// Each environment has a slot, and a slot whose episode has ended takes the next one at once, of the next task where the
/// present one has none left. One thread plans: it gives all that wait a plan in one call while the others go on. Who
/// waits together depends on time, so a planner owes each request a plan that depends on that request alone, or gathers
/// everyone.
public struct Evaluation {
  private let suite: any EnvironmentSuite
  private let settings: EvaluationSettings
  private let videos: URL?

  /// An evaluation; videos go to `videos/GROUP_TASK/eval_episode_N.mp4` below `directory`, or nowhere.
  public init(_ suite: any EnvironmentSuite, _ settings: EvaluationSettings, directory: URL?) {
    self.suite = suite
    self.settings = settings
    videos = directory?.appendingPathComponent("videos")
  }

  /// All episodes of some tasks, in order.
  ///
  /// - Parameters:
  ///   - progress: called after each call of the planner with the results so far, in the order in which episodes ended.
  ///   - stops: asked before each call of the planner; once true, only episodes that have ended are given.
  /// - Throws: if the suite has no such task. What goes wrong in an episode is its result's `problem`.
  public func run(
    tasks: [String], planner: any Planner, progress: ([EpisodeResult]) -> Void = { _ in },
    stops: () -> Bool = { false }
  ) throws -> [EpisodeResult] {
    for task in tasks { _ = try suite.specification(ofTask: task) }
    let count = max(1, min(settings.batchSize, settings.episodes))
    let desk = Desk(Agenda(tasks: tasks, episodes: settings.episodes), slots: count)
    let workers = OperationQueue()
    workers.maxConcurrentOperationCount = settings.threads
    func work(_ slot: Slot) {
      workers.addOperation {
        slot.goOn()
        desk.handIn(slot)
      }
    }
    let setting = Slot.Setting(suite: suite, settings: settings, videos: videos, needs: PlanningNeeds(planner))
    for _ in 0..<count { work(Slot(setting, desk)) }
    let order = Dictionary(tasks.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
    var patience = 0.0
    while let waiting = desk.takeWaiting(planner.gathering, patience: patience), !stops() {
      // Who came first is chance; what plans depend on must not be.
      let slots = waiting.sorted { $0.place(among: order) < $1.place(among: order) }
      let begun = Date()
      plan(slots, planner)
      // A call takes hardly longer for many than for few, so half of one is well spent on waiting for more.
      patience = Date().timeIntervalSince(begun) / 2
      for slot in slots { work(slot) }
      progress(desk.ended)
    }
    desk.close()
    workers.waitUntilAllOperationsAreFinished()
    progress(desk.ended)
    return desk.ended.sorted { (order[$0.task] ?? 0, $0.episode) < (order[$1.task] ?? 0, $1.episode) }
  }

  /// One plan for each that waits, in one batch; where that fails each asks alone, and those that get none end.
  private func plan(_ slots: [Slot], _ planner: any Planner) {
    let requests = slots.compactMap(\.request)
    if slots.count > 1, let plans = try? planner.plan(requests), plans.count == slots.count,
      !plans.contains(where: \.isEmpty)
    {
      for (slot, plan) in zip(slots, plans) { slot.take(plan) }
      return
    }
    for (slot, request) in zip(slots, requests) {
      do {
        if let plan = try planner.plan([request]).first, !plan.isEmpty {
          slot.take(plan)
        } else {
          slot.breakOff("the policy gave no plan")
        }
      } catch {
        slot.breakOff("the policy gave no plan: \(message(of: error))")
      }
    }
  }
}
