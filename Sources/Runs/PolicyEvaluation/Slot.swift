import Failures
import RobotEnvironments
import Foundation
import MediaCoding
import ModelFiles

/// A place for one environment, in which episodes are played one after another.
///
/// It belongs to one thread at a time: to a worker while it plays, and to the planner from when it is handed in at the
/// desk until it goes back to work.
final class Slot: @unchecked Sendable {
  /// What an evaluation's slots have in common.
  struct Setting: Sendable {
    let suite: any EnvironmentSuite
    let settings: EvaluationSettings
    let videos: URL?
    let needs: PlanningNeeds
  }

  /// What its episode wants planned; nil when no episode was left.
  private(set) var request: PlanningRequest?

  private let setting: Setting
  private let desk: Desk
  private var environment: (task: String, world: any Environment)?
  private var rollout: Rollout?
  private var plan: [[Float]] = []

  /// A slot without an episode.
  init(_ setting: Setting, _ desk: Desk) {
    self.setting = setting
    self.desk = desk
  }

  /// Where its episode stands among all, by its task's place and its number.
  func place(among order: [String: Int]) -> (Int, Int) {
    rollout.map { (order[$0.result.task] ?? 0, $0.result.episode) } ?? (.max, 0)
  }

  /// Takes a plan to be carried out when it goes on.
  func take(_ plan: [[Float]]) { self.plan = plan }

  /// Ends the episode with a sentence, for want of a plan.
  func breakOff(_ problem: String) { rollout?.end(problem) }

  /// Plays until the next plan is needed, through as many episodes as end before that.
  func goOn() {
    request = nil
    rollout?.carryOut(plan)
    plan = []
    while true {
      if let rollout {
        request = rollout.request()
        if request != nil { return }
        desk.note(save(rollout))
        self.rollout = nil
      }
      guard let item = desk.nextEpisode() else {
        environment = nil
        return
      }
      begin(item)
    }
  }

  private func begin(_ item: Agenda.Item) {
    if environment?.task != item.task {
      // Two tasks' environments would need twice the memory.
      environment = nil
      do {
        environment = (item.task, try setting.suite.makeEnvironment(task: item.task))
      } catch {
        desk.giveUp(item, message(of: error))
      }
    }
    guard let environment else { return }
    rollout = Rollout(
      environment.world, item, setting.settings, setting.needs,
      isFilmed: setting.videos != nil && item.episode < setting.settings.filmed)
  }

  /// The episode's result; a film that cannot be written is said and costs no other result.
  private func save(_ rollout: Rollout) -> EpisodeResult {
    var result = rollout.result
    do { result.video = try writeFilm(of: rollout) } catch {
      result.problem = result.problem ?? "the film could not be written: \(message(of: error))"
    }
    return result
  }

  private func writeFilm(of rollout: Rollout) throws -> URL? {
    let result = rollout.result
    guard let videos = setting.videos, let first = rollout.film.first else { return nil }
    let folder = videos.appendingPathComponent(setting.suite.label(ofTask: result.task).folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let url = folder.appendingPathComponent("eval_episode_\(result.episode).mp4")
    let writer = try VideoWriter(
      url, width: first.width, height: first.height,
      framesPerSecond: Double(rollout.environment.specification.framesPerSecond), overwrite: true)
    for picture in rollout.film { try writer.append(picture) }
    try writer.finish()
    return url
  }
}
