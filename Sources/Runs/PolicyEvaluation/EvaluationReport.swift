import ExperimentStatistics
import Foundation
import ModelFiles
import OrderedCollections
import RobotEnvironments

extension SuccessRate {
  /// The rate of some episodes; one that broke off is a failure.
  public init(of results: [EpisodeResult]) {
    self.init(successes: results.count(where: \.success), episodes: results.count)
  }
}

/// What `eval_info.json` holds: LeRobot's fields, and the intervals and protocol beside them.
public struct EvaluationReport {
  let tasks: [TaskLabel]
  let results: [EpisodeResult]
  let seconds: Double
  let protocolManifest: JSON
  let root: URL

  /// A report of finished episodes.
  ///
  /// - Parameters:
  ///   - tasks: the tasks in order, of one group or several.
  ///   - manifest: everything the figures depend on: policy, steps per plan, seed, versions.
  ///   - root: paths of videos are written relative to it.
  public init(
    tasks: [TaskLabel], results: [EpisodeResult], seconds: Double, manifest: JSON, root: URL
  ) {
    self.tasks = tasks
    self.results = results
    self.seconds = seconds
    protocolManifest = manifest
    self.root = root
  }

  /// The success rate of all episodes, or of one task's. An episode that broke off is a failure.
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
    var overall = aggregate(results)
    overall["eval_s"] = .number(seconds)
    overall["eval_ep_s"] = .number(seconds / Double(max(results.count, 1)))
    let perTask = tasks.map { label -> JSON in
      let own = results.filter { $0.task == label.task }
      return [
        "task_group": .string(label.group), "task_id": .integer(label.index), "task": .string(label.name),
        "metrics": [
          "sum_rewards": .array(own.map { .number($0.rewardSum) }),
          "max_rewards": .array(own.map { .number($0.rewardMaximum) }),
          "successes": .array(own.map { .bool($0.success) }),
          "video_paths": .array(own.compactMap { $0.video.map(path) }),
          "steps": .array(own.map { .integer($0.steps) }),
          "instructions": .array(own.map { .string($0.instruction) }),
          "problems": .array(own.map { $0.problem.map(JSON.string) ?? .null }),
          "pc_success_interval": interval(SuccessRate(of: own)),
        ],
      ]
    }
    var perGroup: OrderedDictionary<String, JSON> = [:]
    for group in groups { perGroup[group] = .object(aggregate(results(ofGroup: group))) }
    return [
      "per_task": .array(perTask), "per_group": .object(perGroup),
      "overall": .object(overall), "protocol": protocolManifest,
    ]
  }

  private func aggregate(_ results: [EpisodeResult]) -> OrderedDictionary<String, JSON> {
    let count = Double(max(results.count, 1))
    let rate = SuccessRate(of: results)
    return [
      "avg_sum_reward": .number(results.map(\.rewardSum).reduce(0, +) / count),
      "avg_max_reward": .number(results.map(\.rewardMaximum).reduce(0, +) / count),
      "pc_success": .number(rate.share * 100), "pc_success_interval": interval(rate),
      "n_episodes": .integer(results.count), "video_paths": .array(results.compactMap { $0.video.map(path) }),
    ]
  }

  private func interval(_ rate: SuccessRate) -> JSON {
    .array([.number(rate.interval.lowerBound * 100), .number(rate.interval.upperBound * 100)])
  }

  private func path(_ url: URL) -> JSON {
    .string(url.path.hasPrefix(root.path + "/") ? String(url.path.dropFirst(root.path.count + 1)) : url.path)
  }
}
