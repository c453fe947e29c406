import CounterBasedRandom
import Failures
import LibTorch
import OrderedCollections
import WorldLatents

extension WorldModel {
  /// The world loss of a batch, and the memory that its action loss reads.
  ///
  /// The memory keeps the Prophet's gradients: the action loss trains the Prophet too.
  ///
  /// - Parameter random: one for each sample, a function of (seed, step, sample); only `shuffle` and `random` draw.
  /// - Throws: `Failure` for shapes that are not the configured ones.
  public func trainingStep(_ latents: LatentBatch, random: [CountedRandom]) throws -> WorldStep {
    try trainingStep(latents, drawn: trainingDraw(like: latents.future, random: random))
  }

  /// What the memory of a training step draws: the order of the rows under `shuffle`, [B] int64, and its numbers under
  /// `random`, [B, K, D]; nil otherwise.
  func trainingDraw(like future: Tensor, random: [CountedRandom]) throws -> Tensor? {
    guard configuration.readsMemory else { return nil }
    switch configuration.trainingMemory {
    case .pred, .oracle, .zero: return nil
    case .shuffle: return try MemoryNoise(random, rows: future.size(0)).order().to(future.device)
    case .random: return try MemoryNoise(random, rows: future.size(0)).normal(like: future)
    }
  }

  /// The same with what ``trainingDraw(like:random:)`` gave.
  func trainingStep(_ latents: LatentBatch, drawn: Tensor?) throws -> WorldStep {
    let history = latents.history
    let future = try latents.future.to(.float32)
    try checkFuture(latents)
    let prediction = prophet == nil ? nil : try prediction(ofHistory: history)
    let target = configuration.isDeltaPrediction ? try future - current(history) : future
    let similarity = try prediction.map { try WorldLoss($0, target, isValid: latents.isValid) }
    let memory = try trainingMemory(history, future, prediction: prediction, drawn)
    let loss = try similarity?.loss ?? Tensor.zeros([], device: history.device)
    let metrics = try withoutGradients {
      var metrics: OrderedDictionary<String, Tensor> = [:]
      metrics["world_loss"] = try loss.detached()
      metrics["world_cos"] = try similarity?.cosine.detached() ?? Tensor.zeros([], device: history.device)
      metrics["world_valid_frac"] = try latents.isValid.to(.float32).mean()
      metrics["world_mem_norm"] =
        try (memory?.detached().norm(dimensions: [-1]).mean()) ?? Tensor.zeros([], device: history.device)
      metrics["world_z_hist_norm"] = try current(history).norm(dimensions: [-1]).mean()
      metrics["world_z_future_norm"] = try future.norm(dimensions: [-1]).mean()
      for place in fusion.places { metrics["world_gate" + place.suffix] = try place.gate.opening().detached() }
      return metrics
    }
    return WorldStep(loss: loss, memory: memory, metrics: metrics)
  }

  private func trainingMemory(
    _ history: Tensor, _ future: Tensor, prediction: Tensor?, _ drawn: Tensor?
  ) throws -> Tensor? {
    guard configuration.readsMemory else { return nil }
    switch configuration.trainingMemory {
    case .pred:
      guard let prediction else {
        throw Failure("`world_memory_mode_train=pred` needs `enable_world_predictor=true`")
      }
      return try memory(history, prediction: prediction)
    case .oracle: return future
    case .zero: return try future.zerosLike()
    case .shuffle: return try drawn.map { try future.indexSelect(dimension: 0, indices: $0) }
    case .random: return drawn
    }
  }

  private func checkFuture(_ latents: LatentBatch) throws {
    let rows = latents.history.size(0)
    let expected = [rows, configuration.futureOffset, configuration.worldLatentDimension]
    guard latents.future.shape == expected, latents.isValid.shape == Array(expected.prefix(2)) else {
      throw Failure(
        "expected future latents \(expected) with flags for each (`future_offset`, `world_latent_dim`), "
          + "found \(latents.future.shape) and \(latents.isValid.shape)")
    }
  }
}

/// 1 − cosine, averaged over the positions that lie within the episode.
struct WorldLoss {
  /// A scalar; 0 where no position is valid.
  let loss: Tensor
  /// The mean cosine over the same positions; a scalar.
  let cosine: Tensor

  /// - Parameters:
  ///   - prediction: [B, K, D]
  ///   - target: [B, K, D]
  ///   - isValid: [B, K] bool
  init(_ prediction: Tensor, _ target: Tensor, isValid: Tensor) throws {
    let dot = try (prediction * target).sum(dimensions: [-1])
    let norms = try prediction.norm(dimensions: [-1]).clamp(min: 1e-8) * target.norm(dimensions: [-1]).clamp(min: 1e-8)
    let cosines = try dot / norms
    let mask = try isValid.to(.float32)
    let count = try mask.sum().clamp(min: 1)
    loss = try ((1 - cosines) * mask).sum() / count
    cosine = try (cosines * mask).sum() / count
  }
}

/// Memories that are noise: numbers of a row are a function of that row's address alone.
struct MemoryNoise {
  let rows: [CountedRandom]

  /// - Throws: `Failure` where there is not one address for each row.
  init(_ random: [CountedRandom], rows: Int) throws {
    guard random.count == rows else {
      throw Failure("\(random.count) random addresses do not serve \(rows) rows; pass one for each")
    }
    self.rows = random.map { $0.at("world-memory") }
  }

  /// Standard normal numbers of the shape of `latents`, [B, K, D].
  func normal(like latents: Tensor) throws -> Tensor {
    let shape = Array(latents.shape.dropFirst())
    var tensors: [Tensor] = []
    for row in rows { tensors.append(try Tensor.normal(shape, row)) }
    return try Tensor.stack(tensors).to(latents.device)
  }

  /// The rows' numbers in random order, [B] int64.
  func order() throws -> Tensor {
    let keys = rows.map { $0.uniform() }
    return try Tensor(rows.indices.sorted { keys[$0] < keys[$1] }, shape: [rows.count])
  }

  /// The rows of `latents` in random order.
  func shuffled(_ latents: Tensor) throws -> Tensor {
    try latents.indexSelect(dimension: 0, indices: order().to(latents.device))
  }
}
