import CounterBasedRandom
import LibTorch
import ModelFiles
import NeuralNetworks
import PolicyTraining
import RobotPolicies
import SmolVLA

/// A policy of the demo's size on a batch that is already prepared: one update, and one plan for ten environments.
func trainingBenchmarks() throws -> [Measurement] {
  let store = ParameterStore(seed: 0, device: .cpu)
  let policy = try SmolVLAPolicy(demoConfiguration(), backbone: try demoBackbone(), imageTokens: nil, parameters: store)
  var update = PolicyUpdate(policy, AdamW(store, settings: SmolVLAConfiguration().optimizer))
  let random = CountedRandom(seed: 0, "bench")
  let (training, observations) = (try batch(rows: 64, random), try batch(rows: 10, random))
  return [
    try Measurement("training: the demo's smolvla, batch 64", "update", count: 1, seconds: 5) {
      _ = try update(training, random: random, learningRate: 1e-4)
    },
    try Measurement("planning: the demo's smolvla, batch 10", "plan", count: 1) {
      _ = try policy.actionChunk(for: observations, random: (0..<10).map { random.at($0) })
    },
  ]
}

private let cameras = ["observation.images.image", "observation.images.image2"]

/// As scripts/demo.sh sets it.
private func demoConfiguration() -> SmolVLAConfiguration {
  var configuration = SmolVLAConfiguration()
  for camera in cameras { configuration.inputFeatures[camera] = PolicyFeature(.visual, [3, 64, 64]) }
  configuration.inputFeatures[BatchKey.state] = PolicyFeature(.state, [2])
  configuration.outputFeatures[BatchKey.action] = PolicyFeature(.action, [2])
  configuration.imageSize = [64, 64]
  (configuration.chunkSize, configuration.actionSteps) = (8, 4)
  (configuration.maxStateDimension, configuration.maxActionDimension) = (8, 2)
  configuration.vlmLayers = 4
  configuration.expertWidthMultiplier = 1
  (configuration.freezeVisionEncoder, configuration.trainExpertOnly) = (false, false)
  return configuration
}

/// As `lerobot-wm scratch` creates it in the demo.
private func demoBackbone() throws -> BackboneConfiguration {
  try BackboneConfiguration(
    [
      "text_config": [
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 2,
        "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 264, "rms_norm_eps": 1e-5, "pad_token_id": 0,
      ],
      "vision_config": [
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 64, "patch_size": 16,
      ],
      "scale_factor": 4,
    ], in: "the demo's backbone")
}

private func batch(rows: Int, _ random: CountedRandom) throws -> Batch {
  var batch = Batch()
  for camera in cameras { batch[camera] = try Tensor.full([rows, 3, 64, 64], 0.5) }
  batch[BatchKey.state] = try Tensor.normal([rows, 2], random.at("state"))
  batch[BatchKey.action] = try Tensor.normal([rows, 8, 2], random.at("action"))
  batch[BatchKey.actionIsPad] = try Tensor.zeros([rows, 8], dtype: .bool)
  batch[BatchKey.tokens] = try Tensor.ones([rows, 6], dtype: .int64)
  batch[BatchKey.tokenMask] = try Tensor.ones([rows, 6], dtype: .bool)
  return batch
}
