import Foundation
import LeRobotDatasets
import ModelFiles
import OrderedCollections
import RGBImages
import RobotEnvironments
import ShapesSimulation
import WorkerThreads

/// Reading and decoding samples as training does, and instructions into tokens.
func dataBenchmarks() throws -> [Measurement] {
  let scratch = try Scratch()
  let dataset = try recordedDataset(scratch.url.appendingPathComponent("data"))
  let sampler = try BatchSampler(count: dataset.count, batchSize: 32, seed: 0)
  let request = dataset.everything(chunkSize: 8)
  let specials = ["<|endoftext|>"]
  try Tokenizer.writeByteLevel(
    specialTokens: specials, words: ["push", " the", " block"], roles: ["pad_token": "<|endoftext|>"], to: scratch.url)
  let tokenizer = try Tokenizer(directory: scratch.url)
  let (transforms, photo) = (try officialTransforms(), try RGBImage(width: 256, height: 256, pixels: photograph()))
  return [
    try Measurement("loader: 2 PNGs of 64² a sample, 2 workers", "sample", count: 640) {
      let loader = OrderedPrefetcher(steps: 0..<20, workers: 2) {
        try dataset.batch(sampler.samples(step: $0), request, draw: $0 * sampler.batchSize)
      }
      while try loader.next() != nil {}
    },
    Measurement("transforms: 3 of LeRobot's 6, one of 256²", "image", count: 100) {
      for draw in 0..<100 { _ = transforms.apply(to: photo, draw: draw, camera: "image") }
    },
    Measurement("tokenizer: one instruction", "text", count: 1000) {
      for _ in 0..<1000 { _ = tokenizer.encode("push the red block to the left side of the table\n") }
    },
  ]
}

/// LeRobot's defaults.
private func officialTransforms() throws -> ImageTransforms {
  let list: [(String, OrderedDictionary<String, JSON>)] = [
    ("ColorJitter", ["brightness": [0.8, 1.2]]), ("ColorJitter", ["contrast": [0.8, 1.2]]),
    ("ColorJitter", ["saturation": [0.5, 1.5]]), ("ColorJitter", ["hue": [-0.05, 0.05]]),
    ("SharpnessJitter", ["sharpness": [0.5, 1.5]]),
    ("RandomAffine", ["degrees": [-5, 5], "translate": [0.05, 0.05]]),
  ]
  let transforms = try list.map { (1.0, try ImageTransform(type: $0.0, arguments: $0.1)) }
  return ImageTransforms(transforms, most: 3, hasRandomOrder: false, seed: 0)
}

private func photograph() -> [UInt8] { (0..<256 * 256 * 3).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 5) } }

/// 200 frames of the embedded suite.
private func recordedDataset(_ root: URL) throws -> LeRobotDataset {
  let environment = try ShapesSuite(imageSize: 64).makeEnvironment(task: "push_side")
  let cameras = environment.specification.cameras.map(\.name)
  var features: OrderedDictionary<String, DatasetFeature> = [
    "observation.state": DatasetFeature(.float32, shape: [2]), "action": DatasetFeature(.float32, shape: [2]),
  ]
  for camera in cameras { features["observation.images.\(camera)"] = .camera(.image, height: 64, width: 64) }
  let writer = try DatasetWriter(root: root, framesPerSecond: 10, features: features)
  for episode in 0..<10 {
    try environment.reset(seed: 0, episode: episode)
    for _ in 0..<20 {
      let observation = try environment.observe(cameras: Set(cameras))
      var values: [String: FeatureValue] = [
        "observation.state": .floats(observation.state), "action": .floats([0, 1]),
      ]
      for (camera, image) in observation.images { values["observation.images.\(camera)"] = .image(image) }
      try writer.addFrame(values)
      _ = try environment.step([0, 1])
    }
    try writer.saveEpisode(task: environment.instruction)
  }
  try writer.finish()
  return try LeRobotDataset(root: root)
}
