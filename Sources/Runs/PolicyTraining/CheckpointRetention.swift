import Foundation
import ModelFiles
import RunLogs

/// Which of a run's checkpoints stay on the disk, beside those of other programs.
public struct CheckpointRetention: Sendable, Equatable {
  /// The newest ones that stay; 0 for all.
  public var newest = 0
  /// The best ones that stay beside them: by the success of the evaluation at their step, where the run has any, else by
  /// the held-out loss. What was not measured is none of the best.
  public var best = 0

  public init() {}

  /// The most that are there at once, the one being written included; nil without a limit.
  public var most: Int? { newest > 0 ? newest + best + 1 : nil }

  /// The measured steps among some, the best first, and of equals the later.
  ///
  /// - Parameter measured: the evaluations' values by step.
  public static func ranked(_ steps: some Sequence<Int>, by measured: [Int: Metrics]) -> [Int] {
    let evaluates = measured.values.contains { $0[TrainingLoop.successKey] != nil }
    let scores = steps.compactMap { step -> (step: Int, score: Double)? in
      let values = measured[step]
      let score = evaluates ? values?[TrainingLoop.successKey] : values?[HeldOutLoss.key].map { -$0 }
      return score.map { (step, $0) }
    }
    return scores.sorted { ($0.score, $0.step) > ($1.score, $1.step) }.map(\.step)
  }

  /// The checkpoints that may go.
  func superseded(_ checkpoints: [Int: URL], by measured: [Int: Metrics]) -> [URL] {
    guard newest > 0 else { return [] }
    let steps = checkpoints.keys.sorted()
    let kept = Set(steps.suffix(newest)).union(Self.ranked(steps, by: measured).prefix(best))
    return steps.filter { !kept.contains($0) }.compactMap { checkpoints[$0] }
  }
}
