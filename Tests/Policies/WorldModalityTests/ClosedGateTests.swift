import CounterBasedRandom
import Failures
import LibTorch
import NeuralNetworks
import RobotPolicies
import Testing

@testable import WorldModality

/// With the gate at 0, or without injection, `smolvla_world` is SmolVLA, bit for bit.
struct ClosedGateTests {
  let loaded: LoadedPolicyCase

  init() throws { loaded = try LoadedPolicyCase(PolicyCase.committed("two_layers/pred")) }

  /// Every way to closing the world out.
  enum Closing: String, CaseIterable {
    case gateAtZero, gateAlmostZero, withoutInjection
  }

  /// The case's policy in some mode, closing.
  private func policy(
    _ closing: Closing, inPublishedOrder: Bool = true, _ change: (inout WorldModalityConfiguration) -> Void
  ) throws -> SmolVLAWorldPolicy {
    let gate = [Closing.gateAtZero: 0, .gateAlmostZero: 9e-7][closing]
    return try loaded.policy(gate: gate) {
      $0.smolvla.usesReferenceOrder = inPublishedOrder
      $0.world.isInjectionEnabled = closing != .withoutInjection
      // A cache that is not there, and an encoder that is not there either.
      $0.world.cacheDirectory = "/nonexistent"
      $0.world.encoderName = "/nonexistent"
      change(&$0.world)
    }
  }

  /// What planning is given of the past: nothing, sound latents, or broken ones.
  private func histories() throws -> [Tensor?] {
    let sound = try loaded.batch.require(WorldKey.history)
    return [nil, sound, try Tensor.full(sound.shape, .nan), try Tensor.full(sound.shape, .infinity)]
  }

  private func batch(_ history: Tensor?) throws -> Batch {
    var batch = loaded.batch
    for key in [WorldKey.history, WorldKey.future, WorldKey.futureValid] { batch[key] = nil }
    batch[WorldKey.history] = history
    return batch
  }

  private func random() throws -> [CountedRandom] {
    (0..<(try loaded.rows)).map { CountedRandom(seed: 3, "plan").at($0) }
  }

  @Test(arguments: Closing.allCases, RolloutMemoryMode.allCases)
  func `plans are SmolVLA's in every mode, without cache, encoder or history`(
    closing: Closing, mode: RolloutMemoryMode
  ) throws {
    let wanted = try loaded.baseline().actionChunk(for: batch(nil), random: random())
    let policy = try policy(closing) { $0.rolloutMemory = mode }
    // The encoder's closure throws, so a plan shows that it was not called.
    for history in try histories() {
      #expect(try policy.actionChunk(for: batch(history), random: random()).isIdentical(to: wanted))
    }
    #expect(policy.history == nil)
    #expect(policy.droppedMemories == 0)
  }

  @Test(arguments: [Closing.gateAtZero, .withoutInjection], RolloutMemoryMode.allCases)
  func `plans from drawn noise in the usual order of sums are SmolVLA's too`(
    closing: Closing, mode: RolloutMemoryMode
  ) throws {
    var batch = try batch(nil)
    batch[BatchKey.noise] = nil
    let baseline = try loaded.baseline(inPublishedOrder: false)
    let policy = try policy(closing, inPublishedOrder: false) { $0.rolloutMemory = mode }
    let wanted = try baseline.actionChunk(for: batch, random: random())
    #expect(try policy.actionChunk(for: batch, random: random()).isIdentical(to: wanted))
  }

  @Test(arguments: [Closing.gateAtZero, .withoutInjection], TrainingMemoryMode.allCases)
  func `the action loss is SmolVLA's in every mode, and so are the gradients of what they share`(
    closing: Closing, mode: TrainingMemoryMode
  ) throws {
    let random = CountedRandom(seed: 5, "train")
    for (drawsNoise, logsAttention) in [(false, true), (true, true), (true, false)] {
      var batch = loaded.batch
      if drawsNoise { (batch[BatchKey.noise], batch[BatchKey.time]) = (nil, nil) }
      let baseline = try loaded.baseline()
      let wanted = try baseline.loss(of: batch, random: random).total
      try wanted.backward()
      let policy = try policy(closing) {
        $0.trainingMemory = mode
        $0.logsAttention = logsAttention
      }
      let loss = try policy.loss(of: batch, random: random)
      #expect(try #require(loss.metrics["loss"]).isIdentical(to: wanted))
      try loss.total.backward()
      for (_, parameter) in baseline.parameters.trainable {
        let ours = try #require(policy.parameters.parameters.first { $0.name == parameter.name })
        let gradient = try #require(parameter.tensor.gradient, "\(parameter.name)")
        #expect(try #require(ours.tensor.gradient).isIdentical(to: gradient), "\(parameter.name)")
      }
    }
  }

  @Test func `history that is not finite does not touch the action loss without injection`() throws {
    var batch = loaded.batch
    batch[WorldKey.history] = try Tensor.full(batch.require(WorldKey.history).shape, .nan)
    let wanted = try loaded.baseline().loss(of: batch, random: CountedRandom(seed: 0, "unused")).total
    let off = try policy(.withoutInjection) { _ in }
    let loss = try off.loss(of: batch, random: CountedRandom(seed: 0, "unused"))
    #expect(try #require(loss.metrics["loss"]).isIdentical(to: wanted))
  }

  @Test func `an open gate asks for the history, and the memory changes the plan`() throws {
    let wanted = try loaded.baseline().actionChunk(for: batch(nil), random: random())
    let policy = try loaded.policy()
    #expect(policy.history?.frames == policy.configuration.world.historyFrames)
    #expect(policy.history?.camera == "observation.images.image")
    #expect(try loaded.policy { $0.world.camera = .wrist }.history?.camera == "observation.images.image2")
    let sound = try loaded.batch.require(WorldKey.history)
    #expect(try !policy.actionChunk(for: batch(sound), random: random()).isIdentical(to: wanted))
    #expect(throws: Failure.self) { try policy.actionChunk(for: batch(nil), random: random()) }
    var images = try batch(nil)
    images[BatchKey.history] = try Tensor.zeros([loaded.rows, 7, 4, 4, 3], dtype: .uint8)
    #expect(throws: EncoderUsed.self) { try policy.actionChunk(for: images, random: random()) }
  }

  @Test func `a broken history at an open gate gives SmolVLA's plan for that row alone`() throws {
    let wanted = try loaded.baseline().actionChunk(for: batch(nil), random: random())
    let policy = try loaded.policy()
    let sound = try loaded.batch.require(WorldKey.history)
    let broken = try sound.clone()
    try broken.select(dimension: 0, index: 0).copy(from: Tensor.full(Array(sound.shape.dropFirst()), .nan))
    let plan = try policy.actionChunk(for: batch(broken), random: random())
    #expect(try plan.select(dimension: 0, index: 0).isIdentical(to: wanted.select(dimension: 0, index: 0)))
    #expect(try !plan.select(dimension: 0, index: 1).isIdentical(to: wanted.select(dimension: 0, index: 1)))
    #expect(policy.droppedMemories == 1)
  }
}
