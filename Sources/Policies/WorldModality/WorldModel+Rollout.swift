import CounterBasedRandom
import Failures
import LibTorch
import SmolVLA

/// What the policy may read at one planning step in closed loop.
public struct RolloutMemory {
  /// [B, K, D]; rows that may not be used are zeros.
  let latents: Tensor
  /// [B, 1, 1] bool: rows that may be used; nil where all may.
  let usable: Tensor?
  /// The places that read it.
  let open: Set<String>
  /// Rows that held a number that is not finite, and are not used.
  public let droppedRows: Int
}

extension WorldModel {
  /// Whether a memory would change nothing at rollout, because every gate is closed or switched off.
  ///
  /// Where it is true, neither latents nor memory need be computed.
  public func ignoresMemory() throws -> Bool { try fusion.openPlaces().isEmpty }

  /// The memory of a planning step, or nil where it would change nothing; the history is then not asked for.
  ///
  /// - Parameters:
  ///   - random: one for each row, a function of (seed, episode, query).
  ///   - history: gives the latents of the last T environment steps, [B, T, D].
  /// - Throws: what `history` throws, shapes that are not the configured ones, `shuffle` with a single row.
  public func rolloutMemory(random: [CountedRandom], history: () throws -> Tensor) throws -> RolloutMemory? {
    let open = try fusion.openPlaces()
    guard !open.isEmpty else { return nil }
    return try withoutGradients { try usable(memory(random, history), open) }
  }

  private func memory(_ random: [CountedRandom], _ history: () throws -> Tensor) throws -> Tensor {
    let shape = [random.count, configuration.futureOffset, configuration.worldLatentDimension]
    switch configuration.rolloutMemory {
    case .zero: return try Tensor.zeros(shape, device: fusion.injection.gate.value.device)
    case .random:
      return try MemoryNoise(random, rows: random.count).normal(
        like: Tensor.zeros(shape, device: fusion.injection.gate.value.device))
    case .pred, .randomScaled, .shuffle, .signflip: break
    }
    let predicted = try memory(ofHistory: history())
    let noise = try MemoryNoise(random, rows: predicted.size(0))
    switch configuration.rolloutMemory {
    case .randomScaled:
      let numbers = try noise.normal(like: predicted)
      return try numbers * (Self.rootMeanSquare(predicted) / Self.rootMeanSquare(numbers))
    case .shuffle:
      guard predicted.size(0) > 1 else {
        throw Failure(
          "`world_memory_mode_rollout=shuffle` exchanges the memories of a batch, which has one row here; "
            + "raise `eval.batch_size`")
      }
      return try noise.shuffled(predicted)
    case .signflip: return try predicted * Self.signs(predicted.size(-1)).to(predicted.device)
    case .pred, .zero, .random: return predicted
    }
  }

  /// [B, K, D] → [B, 1, 1]
  private static func rootMeanSquare(_ latents: Tensor) throws -> Tensor {
    try latents.square().mean(dimensions: [1, 2], keepDimensions: true).sqrt()
  }

  /// A fixed ±1 for each dimension, the same in every run.
  static func signs(_ dimension: Int) throws -> Tensor {
    let random = CountedRandom(seed: 0, "world-signflip")
    return try Tensor((0..<dimension).map { Float(random.uniform($0) < 0.5 ? -1 : 1) }, shape: [dimension])
  }

  private func usable(_ latents: Tensor, _ open: Set<String>) throws -> RolloutMemory {
    let isFinite = try latents.isFinite()
    if try isFinite.allTrue() { return RolloutMemory(latents: latents, usable: nil, open: open, droppedRows: 0) }
    let broken = try isFinite.not().to(.float32).amax(dimensions: [1, 2], keepDimensions: true)
    let rows = try broken.equals(broken.zerosLike())
    let dropped = try Int(broken.sum().item())
    // Zeros rather than what is not finite: 0 · NaN is NaN.
    return RolloutMemory(
      latents: try Tensor.where(rows, then: latents, else: latents.zerosLike()), usable: rows, open: open,
      droppedRows: dropped)
  }

  /// What reading a rollout memory changes where the gates are open; rows without one stay SmolVLA's, bit for bit.
  public func refinement(reading memory: RolloutMemory) throws -> Refinement {
    try fusion.refinement(reading: memory.latents, usable: memory.usable, only: memory.open)
  }
}
