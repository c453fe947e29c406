import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import RunLogs

/// How long to train and when to speak and save.
public struct TrainingSettings: Sendable {
  /// Updates in all.
  public var steps = 100_000
  /// Samples of one update.
  public var batchSize = 8
  /// Steps between log lines.
  public var logFrequency = 200
  /// Steps between checkpoints; the last step is saved in any case.
  public var saveFrequency = 20_000
  /// Steps between evaluations; after the last step there is one in any case, and with 0 there is none.
  public var evaluationFrequency = 20_000
  /// Whether checkpoints are written at all.
  public var savesCheckpoints = true
  /// Everything drawn follows from it.
  public var seed = 1000
  /// The optimizer's settings.
  public var optimizer = AdamWSettings()
  /// The largest norm of the gradients.
  public var gradientClip = 10.0
  /// The learning rate at each step.
  public var schedule: CosineSchedule

  /// LeRobot's defaults with a schedule.
  public init(schedule: CosineSchedule) { self.schedule = schedule }
}

/// Why a training run returned.
public enum TrainingEnd: Sendable, Equatable {
  /// All steps are done.
  case finished
  /// Asked to stop, with the exit code that the request named; the state is saved.
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
  /// An update is complete.
  case updated(step: Int)
  /// A log line, of training or of an evaluation.
  case logged(String)
  /// Something went wrong that does not end the run.
  case warning(String)
  /// An evaluation begins.
  case evaluating(step: Int)
  /// The run ends, also with an error.
  case ended
}

/// The training loop: batch, loss, gradients, clip, step, and at intervals a log line, a checkpoint and an evaluation.
public struct TrainingLoop {
  let pretrained: PretrainedPolicy
  let settings: TrainingSettings
  let output: URL
  /// What `train_config.json` holds.
  let configuration: JSON
  let line: LogLine

  /// Returns the metrics of an evaluation after a step and a video of it, or nil if it was interrupted.
  public typealias Evaluate = (_ step: Int) throws -> (metrics: Metrics, video: URL?)?

  /// A run of a policy with its processors.
  ///
  /// - Parameters:
  ///   - frames: the dataset's, for the count of epochs.
  ///   - episodes: the dataset's, for the count of episodes seen.
  public init(
    _ pretrained: PretrainedPolicy, _ settings: TrainingSettings, output: URL, configuration: JSON,
    frames: Int, episodes: Int
  ) {
    self.pretrained = pretrained
    self.settings = settings
    self.output = output
    self.configuration = configuration
    line = LogLine(batchSize: settings.batchSize, frames: frames, episodes: episodes)
  }

  /// Trains up to the last step.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint to resume from; nil starts at step 0.
  ///   - interruption: asked after each update; an exit code ends the run after it has saved.
  ///   - wandb: describes the W&B run, if there is to be one.
  ///   - batches: gives step k's batch; called in order, beginning with the first step that is left.
  ///   - evaluate: evaluates the current policy; an error costs a warning, not the run.
  ///   - observe: told of the run's events, in order.
  public func run(
    resuming checkpoint: URL? = nil, interruption: @escaping () -> Int? = { nil },
    wandb: WandBDescription? = nil,
    batches: (_ firstStep: Int) throws -> (() throws -> TrainingBatch), evaluate: Evaluate? = nil,
    observe: @escaping (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingEnd {
    let parameters = pretrained.policy.parameters
    let state = try checkpoint.map {
      try TrainingState(in: $0.appendingPathComponent("training_state"), for: parameters)
    }
    let first = state?.step ?? 0
    guard first <= settings.steps else {
      throw Failure(
        "the checkpoint \(checkpoint?.path ?? "") is at step \(first), beyond `steps=\(settings.steps)`; ask for more `steps`"
      )
    }
    let optimizer = AdamW(parameters, settings: settings.optimizer, states: state?.optimizer ?? [:])
    let log = try RunLog(
      output: output, resumingAt: first, configuration: configuration, wandb: wandb, position: line.position)
    observe(.began(step: first))
    var session = Session(log: log, interruption: interruption, evaluate: evaluate, observe: observe)
    do {
      let end = try train(from: first, optimizer, &session, batches)
      observe(.ended)
      try session.log.finish(exitCode: end.exitCode)
      return end
    } catch {
      observe(.ended)
      // What went wrong is worth more than that the log could not be closed over it.
      try? session.log.finish(exitCode: 1)
      throw error
    }
  }

  private func train(
    from first: Int, _ optimizer: AdamW, _ session: inout Session,
    _ batches: (_ firstStep: Int) throws -> (() throws -> TrainingBatch)
  ) throws -> TrainingEnd {
    let random = CountedRandom(seed: settings.seed, "training")
    // A run that was killed during an evaluation has the checkpoint and not the figures.
    if first > 0, !session.log.isEvaluated(at: first), let end = try evaluate(at: first, &session) { return end }
    let nextBatch = try batches(first)
    var clock = StepClock()
    for step in first..<settings.steps {
      clock.beginLoading()
      let loaded = try nextBatch()
      clock.beginUpdate()
      let update = try update(at: step, loaded, optimizer, random.at(step))
      let done = step + 1
      let isLast = done == settings.steps
      if done % settings.logFrequency == 0 || isLast {
        // Read back before the clock stops: only then has a GPU finished.
        var values = try update.values()
        try Self.check(values, step: done)
        clock.endUpdate()
        values.merge(clock.takeMeans()) { $1 }
        try session.log.write(values, step: done)
        session.observe(.logged(line.text(step: done, values: values)))
      }
      clock.endUpdate()
      session.observe(.updated(step: done))
      let exitCode = session.interruption()
      let isSaved = settings.savesCheckpoints && (done % settings.saveFrequency == 0 || isLast || exitCode != nil)
      if isSaved {
        try Self.check(update.values(), step: done)
        try save(step: done, optimizer)
      }
      if let exitCode, !isLast { return .interrupted(step: done, exitCode: exitCode) }
      if let end = try evaluate(at: done, &session) {
        if settings.savesCheckpoints, !isSaved { try save(step: done, optimizer) }
        return end
      }
    }
    return .finished
  }

  private func isEvaluationStep(_ step: Int) -> Bool {
    settings.evaluationFrequency > 0 && (step % settings.evaluationFrequency == 0 || step == settings.steps)
  }

  /// Evaluates if it is time to; returns the run's end if it was interrupted.
  private func evaluate(at step: Int, _ session: inout Session) throws -> TrainingEnd? {
    guard isEvaluationStep(step), let evaluate = session.evaluate else { return nil }
    session.observe(.evaluating(step: step))
    let found: (metrics: Metrics, video: URL?)?
    do { found = try evaluate(step) } catch {
      session.observe(.warning("warning: the evaluation at step \(step) broke off: \(message(of: error))"))
      return nil
    }
    guard let found else {
      return session.interruption().map { .interrupted(step: step, exitCode: $0) }
    }
    try session.log.write(found.metrics, step: step, film: found.video)
    session.observe(.logged(line.text(step: step, values: found.metrics)))
    return nil
  }

  /// Batch, loss, gradients, clip, step.
  private func update(
    at step: Int, _ loaded: TrainingBatch, _ optimizer: AdamW, _ random: CountedRandom
  ) throws -> Update {
    let policy = pretrained.policy
    let batch = try pretrained.preprocessor(loaded.batch, tasks: loaded.instructions, device: policy.parameters.device)
    let loss = try policy.loss(of: batch, random: random)
    try loss.total.backward()
    let gradientMetrics = try policy.gradientMetrics()
    let norm = try policy.parameters.clipGradients(toNorm: settings.gradientClip)
    let learningRate = settings.schedule.learningRate(at: step)
    try optimizer.step(learningRate: learningRate)
    try optimizer.clearGradients()
    return Update(
      metrics: loss.metrics.merging(gradientMetrics) { $1 }, gradientNorm: norm, learningRate: learningRate)
  }

  /// Stops a run that has diverged, which would otherwise train on for days.
  private static func check(_ values: Metrics, step: Int) throws {
    guard let bad = values.first(where: { !$0.value.isFinite }) else { return }
    throw Failure(
      "\(bad.key) is \(bad.value) at step \(step): training has diverged; resume from the last checkpoint "
        + "with a lower `policy.optimizer_lr`")
  }

  private func save(step: Int, _ optimizer: AdamW) throws {
    _ = try CheckpointDirectory(output: output).save(step: step, of: settings.steps) { folder in
      let model = folder.appendingPathComponent("pretrained_model")
      try pretrained.save(to: model)
      try configuration.write(to: model.appendingPathComponent("train_config.json"))
      try TrainingState(step: step, optimizer: optimizer.states).write(
        to: folder.appendingPathComponent("training_state"), settings,
        parameters: pretrained.policy.parameters.parameters.count)
    }
  }
}

/// The log and the callbacks of a run.
private struct Session {
  var log: RunLog
  let interruption: () -> Int?
  let evaluate: TrainingLoop.Evaluate?
  let observe: (TrainingEvent) -> Void
}

/// What one update leaves for the log, on the device until a line is written.
private struct Update {
  let metrics: OrderedDictionary<String, Tensor>
  let gradientNorm: Tensor
  let learningRate: Double

  func values() throws -> Metrics {
    var values = try metrics.mapValues { try $0.item() }
    values["grad_norm"] = try gradientNorm.item()
    values["lr"] = learningRate
    return values
  }
}
