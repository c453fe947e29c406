import Failures
import Foundation
import RobotEnvironments
import Tracing
import WorkerThreads

/// How an evaluation runs a suite's tasks.
public struct EvaluationSettings: Sendable {
  public var episodes = 50
  /// Environments that run at the same time; at most `episodes` are created.
  public var batchSize = 50
  /// Episode k of a task is a function of this seed, the task and k.
  public var seed = 1000
  /// The number of episodes of each task, from the first, that are recorded as videos.
  public var recordedEpisodes = 10
  /// What is withheld from the policy; nil for nothing.
  public var ablation: ObservationAblation?
  /// The standard deviation of each number of the state in the training data, which noise on the state follows.
  public var stateDeviation: [Float] = []
  /// The numbers of the episodes of each task that are recorded instead of the first; nil for none.
  public var recordedNumbers: Set<Int>?
  /// Environments that step at the same time; the others wait.
  var threads = max(2, ProcessInfo.processInfo.activeProcessorCount)

  public init() {}

  func records(_ episode: Int) -> Bool { recordedNumbers?.contains(episode) ?? (episode < recordedEpisodes) }
}

/// Runs a planner in a suite's tasks, several environments at a time.
///
/// Each environment has a worker on a thread of its own, which starts the next episode as soon as one ends. The calling
/// thread runs inference for the workers that wait, in batches, while the rest keep stepping. Batch composition depends
/// on timing, so a planner's action chunk must depend on its own request alone, unless it batches all workers.
public struct Evaluation {
  private let suite: any EnvironmentSuite
  private let settings: EvaluationSettings
  private let videos: URL?
  private let recorder: (any EpisodeRecorder)?

  /// - Parameters:
  ///   - directory: videos go to `videos/GROUP_TASK/eval_episode_N.mp4` below it; nil for no videos.
  ///   - recorder: gets every episode that does not break off, with the images of all cameras.
  public init(
    _ suite: any EnvironmentSuite, _ settings: EvaluationSettings, directory: URL?,
    recorder: (any EpisodeRecorder)? = nil
  ) {
    self.suite = suite
    self.settings = settings
    self.recorder = recorder
    videos = directory?.appendingPathComponent("videos")
  }

  /// Runs all episodes of some tasks and returns their results in order.
  ///
  /// - Parameters:
  ///   - finished: results of an earlier start, whose episodes are not run again.
  ///   - progress: called after each inference with the results so far, in the order in which episodes ended.
  ///   - stops: asked before each inference; if true, only the episodes that have ended are returned.
  /// - Throws: if the suite has no such task. An error in an episode is its result's `problem`.
  public func run(
    tasks: [String], planner: any ActionPlanner, finished: [EpisodeResult] = [],
    progress: ([EpisodeResult]) -> Void = { _ in },
    stops: () -> Bool = { false }
  ) throws -> [EpisodeResult] {
    for task in tasks { _ = try suite.specification(ofTask: task) }
    let workers = max(1, min(settings.batchSize, settings.episodes))
    try requireThreads(workers)
    let queue = EpisodeQueue(tasks: tasks, episodes: settings.episodes, finished: finished)
    let batcher = InferenceBatcher(workers: workers, threads: settings.threads)
    let context = EnvironmentWorker.Context(
      suite: suite, settings: settings, videos: videos, recorder: recorder,
      requirements: ObservationRequirements(planner), queue: queue, batcher: batcher)
    for number in 0..<workers { start(number, context) }
    let order = Dictionary(tasks.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
    var maximumDelay = Duration.zero
    while true {
      let batch = batcher.nextBatch(planner.batching, maximumDelay: maximumDelay)
      guard !batch.isEmpty else { break }
      if stops() {
        queue.close()
        batcher.stop()
        for ticket in batch { ticket.resolve(.stopped) }
        continue
      }
      let start = ContinuousClock.now
      // The order of arrival is chance; what action chunks depend on must not be.
      let ordered = batch.sorted { Self.place($0, order) < Self.place($1, order) }
      traced(.planning) { answer(ordered, planner) }
      // A large batch takes hardly longer than a small one, so half of its time is well spent waiting for more.
      maximumDelay = (ContinuousClock.now - start) / 2
      progress(queue.results)
    }
    progress(queue.results)
    return queue.results.sorted { (order[$0.task] ?? 0, $0.episode) < (order[$1.task] ?? 0, $1.episode) }
  }

  private func start(_ number: Int, _ context: EnvironmentWorker.Context) {
    let isStarted = startThread(named: "environment-\(number)") {
      context.batcher.run { EnvironmentWorker(context).run() }
    }
    // Its episodes are left to the others.
    if !isStarted { context.batcher.run {} }
  }

  private static func place(_ ticket: InferenceBatcher.Ticket, _ order: [String: Int]) -> (Int, Int) {
    (order[ticket.episode.task] ?? 0, ticket.episode.episode)
  }

  /// Plans for all requests in one batch; if that fails each request is planned for alone.
  private func answer(_ batch: [InferenceBatcher.Ticket], _ planner: any ActionPlanner) {
    if batch.count > 1, let chunks = try? planner.plan(batch.map(\.request)), chunks.count == batch.count,
      !chunks.contains(where: \.isEmpty)
    {
      for (ticket, chunk) in zip(batch, chunks) { ticket.resolve(.chunk(chunk)) }
      return
    }
    for ticket in batch {
      do {
        let chunk = try planner.plan([ticket.request]).first
        ticket.resolve(chunk.flatMap { $0.isEmpty ? nil : .chunk($0) } ?? .failure("the policy gave no plan"))
      } catch {
        ticket.resolve(.failure("the policy gave no plan: \(message(of: error))"))
      }
    }
  }
}
