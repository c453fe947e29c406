import ExperimentStatistics
import Foundation
import ModelFiles
import OrderedCollections
import RobotEnvironments

extension SuccessRate {
  /// The rate of some episodes; an aborted one is a failure.
  public init(of results: [EpisodeResult]) {
    self.init(successes: results.count(where: \.success), episodes: results.count)
  }

  public var percentage: Double { share * 100 }

  /// `pc_success_ci95`: the bounds in percent.
  var intervalJSON: JSON { .array([.number(interval.lowerBound * 100), .number(interval.upperBound * 100)]) }
}

/// The figures of a set of episodes, under LeRobot's names in `eval_info.json`.
public struct EvaluationSummary: Sendable {
  /// `avg_sum_reward`
  public let averageRewardSum: Double
  /// `avg_max_reward`
  public let averageRewardMaximum: Double
  /// `pc_success`, in percent there, and its interval.
  public let successRate: SuccessRate
  /// `video_paths`, relative to the report's root.
  public let videoPaths: [String]

  var json: OrderedDictionary<String, JSON> {
    [
      "avg_sum_reward": .number(averageRewardSum), "avg_max_reward": .number(averageRewardMaximum),
      "pc_success": .number(successRate.percentage), "n_success": .integer(successRate.successes),
      "n_episodes": .integer(successRate.episodes), "pc_success_ci95": successRate.intervalJSON,
      "video_paths": .array(videoPaths.map(JSON.string)),
    ]
  }
}

/// The contents of `eval_info.json`: LeRobot's fields, confidence intervals and the protocol.
public struct EvaluationReport {
  let tasks: [TaskLabel]
  let results: [EpisodeResult]
  /// The duration of the evaluation, or of its last start.
  public let seconds: Double
  private let timedEpisodes: Int
  let protocolManifest: JSON
  let root: URL

  /// A report of finished episodes.
  ///
  /// - Parameters:
  ///   - tasks: the tasks in order, of one group or several.
  ///   - timedEpisodes: how many of them took these seconds; all unless an earlier start had ended some.
  ///   - manifest: everything that the results depend on: policy, steps per plan, seed, versions.
  ///   - root: paths of videos are written relative to it.
  public init(
    tasks: [TaskLabel], results: [EpisodeResult], seconds: Double, timedEpisodes: Int? = nil, manifest: JSON, root: URL
  ) {
    self.timedEpisodes = timedEpisodes ?? results.count
    self.tasks = tasks
    self.results = results
    self.seconds = seconds
    protocolManifest = manifest
    self.root = root
  }

  /// The figures of all episodes.
  public var overall: EvaluationSummary { summary(of: results) }

  /// The success rate of all episodes, or of one task's. An aborted episode is a failure.
  public func rate(of task: String? = nil) -> SuccessRate {
    SuccessRate(of: results.filter { task == nil || $0.task == task })
  }

  /// The groups in the order of their first tasks.
  public var groups: [String] { Array(OrderedSet(tasks.map(\.group))) }

  /// The success rate of a group's episodes.
  public func rate(ofGroup group: String) -> SuccessRate { SuccessRate(of: results(ofGroup: group)) }

  private func results(ofGroup group: String) -> [EpisodeResult] {
    let own = Set(tasks.filter { $0.group == group }.map(\.task))
    return results.filter { own.contains($0.task) }
  }

  public var json: JSON {
    var overall = overall.json
    overall["eval_s"] = .number(seconds)
    overall["eval_ep_s"] = .number(seconds / Double(max(timedEpisodes, 1)))
    let perTask = tasks.map { label -> JSON in
      let own = results.filter { $0.task == label.task }
      return [
        "task_group": .string(label.group), "task_id": .integer(label.index), "task": .string(label.name),
        "metrics": [
          "sum_rewards": .array(own.map { .number($0.rewardSum) }),
          "max_rewards": .array(own.map { .number($0.rewardMaximum) }),
          "successes": .array(own.map { .bool($0.success) }),
          "video_paths": .array(own.compactMap { $0.video.map { .string(path($0)) } }),
          "steps": .array(own.map { .integer($0.steps) }),
          "instructions": .array(own.map { .string($0.instruction) }),
          "problems": .array(own.map { $0.problem.map(JSON.string) ?? .null }),
          "pc_success_ci95": SuccessRate(of: own).intervalJSON,
        ],
      ]
    }
    var perGroup: OrderedDictionary<String, JSON> = [:]
    for group in groups { perGroup[group] = .object(summary(of: results(ofGroup: group)).json) }
    return [
      "per_task": .array(perTask), "per_group": .object(perGroup),
      "overall": .object(overall), "protocol": protocolManifest,
      "outcomes_sha256": .string(Self.outcomesSHA256(perTask)),
      "protocol_sha256": .string(Self.protocolSHA256(protocolManifest)),
    ]
  }

  /// The digest of what the episodes gave, from `per_task`: an evaluation that is repeated has the same one.
  ///
  /// Videos are not part of it, because their number is a setting.
  public static func outcomesSHA256(_ perTask: [JSON]) -> String {
    let names = ["successes", "steps", "sum_rewards", "max_rewards", "instructions", "problems"]
    let outcomes = perTask.map { entry -> JSON in
      .array([entry["task_group"] ?? .null, entry["task"] ?? .null] + names.map { entry["metrics"]?[$0] ?? .null })
    }
    return sha256(of: JSON.array(outcomes).text(.compact))
  }

  /// The digest of the protocol, by which an edited one shows.
  public static func protocolSHA256(_ manifest: JSON) -> String { sha256(of: manifest.text(.compact)) }

  private func summary(of results: [EpisodeResult]) -> EvaluationSummary {
    let count = Double(max(results.count, 1))
    return EvaluationSummary(
      averageRewardSum: results.map(\.rewardSum).reduce(0, +) / count,
      averageRewardMaximum: results.map(\.rewardMaximum).reduce(0, +) / count,
      successRate: SuccessRate(of: results), videoPaths: results.compactMap { $0.video.map(path) })
  }

  private func path(_ url: URL) -> String {
    url.path.hasPrefix(root.path + "/") ? String(url.path.dropFirst(root.path.count + 1)) : url.path
  }
}
