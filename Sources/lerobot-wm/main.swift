import CountedRandom
import Foundation
import ModelFiles
import NeuralNetworks
import Policies
import SmolVLA
import Torch

let text = TextConfiguration(hiddenSize: 64, intermediateSize: 128, layers: 4, attentionHeads: 4, keyValueHeads: 2, headDimension: 16, vocabularySize: 300, rmsNormEpsilon: 1e-5, initializerRange: 0.02, paddingIndex: 2, attentionBias: false, mlpBias: false)
let vision = VisionConfiguration(hiddenSize: 64, intermediateSize: 128, layers: 2, attentionHeads: 4, channels: 3, imageSize: 64, patchSize: 8, layerNormEpsilon: 1e-6)
var c = SmolVLAConfiguration()
c.inputFeatures = ["observation.state": PolicyFeature(.state, [2]), "observation.images.image": PolicyFeature(.visual, [3, 64, 64]), "observation.images.image2": PolicyFeature(.visual, [3, 64, 64])]
c.outputFeatures = ["action": PolicyFeature(.action, [2])]
c.chunkSize = 10; c.actionSteps = 5; c.imageSize = [64, 64]; c.vlmLayers = 4; c.freezeVisionEncoder = false; c.trainExpertOnly = false
let threads = Int(CommandLine.arguments[1])!, B = Int(CommandLine.arguments[2])!
try TorchEngine.shared().setThreadCount(threads)
let store = ParameterStore(seed: 0, device: .cpu)
let policy = try SmolVLAPolicy(c, backbone: BackboneConfiguration(text: text, vision: vision, scaleFactor: 2), imageTokens: nil, parameters: store)
print("parameters", store.parameters.reduce(0) { $0 + $1.tensor.elementCount })
let r = CountedRandom(seed: 0, "x")
var batch = Batch()
batch["observation.state"] = try Tensor.normal([B, 2], r)
for n in ["image", "image2"] { batch["observation.images.\(n)"] = try Tensor.normal([B, 3, 64, 64], r) }
batch["action"] = try Tensor.normal([B, 10, 2], r)
batch[BatchKey.tokens] = try Tensor.ones([B, 8], dtype: .int64); batch[BatchKey.tokenMask] = try Tensor.ones([B, 8], dtype: .bool)
let opt = AdamW(store, settings: AdamWSettings())
for round in 0..<4 {
  let t = ContinuousClock.now
  for s in 0..<20 {
    let loss = try policy.loss(of: batch, random: r.at(s))
    try loss.total.backward()
    _ = try store.clipGradients(toNorm: 10)
    try opt.step(learningRate: 1e-3); try opt.clearGradients()
  }
  print(round, (ContinuousClock.now - t) / 20)
}
