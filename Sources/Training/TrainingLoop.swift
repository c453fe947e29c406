import CountedRandom
import Foundation
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Policies
import Terminal
import Torch

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
  /// Whether checkpoints are written at all.
  public var savesCheckpoints = true
  /// Everything drawn follows from it.
  public var seed = 1000
  /// The optimiser's settings.
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
}

/// The training loop: batch, loss, gradients, clip, step, and now and then a line and a checkpoint.
public struct TrainingLoop {
  let pretrained: PretrainedPolicy
  let settings: TrainingSettings
  let output: URL
  /// What `train_config.json` holds.
  let configuration: JSON
  let datasetFrames: Int

  /// A run of a policy with its processors.
  ///
  /// - Parameter datasetFrames: for the count of epochs.
  public init(
    _ pretrained: PretrainedPolicy, _ settings: TrainingSettings, output: URL, configuration: JSON,
    datasetFrames: Int
  ) {
    self.pretrained = pretrained
    self.settings = settings
    self.output = output
    self.configuration = configuration
    self.datasetFrames = datasetFrames
  }

  /// Trains up to the last step.
  ///
  /// - Parameters:
  ///   - checkpoint: where to go on from; nil starts at step 0.
  ///   - batch: gives step k's batch; called in order, beginning with the first step that is left.
  public func run(
    resuming checkpoint: URL? = nil, interruption: Interruption? = nil,
    batches: (_ firstStep: Int) throws -> (() throws -> LoadedBatch)
  ) throws -> TrainingEnd {
    let parameters = pretrained.policy.parameters
    let state = try checkpoint.map {
      try TrainingState(in: $0.appendingPathComponent("training_state"), for: parameters)
    }
    let first = state?.step ?? 0
    guard first <= settings.steps else {
      throw PolicyError(
        "the checkpoint \(checkpoint?.path ?? "") is at step \(first), beyond --steps=\(settings.steps); give more --steps"
      )
    }
    let optimizer = AdamW(parameters, settings: settings.optimizer, states: state?.optimizer ?? [:])
    let random = CountedRandom(seed: settings.seed, "training")
    let log = try MetricsLog(output.appendingPathComponent("metrics.jsonl"), resumingAt: first)
    let progress = Progress("training", total: settings.steps, first: first)
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
        try log.write(values, step: done)
        progress.say(line(values, step: done))
      }
      clock.endUpdate()
      progress.update(done)
      let signal = interruption?.signalNumber
      if settings.savesCheckpoints, done % settings.saveFrequency == 0 || isLast || signal != nil {
        try Self.check(update.values(), step: done)
        try save(step: done, optimizer)
      }
      if let signal, !isLast {
        progress.finish()
        return .interrupted(step: done, signal: signal)
      }
    }
    progress.finish()
    return .finished
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

  private func line(_ values: OrderedDictionary<String, Double>, step: Int) -> String {
    let samples = step * settings.batchSize
    return LogLine.text(
      step: step, samples: samples, epochs: Double(samples) / Double(max(datasetFrames, 1)), values: values)
  }

  /// A loss that is not a number would be trained on for days without a word.
  private static func check(_ values: OrderedDictionary<String, Double>, step: Int) throws(PolicyError) {
    guard let bad = values.first(where: { !$0.value.isFinite }) else { return }
    throw PolicyError(
      "\(bad.key) is \(bad.value) at step \(step): training has diverged; resume from the last checkpoint "
        + "with a lower --policy.optimizer_lr")
  }

  private func save(step: Int, _ optimizer: AdamW) throws {
    _ = try CheckpointDirectory(output: output).save(step: step, of: settings.steps) { folder in
      let model = folder.appendingPathComponent("pretrained_model")
      try pretrained.save(to: model)
      try configuration.write(to: model.appendingPathComponent("train_config.json"))
      let next = settings.schedule.learningRate(at: step)
      try TrainingState(step: step, optimizer: optimizer.states).write(
        to: folder.appendingPathComponent("training_state"), settings: settings.optimizer, learningRate: next,
        schedule: [
          "last_epoch": .integer(step), "_step_count": .integer(step + 1), "_last_lr": .array([.number(next)]),
          "base_lrs": .array([.number(settings.schedule.peak)]), "verbose": false,
          "_get_lr_called_within_step": false, "lr_lambdas": [nil],
        ],
        parameters: pretrained.policy.parameters.parameters.count)
    }
  }
}

/// What one update leaves for the log, on the device until a line is written.
private struct Update {
  let metrics: OrderedDictionary<String, Tensor>
  let gradientNorm: Tensor
  let learningRate: Double

  func values() throws -> OrderedDictionary<String, Double> {
    var values = try metrics.mapValues { try $0.item() }
    values["grad_norm"] = try gradientNorm.item()
    values["lr"] = learningRate
    return values
  }
}

/// Mean seconds of loading and updating since the last log line.
private struct StepClock {
  private var loading = 0.0, update = 0.0
  private var count = 0
  private var mark = ContinuousClock.now
  private var isUpdating = false

  mutating func beginLoading() { mark = .now }

  mutating func beginUpdate() {
    loading += lap()
    isUpdating = true
    count += 1
  }

  mutating func endUpdate() {
    guard isUpdating else { return }
    update += lap()
    isUpdating = false
  }

  mutating func takeMeans() -> OrderedDictionary<String, Double> {
    defer { (loading, update, count) = (0, 0, 0) }
    let steps = Double(max(count, 1))
    return ["update_s": update / steps, "dataloading_s": loading / steps]
  }

  private mutating func lap() -> Double {
    let now = ContinuousClock.now
    defer { mark = now }
    let (seconds, attoseconds) = (now - mark).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
