import CounterBasedRandom
import Failures
import Foundation
import MediaCoding
import RGBImages
import RobotEnvironments
import RobotPolicies
import Tracing

public struct EpisodeResult: Sendable {
  public let task: String
  /// The episode's number within its task.
  public let episode: Int
  /// What the policy was told.
  public var instruction = ""
  /// Whether the goal was reached.
  public var success = false
  public var steps = 0
  public var rewardSum = 0.0, rewardMaximum = 0.0
  /// Why the episode broke off, if it did.
  public var problem: String?
  public var video: URL?

  public init(task: String, episode: Int, problem: String? = nil) {
    (self.task, self.episode, self.problem) = (task, episode, problem)
  }
}

/// Runs one episode: executes action chunks until the next one is needed. Used by one thread.
final class EpisodeRunner {
  private let environment: any Environment
  private var result: EpisodeResult
  private let context: EnvironmentWorker.Context
  private let random: CountedRandom
  /// The camera of the episode's video, nil if it is not recorded.
  private let videoCamera: String?
  private var video: VideoWriter?
  private var videoProblem: String?
  private var isFinished = false
  private var history: [RGBImage] = []
  private var requests = 0
  /// The steps so far and what was seen last, where the episode is recorded.
  private var steps: [RecordedStep] = []
  private var seen: Observation?

  /// Resets the environment to the episode's start.
  init(_ environment: any Environment, _ episode: EpisodeID, _ context: EnvironmentWorker.Context) {
    self.environment = environment
    self.context = context
    let settings = context.settings
    let isRecorded = context.videos != nil && settings.records(episode.episode)
    videoCamera = isRecorded ? environment.specification.cameras.first?.name : nil
    result = EpisodeResult(task: episode.task, episode: episode.episode)
    random = CountedRandom(seed: settings.seed, "rollout \(episode.task)").at(episode.episode)
    attempt { try traced(.simulator) { try environment.reset(seed: settings.seed, episode: episode.episode) } }
  }

  /// Returns the next request to the planner, or nil when the episode is over.
  func nextRequest() -> PolicyRequest? {
    guard !isFinished else { return nil }
    var request: PolicyRequest?
    attempt {
      var cameras = context.requirements.cameras
      if let videoCamera { cameras.insert(videoCamera) }
      if let history = context.requirements.history { cameras.insert(history.camera) }
      if context.recorder != nil { cameras.formUnion(environment.specification.cameras.map(\.name)) }
      let seen = try traced(.renderer) { try environment.observe(cameras: cameras) }
      record(seen)
      let asked = try ablated(PolicyRequest(observation: seen, history: history, random: random.at(requests)))
      result.instruction = asked.observation.instruction
      request = asked
      requests += 1
    }
    return request
  }

  /// What the policy reads under the evaluation's ablation.
  private func ablated(_ request: PolicyRequest) throws -> PolicyRequest {
    let settings = context.settings
    guard let ablation = settings.ablation else { return request }
    let episode = ObservationAblation.Episode(
      random: CountedRandom(seed: settings.seed, "ablation \(result.task)").at(result.episode),
      contraryInstruction: environment.contraryInstruction, stateDeviation: settings.stateDeviation,
      historyCamera: context.requirements.history?.camera)
    return try ablation.applied(to: request, query: requests, of: episode)
  }

  /// Executes an action chunk, or as much of it as the episode lasts.
  func execute(_ chunk: ActionChunk) {
    guard !isFinished else { return }
    attempt {
      for (index, action) in chunk.enumerated() {
        let step = try traced(.simulator) { try environment.step(action) }
        result.steps += 1
        result.rewardSum += Double(step.reward)
        result.rewardMaximum = max(result.rewardMaximum, Double(step.reward))
        result.success = result.success || step.success
        let isOver = step.terminated || result.steps >= environment.specification.maximumSteps
        if let seen { steps.append(RecordedStep(observation: seen, action: action, result: step, isLast: isOver)) }
        // The state after the last action is rendered with the next request.
        if isOver || index < chunk.count - 1 { try render(stepsUntilRequest: isOver ? nil : chunk.count - 1 - index) }
        if isOver {
          isFinished = true
          return
        }
      }
    }
  }

  /// Renders only what is used: the video, and the last steps before the next request.
  private func render(stepsUntilRequest: Int?) throws {
    var cameras: Set<String> = []
    if let videoCamera { cameras.insert(videoCamera) }
    if let history = context.requirements.history, let stepsUntilRequest, stepsUntilRequest < history.frames {
      cameras.insert(history.camera)
    }
    if context.recorder != nil, stepsUntilRequest != nil {
      cameras.formUnion(environment.specification.cameras.map(\.name))
    }
    guard !cameras.isEmpty else { return }
    record(try traced(.renderer) { try environment.observe(cameras: cameras) })
  }

  private func record(_ seen: Observation) {
    if context.recorder != nil { self.seen = seen }
    if let videoCamera, let image = seen.images[videoCamera] { append(image) }
    guard let required = context.requirements.history, let image = seen.images[required.camera] else { return }
    // The first image of an episode takes the place of all before it.
    if history.isEmpty { history = Array(repeating: image, count: required.frames) }
    history = history.suffix(required.frames - 1) + [image]
  }

  /// Ends the episode with an error message.
  func end(_ problem: String) {
    result.problem = problem
    isFinished = true
  }

  /// Ends the episode with an error message if the environment fails.
  private func attempt(_ body: () throws -> Void) {
    do { try body() } catch { end(message(of: error)) }
  }

  // MARK: Video

  /// A video that cannot be written is reported and does not affect the result.
  private func append(_ image: RGBImage) {
    guard videoProblem == nil else { return }
    do {
      let writer = if let video { video } else { try openVideo(image) }
      video = writer
      try writer.append(image)
    } catch { videoProblem = message(of: error) }
  }

  private func openVideo(_ first: RGBImage) throws -> VideoWriter {
    let folder = (context.videos ?? URL(fileURLWithPath: "."))
      .appendingPathComponent(context.suite.label(ofTask: result.task).folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return try VideoWriter(
      folder.appendingPathComponent("eval_episode_\(result.episode).mp4"), width: first.width, height: first.height,
      framesPerSecond: Double(environment.specification.framesPerSecond), overwrite: true)
  }

  /// Completes the video, hands over what was recorded and returns the result.
  func finish() -> EpisodeResult {
    if let recorder = context.recorder, result.problem == nil, !steps.isEmpty {
      do { try recorder.record(steps, of: result, from: environment.startState) } catch {
        result.problem = "the episode could not be recorded: \(message(of: error))"
      }
      steps = []
    }
    if let video, videoProblem == nil {
      do {
        try video.finish()
        result.video = video.url
      } catch { videoProblem = message(of: error) }
    }
    if let videoProblem { result.problem = result.problem ?? "the video could not be written: \(videoProblem)" }
    return result
  }
}
