import ExperimentStatistics
import Failures
import Foundation
import ModelFiles
import MuJoCoPhysics
import OrderedCollections
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies
import TerminalOutput

/// An environment's tasks and how they are to be played: what `eval` does once and `train` does now and then.
struct EvaluationRun {
  let suite: any EnvironmentSuite
  let tasks: [String]
  var settings: EvaluationSettings
  /// The episodes of a task that start from different states.
  let independentEpisodes: Int

  /// What was found, and every episode of it.
  struct Outcome {
    let report: EvaluationReport
    let results: [EpisodeResult]
    /// Predicted memories that were not finite and so were not used.
    let droppedMemories: Int

    var broken: [EpisodeResult] { results.filter { $0.problem != nil } }

    /// Refuses an evaluation in which every episode broke off: nothing was measured, and 0 % would not be true.
    func requireMeasured() throws {
      guard let problem = results.first?.problem, broken.count == results.count else { return }
      throw Failure("every episode broke off, so there is no success rate: \(problem)")
    }
  }

  /// Opens the environment; says at once what it lacks.
  init(
    _ environment: EnvironmentSettings, _ settings: EvaluationSettings, _ initialStates: InitialStateSource
  ) throws {
    let suite = try environment.suite(initialStates)
    self.suite = suite
    // With another MuJoCo every episode would end with an error.
    _ = try PhysicsEngine.version
    tasks = try environment.tasks(of: suite)
    guard !tasks.isEmpty else { throw Failure("--env.task names no task") }
    self.settings = settings
    let counts = try tasks.compactMap { task throws in try suite.initialStateCount(ofTask: task) }
    independentEpisodes = min(settings.episodes, counts.min() ?? settings.episodes)
  }

  /// What a planner gets to see, as the first task has it.
  func specification() throws -> EnvironmentSpecification {
    guard let first = tasks.first else { throw Failure("--env.task names no task") }
    return try suite.specification(ofTask: first)
  }

  /// SHA-256 of the files that decide each task's episodes.
  func fingerprints() throws -> OrderedDictionary<String, JSON> {
    var prints: OrderedDictionary<String, JSON> = [:]
    for task in tasks {
      let files = try suite.fingerprint(ofTask: task).sorted { $0.key < $1.key }
      prints[suite.label(ofTask: task).text] = .object(
        OrderedDictionary(uniqueKeysWithValues: files.map { ($0.key, .string($0.value)) }))
    }
    return prints
  }

  /// Plays all episodes; videos go below `videos/` in `directory`.
  ///
  /// - Parameters:
  ///   - root: `eval_info.json` goes there, and names videos from there; by default `directory`.
  ///   - resumes: whether episodes that an earlier start finished are kept.
  ///   - manifest: everything that the results depend on; asked for when the episodes have ended.
  ///   - interruption: once a signal has come, only the episodes that have ended are kept.
  ///   - profile: records the episodes; a step of it is a plan.
  ///   - recorder: keeps the episodes as data.
  func run(
    _ planner: any ActionPlanner, in directory: URL, root: URL? = nil, resumes: Bool = false, manifest: () -> JSON,
    interruption: Interruption, profile: Profile? = nil, recorder: (any EpisodeRecorder)? = nil
  ) throws -> Outcome {
    let start = ContinuousClock.now
    let progress = ProgressBar("evaluating", total: tasks.count * settings.episodes)
    // Episodes whose plans depend on those beside them cannot be repeated one by one.
    let log = try EpisodeLog(
      directory, protocol: manifest(), resumes: resumes, keepsEpisodes: planner.batching != .all)
    try profile?.start()
    defer { if let line = profile?.finish() { say(line) } }
    var plans = 0
    let results = try Evaluation(suite, settings, directory: directory, recorder: recorder).run(
      tasks: tasks, planner: planner, finished: log.finished
    ) { done in
      log.append(done, manifest: manifest)
      let rate = SuccessRate(successes: done.count(where: \.success), episodes: done.count)
      plans += 1
      progress.update(
        done.count, note: done.isEmpty ? "planned \(counted(plans, "time"))" : "success so far " + rate.text)
      if let line = profile?.stepDone() { progress.say(line) }
    } stops: {
      interruption.signalNumber != nil
    }
    progress.finish()
    let root = root ?? directory
    var record = manifest().object ?? [:]
    // Where all episodes had ended before, nothing was drawn.
    if record["renderer"] == .null, let renderer = log.renderer { record["renderer"] = renderer }
    let dropped = log.droppedMemories + (record["dropped_memories"]?.integer ?? 0)
    if record["dropped_memories"] != nil { record["dropped_memories"] = .integer(dropped) }
    let report = EvaluationReport(
      tasks: tasks.map(suite.label), results: results, seconds: start.duration(to: .now) / .seconds(1),
      timedEpisodes: results.count - log.finished.count,
      manifest: .object(record), root: root)
    // Stopped before an episode had ended, there is nothing to report; `episodes.jsonl` is what a later start resumes from.
    if results.isEmpty, interruption.signalNumber != nil {
      return Outcome(report: report, results: results, droppedMemories: dropped)
    }
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    try report.json.write(to: root.appendingPathComponent("eval_info.json"), layout: .indented(2), overwrite: resumes)
    try log.requireInPlace()
    return Outcome(report: report, results: results, droppedMemories: dropped)
  }

  /// Says which episodes broke off, a few of them, and how many memories were dropped.
  func sayWhatBroke(_ outcome: Outcome) {
    if outcome.droppedMemories > 0 {
      say(
        "warning: \(outcome.droppedMemories) memories were not finite and were not used, so these episodes are partly "
          + "without memory; the checkpoint's Prophet or its encoder is broken")
    }
    for result in outcome.broken.prefix(3) {
      say("\(suite.label(ofTask: result.task).text), episode \(result.episode) broke off: \(result.problem ?? "")")
    }
  }
}
