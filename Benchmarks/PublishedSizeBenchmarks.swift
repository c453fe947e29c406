import CounterBasedRandom
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies
import SmolVLA

/// SmolVLA in its published size (450 M parameters, random weights) on a device: an update at the run's batch size, and
/// action chunks, from batches that are already there. Two cameras of 256², chunks of 50 actions, as on LIBERO.
func publishedSizeBenchmarks(_ device: Device, report: (Measurement) -> Void) throws {
  let store = ParameterStore(seed: 0, device: device)
  let policy = try SmolVLAPolicy(configuration(), backbone: try backbone(), imageTokens: nil, parameters: store)
  let optimizer = AdamW(store, settings: SmolVLAConfiguration().optimizer)
  let random = CountedRandom(seed: 0, "bench")
  let rows = device == .cpu ? 4 : 64
  let training = try batch(rows: rows, random, device)
  report(
    try Measurement("training: smolvla 450 M, batch \(rows), float32", "sample", count: rows, seconds: 20) {
      let loss = try policy.loss(of: training, random: random)
      try loss.total.backward()
      _ = try store.clipGradients(toNorm: 10)
      try optimizer.step(learningRate: 1e-4)
      try optimizer.clearGradients()
      // Reading a number waits for the device.
      _ = try loss.total.item()
    })
  for rows in [1, 8] {
    let observations = try batch(rows: rows, random, device)
    report(
      try Measurement("planning: smolvla 450 M, batch \(rows), float32", "chunk", count: rows, seconds: 5) {
        _ = try policy.actionChunk(for: observations, random: (0..<rows).map { random.at($0) }).scalars(Float.self)
      })
  }
}

private let cameras = ["observation.images.image", "observation.images.image2"]

private func configuration() -> SmolVLAConfiguration {
  var configuration = SmolVLAConfiguration()
  for camera in cameras { configuration.inputFeatures[camera] = PolicyFeature(.visual, [3, 256, 256]) }
  configuration.inputFeatures[BatchKey.state] = PolicyFeature(.state, [8])
  configuration.outputFeatures[BatchKey.action] = PolicyFeature(.action, [7])
  return configuration
}

/// The sizes of SmolVLM2-500M-Video-Instruct.
private func backbone() throws -> BackboneConfiguration {
  try BackboneConfiguration(
    [
      "text_config": [
        "hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 15,
        "num_key_value_heads": 5, "head_dim": 64, "vocab_size": 49280, "rms_norm_eps": 1e-5, "pad_token_id": 2,
      ],
      "vision_config": [
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "image_size": 512, "patch_size": 16,
      ],
      "scale_factor": 4,
    ], in: "the published backbone")
}

private func batch(rows: Int, _ random: CountedRandom, _ device: Device) throws -> Batch {
  var batch = Batch()
  for camera in cameras { batch[camera] = try Tensor.full([rows, 3, 256, 256], 0.5) }
  batch[BatchKey.state] = try Tensor.normal([rows, 8], random.at("state"))
  batch[BatchKey.action] = try Tensor.normal([rows, 50, 7], random.at("action"))
  batch[BatchKey.actionIsPad] = try Tensor.zeros([rows, 50], dtype: .bool)
  batch[BatchKey.tokens] = try Tensor.ones([rows, 20], dtype: .int64)
  batch[BatchKey.tokenMask] = try Tensor.ones([rows, 20], dtype: .bool)
  for (name, tensor) in batch.tensors { batch[name] = try tensor.to(device) }
  return batch
}
