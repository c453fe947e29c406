@testable import WorldLatents
import CounterBasedRandom
import Failures
import LibTorch
import NeuralNetworks
import Testing

@testable import WorldModality

struct MemoryModeTests {
  /// D 8, T 3, K 2, an expert of width 8, and a gate that stands open.
  private func world(_ change: (inout WorldModalityConfiguration) -> Void = { _ in }) throws -> WorldModel {
    var configuration = WorldModalityConfiguration()
    configuration.worldLatentDimension = 8
    configuration.contextFrames = 3
    configuration.futureOffset = 2
    configuration.prophetHeads = 2
    configuration.injectionHeads = 2
    configuration.gateInitialization = 0.5
    change(&configuration)
    return try WorldModel(ParameterStore(seed: 1, device: .cpu).root, configuration, expertWidth: 8, languageWidth: 8)
  }

  private func addresses(_ count: Int, from first: Int = 0) -> [CountedRandom] {
    (first..<first + count).map { CountedRandom(seed: 0, "test").at(7, $0) }
  }

  private func latents(_ rows: Int) throws -> LatentBatch {
    let random = CountedRandom(seed: 4, "latents")
    return LatentBatch(
      history: try .normal([rows, 3, 8], random.at(0)), future: try .normal([rows, 2, 8], random.at(1)),
      isValid: try .ones([rows, 2], dtype: .bool))
  }

  @Test func `training shows the future, zeros, another's future or noise`() throws {
    let batch = try latents(5)
    func memory(_ mode: TrainingMemoryMode, _ random: [CountedRandom]? = nil) throws -> Tensor {
      let world = try world { $0.trainingMemory = mode }
      return try #require(world.trainingStep(batch, random: random ?? addresses(5)).memory)
    }
    #expect(try memory(.oracle).isIdentical(to: batch.future))
    #expect(try memory(.zero).maxAbs() == 0)
    #expect(try memory(.random).isIdentical(to: memory(.random)))
    #expect(try !memory(.random).isIdentical(to: memory(.random, addresses(5, from: 1))))
    let shuffled = try memory(.shuffle).reshaped([5, 16]).scalars(Float.self)
    let rows = try batch.future.reshaped([5, 16]).scalars(Float.self)
    let chunks = { (values: [Float]) in (0..<5).map { Array(values[$0 * 16..<($0 + 1) * 16]) } }
    #expect(shuffled != rows)
    #expect(Set(chunks(shuffled)) == Set(chunks(rows)))
    #expect(throws: Failure.self) { try memory(.random, []) }
  }

  @Test func `without injection there is a world loss and no memory`() throws {
    let step = try world { $0.isInjectionEnabled = false }.trainingStep(latents(2), random: [])
    #expect(step.memory == nil)
    #expect(try step.loss.item() > 0)
    #expect(try step.metrics["world_mem_norm"]?.item() == 0)
  }

  @Test func `without a valid position the loss is zero and its gradient finite`() throws {
    var batch = try latents(2)
    batch = LatentBatch(
      history: batch.history, future: batch.future, isValid: try .zeros([2, 2], dtype: .bool))
    let store = ParameterStore(seed: 1, device: .cpu)
    let world = try WorldModel(store.root, world().configuration, expertWidth: 8, languageWidth: 8)
    try store.setTrainable { _ in true }
    let step = try world.trainingStep(batch, random: [])
    try step.loss.backward()
    #expect(try step.loss.item() == 0)
    #expect(try store.gradientNorm().item() == 0)
  }

  @Test(arguments: RolloutMemoryMode.allCases)
  func `a closed gate or injection switched off asks for no history`(mode: RolloutMemoryMode) throws {
    struct HistoryUsed: Error {}
    for gate in [0, 9e-7, -9e-7] {
      let closed = try world {
        $0.gateInitialization = gate
        $0.rolloutMemory = mode
      }
      #expect(try closed.rolloutMemory(random: addresses(2)) { throw HistoryUsed() } == nil)
    }
    let off = try world {
      $0.isInjectionEnabled = false
      $0.rolloutMemory = mode
    }
    #expect(try off.ignoresMemory())
    #expect(try off.rolloutMemory(random: addresses(2)) { throw HistoryUsed() } == nil)
  }

  @Test func `a gate at zero leaves hidden states as they are, bit for bit`() throws {
    let world = try world { $0.gateInitialization = 0 }
    let hidden = try Tensor.normal([2, 4, 8], .init(seed: 0, "hidden"))
    let memory = try Tensor.normal([2, 2, 8], .init(seed: 0, "memory"))
    #expect(try world.fusion.injection(hidden, memory).isIdentical(to: hidden))
    #expect(try world.fusion.injection.withDiagnostics(hidden, memory).output.isIdentical(to: hidden))
  }

  private func rollout(
    _ mode: RolloutMemoryMode, _ history: Tensor, _ random: [CountedRandom]
  ) throws -> Tensor {
    let world = try world { $0.rolloutMemory = mode }
    return try #require(world.rolloutMemory(random: random) { history }).latents
  }

  @Test func `rollout modes corrupt the prediction as they say`() throws {
    let history = try latents(3).history
    let predicted = try rollout(.pred, history, addresses(3))
    #expect(try predicted.isIdentical(to: world().memory(ofHistory: history)))
    #expect(try rollout(.zero, history, addresses(3)).maxAbs() == 0)
    let flipped = try rollout(.signflip, history, addresses(3))
    #expect(try flipped.abs().isIdentical(to: predicted.abs()))
    #expect(
      try (flipped / predicted).select(dimension: 0, index: 0).isIdentical(
        to: (flipped / predicted).select(dimension: 0, index: 2)))
    let scaled = try rollout(.randomScaled, history, addresses(3))
    let (ours, theirs) = (
      try scaled.square().mean(dimensions: [1, 2]), try predicted.square().mean(dimensions: [1, 2])
    )
    #expect(try (ours / theirs - 1.0).maxAbs() < 1e-5)
    let shuffled = try rollout(.shuffle, history, addresses(3))
    #expect(try abs(shuffled.sum().item() - predicted.sum().item()) < 1e-5)
    #expect(throws: Failure.self) { try rollout(.shuffle, history.slice(dimension: 0, 0..<1), addresses(1)) }
  }

  @Test(arguments: [RolloutMemoryMode.random, .randomScaled])
  func `a row's noise does not depend on its neighbors`(mode: RolloutMemoryMode) throws {
    let history = try latents(3).history
    let together = try rollout(mode, history, addresses(3))
    let alone = try rollout(mode, history.slice(dimension: 0, 1..<2), addresses(1, from: 1))
    #expect(try together.slice(dimension: 0, 1..<2).distance(to: alone) < 1e-5)
  }

  /// Hidden states that have read a memory.
  private func read(_ hidden: Tensor, _ memory: RolloutMemory, _ world: WorldModel) throws -> Tensor {
    let change = try #require(world.refinement(reading: memory).hidden)
    return try change(hidden)
  }

  @Test func `a row that is not finite is dropped and counted, its neighbors keep their memory`() throws {
    let batch = try latents(3)
    let world = try world()
    let hidden = try Tensor.normal([3, 4, 8], .init(seed: 0, "hidden"))
    let sound = try #require(world.rolloutMemory(random: addresses(3)) { batch.history })
    #expect(sound.droppedRows == 0)
    for value in [Double.nan, .infinity] {
      let broken = try batch.history.clone()
      try broken.select(dimension: 0, index: 1).copy(from: Tensor.full([3, 8], value))
      let memory = try #require(world.rolloutMemory(random: addresses(3)) { broken })
      #expect(memory.droppedRows == 1)
      let output = try read(hidden, memory, world)
      #expect(try output.select(dimension: 0, index: 1).isIdentical(to: hidden.select(dimension: 0, index: 1)))
      #expect(
        try output.select(dimension: 0, index: 2).distance(
          to: read(hidden, sound, world).select(dimension: 0, index: 2)) < 1e-6)
      #expect(try !output.select(dimension: 0, index: 2).isIdentical(to: hidden.select(dimension: 0, index: 2)))
    }
  }

  @Test func `shapes that are not the configured ones are refused by the flag`() throws {
    let world = try world()
    for shape in [[2, 4, 8], [2, 3, 9], [2, 8]] {
      let error = #expect(throws: Failure.self) { try world.memory(ofHistory: Tensor.zeros(shape)) }
      #expect(error?.description.contains("`world_latent_dim") == true)
    }
    let batch = try latents(2)
    let wrong = LatentBatch(
      history: batch.history, future: try .zeros([2, 3, 8]), isValid: try .ones([2, 3], dtype: .bool))
    let error = #expect(throws: Failure.self) { try world.trainingStep(wrong, random: []) }
    #expect(error?.description.contains("`future_offset") == true)
  }
}
