import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import RunLogs
import Tracing

/// A training run: batch, loss, gradients, clip, step, and at intervals a log line, a checkpoint and an evaluation.
///
/// ```swift
/// var loop = try TrainingLoop(policy, settings, output: output, configuration: [:], frames: 5_000, episodes: 50)
/// var batches = try DatasetBatches(dataset, specification, settings, from: loop.firstStep)
/// let end = try loop.run(on: &batches)
/// ```
public struct TrainingLoop {
  /// The number of updates that are done: 0, or the step of the checkpoint that the run resumes from.
  public let firstStep: Int
  private let pretrained: PretrainedPolicy
  private let settings: TrainingSettings
  private let output: URL
  private let configuration: JSON
  private let optimizer: AdamW
  private var policyUpdate: PolicyUpdate
  private let average: WeightAverage?
  private let callbacks: TrainingCallbacks
  private let line: LogLine
  private var log: RunLog
  private var clock = StepClock()
  private var isObstacleReported = false

  /// Opens a run's state and logs.
  ///
  /// - Parameters:
  ///   - output: the run's folder.
  ///   - configuration: what `train_config.json` holds.
  ///   - frames: the number of frames in the dataset, from which epochs are counted.
  ///   - episodes: the number of episodes in the dataset.
  ///   - checkpoint: the checkpoint to resume from; nil starts at step 0.
  ///   - wandb: describes the W&B run, nil for none.
  public init(
    _ pretrained: PretrainedPolicy, _ settings: TrainingSettings, output: URL, configuration: JSON, frames: Int,
    episodes: Int, resuming checkpoint: URL? = nil, wandb: WandBDescription? = nil,
    callbacks: TrainingCallbacks = TrainingCallbacks()
  ) throws {
    let parameters = pretrained.policy.parameters
    if let checkpoint { try CheckpointChecksums.check(checkpoint) }
    let state = try checkpoint.map {
      try TrainingState(in: $0.appendingPathComponent("training_state"), for: parameters)
    }
    firstStep = state?.step ?? 0
    guard firstStep <= settings.steps else {
      throw Failure(
        "the checkpoint \(checkpoint?.path ?? "") is at step \(firstStep), beyond `steps=\(settings.steps)`; ask for "
          + "more `steps`")
    }
    guard firstStep.isMultiple(of: settings.batchesPerUpdate), settings.steps.isMultiple(of: settings.batchesPerUpdate)
    else {
      throw Failure(
        "an update takes the batches of \(settings.batchesPerUpdate) steps: expected `steps` and the step of the "
          + "checkpoint to be multiples, found \(settings.steps) and \(firstStep)")
    }
    average = try settings.average.isEnabled ? WeightAverage.restored(pretrained, settings, checkpoint, firstStep) : nil
    self.pretrained = pretrained
    self.settings = settings
    self.output = output
    self.configuration = configuration
    self.callbacks = callbacks
    optimizer = AdamW(parameters, settings: settings.optimizer, states: state?.optimizer ?? [:])
    policyUpdate = PolicyUpdate(pretrained.policy, optimizer, batches: settings.batchesPerUpdate)
    line = LogLine(batchSize: settings.batchSize, frames: frames, episodes: episodes)
    log = try RunLog(
      output: output, resumingAt: firstStep, configuration: configuration, wandb: wandb, position: line.position)
  }

  /// Trains up to the last step.
  public mutating func run(on batches: inout some BatchSource) throws -> TrainingEnd {
    callbacks.observe(.began(step: firstStep))
    if let notice = log.notice { callbacks.observe(.warning(notice)) }
    do {
      let end = try train(on: &batches)
      callbacks.observe(.ended)
      try log.finish(exitCode: end.exitCode)
      return end
    } catch {
      callbacks.observe(.ended)
      // The error is worth more than that the log could not be closed.
      try? log.finish(exitCode: 1)
      throw error
    }
  }

  private mutating func train(on batches: inout some BatchSource) throws -> TrainingEnd {
    if let exitCode = try catchUp() { return .interrupted(step: firstStep, exitCode: exitCode) }
    for step in stride(from: firstStep, to: settings.steps, by: settings.batchesPerUpdate) {
      let update = try update(from: step, on: &batches)
      let done = update.step
      reportObstacle()

      if settings.isLogStep(done) { try traced(.log) { try write(update) } }
      clock.endUpdate()
      callbacks.observe(.updated(step: done))

      let stopped = callbacks.interruption()
      let unmeasured = try stopped == nil ? measureHeldOut(at: done) : nil
      let exitCode = stopped ?? unmeasured
      let isSaved = settings.savesCheckpoints && (settings.isSaveStep(done) || exitCode != nil)
      if isSaved { try traced(.save) { try save(update) } }
      if let exitCode, done < settings.steps || unmeasured != nil {
        return .interrupted(step: done, exitCode: exitCode)
      }
      if let exitCode = try evaluate(at: done) {
        if settings.savesCheckpoints, !isSaved { try save(update) }
        return .interrupted(step: done, exitCode: exitCode)
      }
      // After the evaluation, which says how good the newest is.
      if isSaved || settings.isEvaluationStep(done) { try removeSuperseded() }
    }
    return .finished
  }

  /// Loads the batches of an update that begins at a step, and makes it.
  private mutating func update(from first: Int, on batches: inout some BatchSource) throws -> Update {
    let random = CountedRandom(seed: settings.seed, "training")
    let last = first + settings.batchesPerUpdate - 1
    for step in first..<last { try policyUpdate.accumulate(loaded(step, from: &batches), random: random.at(step)) }
    let batch = try loaded(last, from: &batches)
    let learningRate = settings.schedule.learningRate(at: last)
    var update = Update(
      step: last + 1, metrics: try policyUpdate(batch, random: random.at(last), learningRate: learningRate),
      learningRate: learningRate)
    if let average {
      try average.update()
      update.known = ["ema/decay": average.decay, "ema/step": Double(average.updates)]
    }
    return update
  }

  private mutating func loaded(_ step: Int, from batches: inout some BatchSource) throws -> Batch {
    clock.endUpdate()
    clock.beginLoading()
    guard let samples = try batches.next() else { throw Failure("the batches ended before step \(step + 1)") }
    clock.beginUpdate()
    return try pretrained.preprocessor(
      samples.batch, tasks: samples.instructions, device: pretrained.policy.parameters.device)
  }

  private func removeSuperseded() throws {
    let directory = CheckpointDirectory(output: output)
    for checkpoint in settings.retention.superseded(directory.checkpoints, by: log.evaluations) {
      try directory.remove(checkpoint)
      callbacks.observe(.removed(checkpoint))
    }
  }

  /// Says once that a GPU starts each operation of an update by itself, and why.
  private mutating func reportObstacle() {
    guard !isObstacleReported, let obstacle = policyUpdate.obstacle else { return }
    isObstacleReported = true
    callbacks.observe(.warning("warning: updates are not repeated as a graph, which is slower: \(obstacle)"))
  }

  private mutating func write(_ update: Update) throws {
    // Read back before the clock stops: only then has a GPU finished.
    var values = try update.finiteValues()
    clock.endUpdate()
    values.merge(clock.takeMeans(batchSize: settings.batchSize)) { $1 }
    if let bytes = try TorchEngine.shared().peakMemory(of: pretrained.policy.parameters.device) {
      values["gpu_mem_gb"] = Double(bytes) / 0x1p30
    }
    try log.write(values, step: update.step)
    callbacks.observe(.logged(line.text(step: update.step, values: values)))
  }

  private func save(_ update: Update) throws {
    _ = try update.finiteValues()
    let saved = try CheckpointDirectory(output: output).save(step: update.step, of: settings.steps) { folder in
      let model = folder.appendingPathComponent("pretrained_model")
      try pretrained.save(to: model)
      try configuration.write(to: model.appendingPathComponent("train_config.json"))
      try average?.save(pretrained, configuration, in: folder)
      try TrainingState(step: update.step, optimizer: optimizer.states).write(
        to: folder.appendingPathComponent("training_state"), settings,
        of: pretrained.policy.parameters)
      try CheckpointChecksums.write(in: folder)
    }
    callbacks.observe(.saved(saved))
  }

  /// Makes up for what a killed run left out at its last checkpoint; returns an exit code if it was interrupted.
  private mutating func catchUp() throws -> Int? {
    guard firstStep > 0 else { return nil }
    let found = log.evaluations[firstStep]
    if found?[HeldOutLoss.key] == nil, let exitCode = try measureHeldOut(at: firstStep) { return exitCode }
    return try found?[Self.successKey] == nil ? evaluate(at: firstStep) : nil
  }

  /// What every evaluation measures.
  static let successKey = "eval/pc_success"

  /// Measures the held-out loss if it is time to; returns an exit code if that was interrupted.
  private mutating func measureHeldOut(at step: Int) throws -> Int? {
    guard settings.isHeldOutStep(step), let measure = callbacks.measureHeldOut else { return nil }
    let found: Metrics?
    do { found = try measure() } catch {
      callbacks.observe(.warning("warning: the held-out loss at step \(step) is not known: \(message(of: error))"))
      return nil
    }
    guard let found else { return callbacks.interruption() }
    try log.write(found, step: step)
    callbacks.observe(.logged(line.heldOutText(step: step, values: found)))
    return nil
  }

  /// Evaluates if it is time to; returns an exit code if the evaluation was interrupted.
  private mutating func evaluate(at step: Int) throws -> Int? {
    guard settings.isEvaluationStep(step), let evaluate = callbacks.evaluate else { return nil }
    callbacks.observe(.evaluating(step: step))
    let found: (metrics: Metrics, video: URL?)?
    do {
      let isAveraged = settings.average.isEvaluated
      found = try isAveraged ? average?.inPlace { try evaluate(step) } ?? evaluate(step) : evaluate(step)
    } catch {
      callbacks.observe(.warning("warning: the evaluation at step \(step) failed: \(message(of: error))"))
      return nil
    }
    guard let found else { return callbacks.interruption() }
    try log.write(found.metrics, step: step, video: found.video)
    callbacks.observe(.logged(line.text(step: step, values: found.metrics)))
    return nil
  }
}

/// What one update leaves for the log, on the device until it is read back.
private struct Update {
  /// The steps that are done with it.
  let step: Int
  let metrics: OrderedDictionary<String, Tensor>
  let learningRate: Double
  /// Values that are known without reading back.
  var known: Metrics = [:]

  /// Reads the values back.
  ///
  /// - Throws: if one is not finite; a run that has diverged would otherwise train on for days.
  func finiteValues() throws -> Metrics {
    var values = try metrics.mapValues { try $0.item() }
    values["lr"] = learningRate
    values.merge(known) { $1 }
    if let bad = values.first(where: { !$0.value.isFinite }) {
      throw Failure(
        "\(bad.key) is \(bad.value.isNaN ? "nan" : "\(bad.value)") at step \(step): training has diverged; lower "
          + "`policy.optimizer_lr`, and resume from the last checkpoint, if there is one")
    }
    return values
  }
}
