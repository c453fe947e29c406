import Failures
import CounterBasedRandom
import RobotEnvironments
import Foundation
import RGBImages
import ModelFiles
import RobotPolicies

/// How one episode ended.
public struct EpisodeResult: Sendable {
  /// The task's name.
  public let task: String
  /// The episode's number within its task.
  public let episode: Int
  /// What the policy was told.
  public var instruction = ""
  /// Whether the goal was reached.
  public var success = false
  /// Control steps taken.
  public var steps = 0
  /// The rewards' sum and maximum.
  public var rewardSum = 0.0, rewardMaximum = 0.0
  /// Why the episode broke off, if it did.
  public var problem: String?
  /// Where its video lies.
  public var video: URL?
}

/// One environment at work on one episode: carries out planned actions until it needs the next plan.
///
/// Used by one thread at a time; several advance side by side.
final class Rollout {
  let environment: any Environment
  private(set) var result: EpisodeResult
  /// Pictures for the episode's video, if it is filmed.
  private(set) var film: [RGBImage] = []

  private let needs: PlanningNeeds
  private let filmCamera: String?
  private let contrary: Bool
  private let random: CountedRandom
  private var isFinished = false
  private var past: [RGBImage] = []
  private var queries = 0

  /// Begins an episode.
  init(
    _ environment: any Environment, _ item: Agenda.Item, _ settings: EvaluationSettings, _ needs: PlanningNeeds,
    isFilmed: Bool
  ) {
    self.environment = environment
    self.needs = needs
    contrary = settings.contrary
    filmCamera = isFilmed ? environment.specification.cameras.first?.name : nil
    result = EpisodeResult(task: item.task, episode: item.episode)
    random = CountedRandom(seed: settings.seed, "rollout \(item.task)").at(item.episode)
    attempt { try environment.reset(seed: settings.seed, episode: item.episode) }
  }

  /// What the planner is asked next; nil when the episode is over.
  func request() -> PlanningRequest? {
    guard !isFinished else { return nil }
    var request: PlanningRequest?
    attempt {
      var cameras = needs.cameras
      if let camera = filmCamera { cameras.insert(camera) }
      if let history = needs.history { cameras.insert(history.camera) }
      let seen = try environment.observe(cameras: cameras)
      remember(seen)
      let instruction = contrary ? environment.contraryInstruction ?? seen.instruction : seen.instruction
      result.instruction = instruction
      request = PlanningRequest(
        observation: Observation(images: seen.images, state: seen.state, instruction: instruction), history: past,
        random: random.at(queries))
      queries += 1
    }
    return request
  }

  /// Carries out a plan, or as much of it as the episode lasts.
  func carryOut(_ plan: [[Float]]) {
    guard !isFinished else { return }
    attempt {
      for (index, action) in plan.enumerated() {
        let step = try environment.step(action)
        result.steps += 1
        result.rewardSum += Double(step.reward)
        result.rewardMaximum = max(result.rewardMaximum, Double(step.reward))
        result.success = result.success || step.success
        let isOver = step.terminated || result.steps >= environment.specification.maximumSteps
        // The plan's last state is drawn when the next plan is asked for.
        if isOver || index < plan.count - 1 { try draw(stepsUntilPlan: isOver ? nil : plan.count - 1 - index) }
        if isOver {
          isFinished = true
          return
        }
      }
    }
  }

  /// Draws only what somebody will look at: the film, and the last steps before the next plan.
  private func draw(stepsUntilPlan: Int?) throws {
    var cameras: Set<String> = []
    if let filmCamera { cameras.insert(filmCamera) }
    if let history = needs.history, let stepsUntilPlan, stepsUntilPlan < history.frames {
      cameras.insert(history.camera)
    }
    guard !cameras.isEmpty else { return }
    remember(try environment.observe(cameras: cameras))
  }

  private func remember(_ seen: Observation) {
    if let filmCamera, let picture = seen.images[filmCamera] { film.append(picture) }
    guard let history = needs.history, let picture = seen.images[history.camera] else { return }
    // An episode's first picture stands for all before it.
    if past.isEmpty { past = Array(repeating: picture, count: history.frames) }
    past = past.suffix(history.frames - 1) + [picture]
  }

  /// Ends the episode with a sentence.
  func end(_ problem: String) {
    result.problem = problem
    isFinished = true
  }

  /// Ends the episode with a sentence where the environment fails; others go on.
  private func attempt(_ body: () throws -> Void) {
    do { try body() } catch { end(message(of: error)) }
  }
}
