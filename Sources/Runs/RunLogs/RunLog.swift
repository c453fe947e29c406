import Foundation
import ModelFiles
import OrderedCollections

/// Where a training run can be watched: `metrics.jsonl`, TensorBoard's event files and, if asked for, a W&B run.
///
/// In `metrics.jsonl` training's values have plain names; in the others they begin with `train/`, as LeRobot's do.
/// A resumed run's logs hold every step once, whatever a killed run left in them.
public struct RunLog {
  private var metrics: MetricsLog
  private let tensorBoard: TensorBoardLog
  private var wandb: WandBRun?
  private let position: (Int) -> Metrics
  /// What was measured of the policy, the values named `eval/…`, by step.
  public private(set) var evaluations: [Int: Metrics] = [:]

  /// Opens the logs of a run.
  ///
  /// - Parameters:
  ///   - output: the run's folder.
  ///   - first: the step from which the run continues, 0 for a new one.
  ///   - configuration: the run's settings, to be shown beside its curves.
  ///   - wandb: describes the W&B run, if there is to be one.
  ///   - position: how far a run has come at a step, for W&B's rows.
  public init(
    output: URL, resumingAt first: Int, configuration: JSON, wandb description: WandBDescription? = nil,
    position: @escaping (_ step: Int) -> Metrics = { _ in [:] }
  ) throws {
    self.position = position
    metrics = try MetricsLog(output.appendingPathComponent("metrics.jsonl"), resumingAt: first)
    // The copies' last rows may be missing; the step at which the run continues is written to them again.
    tensorBoard = try TensorBoardLog(
      output.appendingPathComponent("tensorboard"), from: first, configuration: configuration)
    if let description { wandb = try WandBRun(description, output: output, resumingAt: first) }
    for row in metrics.kept {
      noteEvaluation(row.values, step: row.step)
      let values = Self.prefixed(row.values)
      if row.step >= first { try tensorBoard.write(values, step: row.step) }
      if let last = wandb.map({ $0.lastStep ?? -1 }), row.step > last { try writeToWandB(values, step: row.step) }
    }
  }

  /// A sentence for people where a resumed run's log was damaged.
  public var notice: String? {
    metrics.damaged.map { "warning: lines of metrics.jsonl that cannot be read were moved to \($0.path)" }
  }

  /// Writes what was measured at a step, which may have been written to before but must not lie behind the last one.
  ///
  /// - Parameter video: of an episode of the step's evaluation, for W&B.
  public mutating func write(_ values: Metrics, step: Int, video: URL? = nil) throws {
    try metrics.write(values, step: step)
    noteEvaluation(values, step: step)
    let values = Self.prefixed(values)
    try tensorBoard.write(values, step: step)
    try writeToWandB(values, step: step, video: video)
  }

  private mutating func noteEvaluation(_ values: Metrics, step: Int) {
    let found = values.filter { $0.key.hasPrefix("eval/") }
    if !found.isEmpty { evaluations[step, default: [:]].merge(found) { $1 } }
  }

  private mutating func writeToWandB(_ values: Metrics, step: Int, video: URL? = nil) throws {
    let row = values.merging(Self.prefixed(position(step))) { $1 }
    try wandb?.write(row, step: step, video: video)
  }

  /// Ends the run; 0 is success.
  public mutating func finish(exitCode: Int) throws {
    try metrics.requireInPlace()
    try wandb?.finish(exitCode: exitCode)
  }

  private static func prefixed(_ values: Metrics) -> Metrics {
    Metrics(uniqueKeysWithValues: values.map { ($0.key.hasPrefix("eval/") ? $0.key : "train/" + $0.key, $0.value) })
  }
}
