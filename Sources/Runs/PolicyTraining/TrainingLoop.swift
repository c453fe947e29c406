import Failures
import CounterBasedRandom
import Foundation
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import RunLogs
import TerminalOutput
import LibTorch

/// A batch as the loader hands it over: tensors on the CPU and the instructions.
public struct LoadedBatch {
  /// Tensors under the dataset's names.
  public var batch: Batch
  /// One instruction for each sample.
  public var tasks: [String]

  /// A loaded batch.
  public init(batch: Batch, tasks: [String]) {
    self.batch = batch
    self.tasks = tasks
  }
}

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
  /// Asked to stop; the state is saved.
  case interrupted(step: Int, signal: Int32)

  /// The program's status, as the shell counts signals.
  public var exitCode: Int {
    switch self {
    case .finished: 0
    case .interrupted(_, let signal): 128 + Int(signal)
    }
  }
}

/// The training loop: batch, loss, gradients, clip, step, and now and then a line, a checkpoint and an evaluation.
public struct TrainingLoop {
  let pretrained: PretrainedPolicy
  let settings: TrainingSettings
  let output: URL
  /// What `train_config.json` holds.
  let configuration: JSON
  let line: LogLine

  /// Gives what an evaluation after a step found, and a film of it, or nil where it was stopped before its end.
  public typealias Evaluate = (_ step: Int) throws -> (metrics: Metrics, film: URL?)?

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
  ///   - checkpoint: where to go on from; nil starts at step 0.
  ///   - wandb: describes the W&B run, if there is to be one.
  ///   - batches: gives step k's batch; called in order, beginning with the first step that is left.
  ///   - evaluate: tries the policy as it stands; an error costs a warning, not the run.
  public func run(
    resuming checkpoint: URL? = nil, interruption: Interruption? = nil, wandb: WandBDescription? = nil,
    batches: (_ firstStep: Int) throws -> (() throws -> LoadedBatch), evaluate: Evaluate? = nil
  ) throws -> TrainingEnd {
    let parameters = pretrained.policy.parameters
    let state = try checkpoint.map {
      try TrainingState(in: $0.appendingPathComponent("training_state"), for: parameters)
    }
    let first = state?.step ?? 0
    guard first <= settings.steps else {
      throw Failure(
        "the checkpoint \(checkpoint?.path ?? "") is at step \(first), beyond --steps=\(settings.steps); give more --steps"
      )
    }
    let optimizer = AdamW(parameters, settings: settings.optimizer, states: state?.optimizer ?? [:])
    let log = try RunLog(
      output: output, resumingAt: first, configuration: configuration, wandb: wandb, position: line.position)
    let progress = ProgressBar("training", total: settings.steps, first: first)
    var session = Session(log: log, progress: progress, interruption: interruption, evaluate: evaluate)
    do {
      let end = try train(from: first, optimizer, &session, batches)
      progress.finish()
      try session.log.finish(exitCode: end.exitCode)
      return end
    } catch {
      progress.finish()
      // What went wrong is worth more than that the log could not be closed over it.
      try? session.log.finish(exitCode: 1)
      throw error
    }
  }

  private func train(
    from first: Int, _ optimizer: AdamW, _ session: inout Session,
    _ batches: (_ firstStep: Int) throws -> (() throws -> LoadedBatch)
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
        session.progress.say(line.text(step: done, values: values))
      }
      clock.endUpdate()
      session.progress.update(done)
      let signal = session.interruption?.signalNumber
      let isSaved = settings.savesCheckpoints && (done % settings.saveFrequency == 0 || isLast || signal != nil)
      if isSaved {
        try Self.check(update.values(), step: done)
        try save(step: done, optimizer)
      }
      if let signal, !isLast { return .interrupted(step: done, signal: signal) }
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

  /// Evaluates where it is time to; gives the run's end where a signal ends it.
  private func evaluate(at step: Int, _ session: inout Session) throws -> TrainingEnd? {
    guard isEvaluationStep(step), let evaluate = session.evaluate else { return nil }
    session.progress.finish()
    let found: (metrics: Metrics, film: URL?)?
    do { found = try evaluate(step) } catch {
      session.progress.say("warning: the evaluation at step \(step) broke off: \(message(of: error))")
      return nil
    }
    guard let found else {
      return session.interruption?.signalNumber.map { .interrupted(step: step, signal: $0) }
    }
    try session.log.write(found.metrics, step: step, film: found.film)
    session.progress.say(line.text(step: step, values: found.metrics))
    return nil
  }

  /// Batch, loss, gradients, clip, step.
  private func update(
    at step: Int, _ loaded: LoadedBatch, _ optimizer: AdamW, _ random: CountedRandom
  ) throws -> Update {
    let policy = pretrained.policy
    let batch = try pretrained.preprocessor(loaded.batch, tasks: loaded.tasks, device: policy.parameters.device)
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

  /// A loss that is not a number would be trained on for days without a word.
  private static func check(_ values: Metrics, step: Int) throws {
    guard let bad = values.first(where: { !$0.value.isFinite }) else { return }
    throw Failure(
      "\(bad.key) is \(bad.value) at step \(step): training has diverged; resume from the last checkpoint "
        + "with a lower --policy.optimizer_lr")
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

/// What a run has beside its policy while it lasts.
private struct Session {
  var log: RunLog
  let progress: ProgressBar
  let interruption: Interruption?
  let evaluate: TrainingLoop.Evaluate?
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
