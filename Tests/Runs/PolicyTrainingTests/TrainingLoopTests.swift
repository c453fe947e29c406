import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies
import RunLogs
import Testing

@testable import PolicyTraining

/// One weight that learns the mean of what it is shown: the loss is (w − x)².
private final class MeanPolicy: Policy {
  let parameters: ParameterStore
  let interface = PolicyInterface(inputs: [:], outputs: [:], chunkSize: 1, actionSteps: 1)
  private let weight: Tensor

  init(loading folder: URL? = nil) throws {
    let loaded = try folder.map { try Tensor.load($0.appendingPathComponent("model.safetensors")) }
    parameters = ParameterStore(loading: loaded ?? [:], seed: 1, device: .cpu)
    weight = try parameters.root.parameter("w", [2], .zeros)
    try parameters.setTrainable { _ in true }
  }

  func drawing(for batch: Batch, random: CountedRandom) throws -> Batch {
    var drawn = batch
    // From the step's own random numbers, which a resumed run must repeat.
    drawn["noise"] = try Tensor.normal([2], random.at("noise")) * 0.1
    return drawn
  }

  func loss(of batch: Batch) throws -> PolicyLoss {
    let loss = try (weight - batch.require("x") + batch.require("noise")).square().mean()
    return PolicyLoss(total: loss, metrics: ["loss": loss])
  }

  func actionChunk(for batch: Batch, random: [CountedRandom]) throws -> Tensor { throw Failure("never planned") }

  var weights: [Float] { get throws { try weight.scalars() } }
}

/// Batch k shows the number k, or NaN at one step.
private struct Numbers: BatchSource {
  var step: Int
  var broken: Int?
  var end = Int.max

  mutating func next() throws -> TrainingBatch? {
    guard step < end else { return nil }
    defer { step += 1 }
    let value = step == broken ? Float.nan : Float(step)
    return TrainingBatch(batch: Batch(["x": try Tensor([value, 2 * value], shape: [2])]), instructions: [""])
  }
}

extension URL {
  fileprivate var pathNames: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

struct TrainingLoopTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-loop-\(UUID().uuidString)")
  private var settings: TrainingSettings = {
    var settings = TrainingSettings(
      schedule: CosineSchedule(peak: 0.1, final: 0.01, warmupSteps: 2, decaySteps: 6, steps: 6))
    (settings.steps, settings.batchSize, settings.logFrequency, settings.saveFrequency) = (6, 1, 2, 3)
    settings.evaluationFrequency = 0
    return settings
  }()

  /// Runs the loop in a folder, from its checkpoint of a step if one is given, and returns the weights at the end.
  @discardableResult
  private func run(
    _ name: String, _ settings: TrainingSettings, resuming step: Int? = nil, broken: Int? = nil,
    _ callbacks: TrainingCallbacks = TrainingCallbacks()
  ) throws -> (end: TrainingEnd, weights: [Float]) {
    let output = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    let checkpoint = step.map { CheckpointDirectory(output: output).folder(step: $0, of: settings.steps) }
    let policy = try MeanPolicy(loading: checkpoint?.appendingPathComponent("pretrained_model"))
    let pretrained = PretrainedPolicy(
      policy: policy, preprocessor: Processor(name: "policy_preprocessor", steps: []),
      postprocessor: Processor(name: "policy_postprocessor", steps: []), configuration: ["type": "mean"],
      attachments: [])
    var loop = try TrainingLoop(
      pretrained, settings, output: output, configuration: [:], frames: 10, episodes: 1, resuming: checkpoint,
      callbacks: callbacks)
    var batches = Numbers(step: loop.firstStep, broken: broken)
    return (try loop.run(on: &batches), try policy.weights)
  }

  private func checkpoints(_ name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("\(name)/checkpoints").path)
      .sorted()
  }

  private func rows(_ name: String) throws -> [JSON] {
    try String(contentsOf: folder.appendingPathComponent("\(name)/metrics.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
  }

  private func loggedSteps(_ name: String) throws -> [Int] { try rows(name).compactMap { $0["step"]?.integer } }

  @Test func `resumes to the same bits as an unbroken run`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let whole = try run("whole", settings)
    var callbacks = TrainingCallbacks()
    var updates = 0
    callbacks.observe = { if case .updated = $0 { updates += 1 } }
    callbacks.interruption = { updates == 4 ? 130 : nil }
    #expect(try run("broken", settings, callbacks).end == .interrupted(step: 4, exitCode: 130))
    #expect(try checkpoints("broken") == ["000003", "000004", "last"])
    let resumed = try run("broken", settings, resuming: 4)
    #expect(resumed.end == .finished && resumed.weights == whole.weights && whole.weights != [0, 0])
    #expect(try loggedSteps("broken") == [2, 4, 6] && loggedSteps("whole") == [2, 4, 6])
  }

  @Test func `logs and saves at its intervals and after the last step`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    (settings.logFrequency, settings.saveFrequency) = (4, 5)
    try run("run", settings)
    #expect(try loggedSteps("run") == [4, 6])
    #expect(try checkpoints("run") == ["000005", "000006", "last"])
    settings.savesCheckpoints = false
    try run("unsaved", settings)
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("unsaved/checkpoints").path))
  }

  @Test func `stops with the step and the advice when a loss is not finite`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let error = #expect(throws: Failure.self) { try run("run", settings, broken: 4) }
    let message = error?.description ?? ""
    #expect(message.contains("loss is nan at step 6") && message.contains("`policy.optimizer_lr`"), "\(message)")
    #expect(try checkpoints("run") == ["000003", "last"], "the diverged weights are not saved")
  }

  @Test func `goes past an evaluation that fails with a warning`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    settings.evaluationFrequency = 4
    var callbacks = TrainingCallbacks()
    var events: [TrainingEvent] = []
    callbacks.observe = { events.append($0) }
    callbacks.evaluate = { step in
      guard step == 6 else { throw Failure("no renderer") }
      return (["eval/pc_success": 50], nil)
    }
    #expect(try run("run", settings, callbacks).end == .finished)
    #expect(events.contains(.warning("warning: the evaluation at step 4 failed: no renderer")))
    #expect(events.contains { if case .logged(let line) = $0 { line.contains("success:50.0") } else { false } })
    #expect(events.first == .began(step: 0) && events.last == .ended)
  }

  @Test func `makes up for an evaluation that was interrupted`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    settings.evaluationFrequency = 4
    var callbacks = TrainingCallbacks()
    var evaluated: [Int] = []
    var isStopped = false
    callbacks.interruption = { isStopped ? 143 : nil }
    callbacks.evaluate = { step in
      evaluated.append(step)
      isStopped = evaluated.count == 1
      return isStopped ? nil : (["eval/pc_success": 50], nil)
    }
    #expect(try run("run", settings, callbacks).end == .interrupted(step: 4, exitCode: 143))
    #expect(try checkpoints("run") == ["000003", "000004", "last"])
    #expect(try run("run", settings, resuming: 4, callbacks).end == .finished)
    #expect(evaluated == [4, 4, 6])
  }

  // MARK: The held-out loss

  @Test func `measures the held-out loss at its intervals and after the last step, in the row of its step`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    settings.heldOutFrequency = 4
    var callbacks = TrainingCallbacks()
    var lines: [String] = []
    callbacks.observe = { if case .logged(let line) = $0 { lines.append(line) } }
    callbacks.measureHeldOut = { [HeldOutLoss.key: 0.25] }
    try run("run", settings, callbacks)
    #expect(try loggedSteps("run") == [2, 4, 6])
    let rows = try rows("run")
    #expect(rows.map { $0["eval/eval_loss"]?.double } == [nil, 0.25, 0.25] && rows[1]["loss"] != nil)
    #expect(lines.filter { $0.contains("eval_loss:0.250") }.count == 2)
  }

  @Test func `a held-out loss that a signal interrupted is made up for, and one that fails costs a warning`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    settings.heldOutFrequency = 6
    var callbacks = TrainingCallbacks()
    var isStopped = false
    callbacks.interruption = { isStopped ? 143 : nil }
    callbacks.measureHeldOut = {
      isStopped = true
      return nil
    }
    #expect(try run("run", settings, callbacks).end == .interrupted(step: 6, exitCode: 143))
    isStopped = false
    callbacks.measureHeldOut = { [HeldOutLoss.key: 0.5] }
    #expect(try run("run", settings, resuming: 6, callbacks).end == .finished)
    #expect(try rows("run").last?["eval/eval_loss"]?.double == 0.5)
    callbacks.measureHeldOut = { throw Failure("no such frame") }
    var warnings: [String] = []
    callbacks.observe = { if case .warning(let line) = $0 { warnings.append(line) } }
    #expect(try run("other", settings, callbacks).end == .finished)
    #expect(warnings == ["warning: the held-out loss at step 6 is not known: no such frame"])
  }

  @Test func `the held-out loss is the mean of the batches' losses, with the same noise each time`() throws {
    let policy = try MeanPolicy()
    let pretrained = PretrainedPolicy(
      policy: policy, preprocessor: Processor(name: "policy_preprocessor", steps: []),
      postprocessor: Processor(name: "policy_postprocessor", steps: []), configuration: ["type": "mean"],
      attachments: [])
    let loss = HeldOutLoss(pretrained, seed: 7)
    func measured(broken: Int? = nil, isInterrupted: Bool = false) throws -> Metrics? {
      var batches = Numbers(step: 1, broken: broken, end: 4)
      return try loss(&batches, isInterrupted: { isInterrupted })
    }
    let found = try measured() ?? [:]
    let random = CountedRandom(seed: 7, "held out")
    var wanted = 0.0
    for count in 0..<3 {
      let noise = try Tensor.normal([2], random.at(count).at("noise")).scalars(Float.self).map { Double($0) * 0.1 }
      let x = Double(count + 1)
      wanted += (pow(noise[0] - x, 2) + pow(noise[1] - 2 * x, 2)) / 2 / 3
    }
    #expect(abs((found["eval/eval_loss"] ?? 0) - wanted) < 1e-5 && found.count == 1)
    #expect(try measured() == found)
    #expect(try measured(isInterrupted: true) == nil)
    #expect(throws: Failure.self) { try measured(broken: 2) }
  }

  // MARK: What stays on the disk

  @Test func `keeps the newest checkpoints and the best, also after it was resumed`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    (settings.saveFrequency, settings.evaluationFrequency) = (1, 1)
    (settings.retention.newest, settings.retention.best) = (2, 1)
    var callbacks = TrainingCallbacks()
    callbacks.evaluate = { (["eval/pc_success": $0 == 2 ? 90 : Double($0)], nil) }
    var (updates, removed): (Int, [String]) = (0, [])
    callbacks.observe = {
      if case .updated = $0 { updates += 1 }
      if case .removed(let folder) = $0 { removed.append(folder.lastPathComponent) }
    }
    callbacks.interruption = { updates == 4 ? 130 : nil }
    #expect(try run("run", settings, callbacks).end == .interrupted(step: 4, exitCode: 130))
    callbacks.interruption = { nil }
    #expect(try run("run", settings, resuming: 4, callbacks).end == .finished)
    #expect(try checkpoints("run") == ["000002", "000005", "000006", "last"])
    #expect(removed == ["000001", "000003", "000004"])
  }

  // MARK: Several batches in an update, and the average of the weights

  @Test func `an update of several steps' batches is whole whenever the run stops`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    (settings.batchesPerUpdate, settings.logFrequency, settings.saveFrequency) = (2, 3, 3)
    settings.average.isEnabled = true
    let whole = try run("whole", settings)
    // The multiples of 3, each at the end of its update.
    #expect(try loggedSteps("whole") == [4, 6] && checkpoints("whole") == ["000004", "000006", "last"])
    #expect(try rows("whole").last?["ema/step"]?.integer == 3)
    var callbacks = TrainingCallbacks()
    callbacks.interruption = { 130 }
    #expect(try run("broken", settings, callbacks).end == .interrupted(step: 2, exitCode: 130))
    #expect(try run("broken", settings, resuming: 2).weights == whole.weights)
    for name in ["pretrained_model_ema/model.safetensors", "training_state/ema_state.json"] {
      let files = ["whole", "broken"].map { folder.appendingPathComponent("\($0)/checkpoints/000006/\(name)") }
      #expect(try Data(contentsOf: files[0]) == Data(contentsOf: files[1]), "\(name)")
    }
    #expect(try run("single", self.settings).weights != whole.weights)
    settings.batchesPerUpdate = 4
    let error = #expect(throws: Failure.self) { try run("uneven", settings) }
    #expect(error?.description.contains("an update takes the batches of 4 steps") == true)
  }

  @Test func `the average is evaluated and does not change the training`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = settings
    settings.evaluationFrequency = 3
    let plain = try run("plain", settings)
    settings.average.isEnabled = true
    var callbacks = TrainingCallbacks()
    callbacks.evaluate = { _ in throw Failure("no renderer") }
    #expect(try run("averaged", settings, callbacks).weights == plain.weights)
    let checkpoint = folder.appendingPathComponent("averaged/checkpoints/000006")
    let files = ["pretrained_model", "pretrained_model_ema"].map { checkpoint.appendingPathComponent($0) }
    #expect(try files[0].pathNames == files[1].pathNames)
    let weights = try files.map { try MeanPolicy(loading: $0).weights }
    #expect(weights[0] == plain.weights && weights[1] != plain.weights)
  }

  @Test func `refuses a checkpoint beyond the last step`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try run("run", settings)
    var settings = settings
    settings.steps = 3
    let error = #expect(throws: Failure.self) { try run("run", settings, resuming: 6) }
    #expect(error?.description.contains("is at step 6, beyond `steps=3`") == true)
  }
}
