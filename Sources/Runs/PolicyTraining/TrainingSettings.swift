import Foundation
import NeuralNetworks
import RunLogs

/// The length of a run, its optimization, and the intervals of its log lines, checkpoints and evaluations.
public struct TrainingSettings: Sendable {
  public var steps = 100_000
  /// The samples of one update.
  public var batchSize = 8
  /// The steps whose batches make one update; ``steps`` is a multiple of it.
  public var batchesPerUpdate = 1
  /// Keeps a moving average of the weights beside them.
  public var average = WeightAverageSettings()
  /// Which checkpoints stay.
  public var retention = CheckpointRetention()
  /// The steps between log lines.
  public var logFrequency = 200
  /// The steps between checkpoints; the last step is saved in any case, and is the only one with 0 or less.
  public var saveFrequency = 20_000
  /// The steps between evaluations, with one more after the last step; 0 for no evaluations.
  public var evaluationFrequency = 20_000
  /// The steps between measurements of the loss on held-out batches, with one more after the last step; 0 for none.
  public var heldOutFrequency = 0
  public var savesCheckpoints = true
  /// The seed of everything random.
  public var seed = 1000
  /// Its learning rate is the schedule's.
  public var optimizer = AdamWSettings()
  /// The learning rate at each step.
  public var schedule: CosineSchedule

  public init(schedule: CosineSchedule) { self.schedule = schedule }

  func isLogStep(_ step: Int) -> Bool { step == steps || isDue(step, every: logFrequency) }

  func isSaveStep(_ step: Int) -> Bool { step == steps || isDue(step, every: saveFrequency) }

  func isEvaluationStep(_ step: Int) -> Bool {
    evaluationFrequency > 0 && (step == steps || isDue(step, every: evaluationFrequency))
  }

  func isHeldOutStep(_ step: Int) -> Bool {
    heldOutFrequency > 0 && (step == steps || isDue(step, every: heldOutFrequency))
  }

  /// Whether a multiple lies among the steps of the update that ended.
  private func isDue(_ step: Int, every frequency: Int) -> Bool {
    frequency > 0 && step / frequency > (step - batchesPerUpdate) / frequency
  }
}

/// Why a training run returned.
public enum TrainingEnd: Sendable, Equatable {
  case finished
  /// The run was asked to stop, with an exit code; its state is saved.
  case interrupted(step: Int, exitCode: Int)

  /// The exit code of the run.
  public var exitCode: Int {
    switch self {
    case .finished: 0
    case .interrupted(_, let exitCode): exitCode
    }
  }
}

/// What an observer of a training run is told.
public enum TrainingEvent: Sendable, Equatable {
  /// The run begins, with this many updates already done.
  case began(step: Int)
  case updated(step: Int)
  /// A log line, of training or of an evaluation.
  case logged(String)
  /// Something went wrong that does not end the run.
  case warning(String)
  case evaluating(step: Int)
  /// A checkpoint is complete; its folder.
  case saved(URL)
  /// A checkpoint was removed; its folder.
  case removed(URL)
  /// The run ends, also with an error.
  case ended
}

/// What a training run calls.
public struct TrainingCallbacks {
  /// Asked after each update; an exit code ends the run after it has saved.
  public var interruption: () -> Int? = { nil }
  /// Evaluates the policy after a step and returns metrics and a video, or nil if it was interrupted; an error costs a
  /// warning, not the run. Nil for no evaluations.
  public var evaluate: ((_ step: Int) throws -> (metrics: Metrics, video: URL?)?)?
  /// Measures the loss on held-out batches, or returns nil if it was interrupted; an error costs a warning. Nil for no
  /// measurements.
  public var measureHeldOut: (() throws -> Metrics?)?
  /// Told of the run's events, in order.
  public var observe: (TrainingEvent) -> Void = { _ in }

  public init() {}
}
