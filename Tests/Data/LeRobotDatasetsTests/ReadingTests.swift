import Failures
import Foundation
import HuggingFaceHub
import ModelFiles
import Testing
import WorkerThreads

@testable import LeRobotDatasets
@testable import MediaCoding

private func expected(_ name: String) throws -> JSON {
  let all = try JSON(contentsOf: golden("expected.json"))
  return try #require(all[name])
}

private func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: golden(name))) }

private func floats(_ json: JSON?) -> [Float] {
  guard let elements = json?.array else { return (json?.double).map { [Float($0)] } ?? [] }
  return elements.flatMap { floats($0) }
}

@Test(arguments: ["images", "av1", "h264"])
func `every frame of a dataset that LeRobot wrote is what LeRobot reads`(name: String) throws {
  let data = try LeRobotDataset(root: golden(name))
  let truth = try expected(name)
  let frames = try #require(truth["frames"]?.array)
  #expect(data.count == frames.count && data.episodes.count == 3)
  #expect(data.metadata.framesPerSecond == 10 && data.metadata.robotType == "toy")
  let request = SampleSpecification(
    cameras: [], features: ["observation.state"], chunkSize: try #require(truth["chunk"]?.integer))
  for (position, row) in frames.enumerated() {
    let sample = try data.sample(at: position, request)
    #expect(sample.frame.index == row["index"]?.integer)
    #expect(sample.frame.episodeIndex == row["episode_index"]?.integer)
    #expect(sample.frame.frameIndex == row["frame_index"]?.integer)
    #expect([sample.frame.timestamp] == floats(row["timestamp"]))
    #expect(sample.frame.task == row["task"]?.string)
    #expect(sample.features["observation.state"] == floats(row["observation.state"]))
    #expect(sample.actions == floats(row["action"]))
    #expect(sample.actionIsPadding == row["action_is_pad"]?.array?.compactMap(\.bool))
  }
}

@Test func `images in Parquet are pixel-equal`() throws {
  let data = try LeRobotDataset(root: golden("images"))
  #expect(data.metadata.cameras == ["observation.images.top", "observation.images.wrist"])
  for position in 0..<data.count {
    let frame = try data.frame(at: position)
    for (number, camera) in data.metadata.cameras.enumerated() {
      let image = try data.image(camera, at: position)
      #expect(try image == ToyDataset.image(number, frame.episodeIndex, frame.frameIndex))
    }
  }
}

@Test(arguments: ["av1", "h264"])
func `video frames are equal in their planes and within 2 levels in RGB`(name: String) throws {
  let data = try LeRobotDataset(root: golden(name))
  let truth = try expected(name)
  let shown = try #require(truth["shown"]?.array).compactMap(\.integer)
  let colors = try bytes("\(name).rgb")
  let planes = try bytes("\(name).yuv")
  let size = ToyDataset.width * ToyDataset.height * 3
  let reader = try VideoReader(golden("\(name)/videos/observation.images.top/chunk-000/file-000.mp4"))
  for slot in shown.indices.reversed() {
    let image = try data.image("observation.images.top", at: shown[slot])
    #expect(difference(image.pixels, colors[slot * size..<(slot + 1) * size]) <= 2)
    let found = try reader.planes(at: Double(shown[slot]) / 10)
    #expect(difference(found, planes[slot * size / 2..<(slot + 1) * size / 2]) == 0)
  }
}

@Test func `statistics are read with their shapes`() throws {
  let data = try LeRobotDataset(root: golden("images"))
  let state = try #require(data.statistics["observation.state"])
  #expect(state.shape == [3] && state.count == 12 && state.minimum == [0, -2, 0])
  #expect(state.quantiles.keys == ["q01", "q10", "q50", "q90", "q99"])
  #expect(data.statistics["observation.images.top"]?.shape == [3, 1, 1])
  #expect(data.statistics["next.done"]?.maximum == [1])
}

@Test func `chosen episodes are read alone and keep their numbers`() throws {
  let data = try LeRobotDataset(root: golden("images"), episodes: [2, 0, 2])
  #expect(data.episodes.map(\.index) == [0, 2] && data.count == 9)
  #expect(try data.frame(at: 4).index == 7 && data.frame(at: 4).episodeIndex == 2)
  #expect(try data.positionsOfEpisode(containing: 3) == 0..<4)
  #expect(try data.positionsOfEpisode(containing: 4) == 4..<9)
  // The window of the last frame of episode 0 does not reach into episode 2 that follows it here.
  #expect(try data.window(at: 3, offsets: -1...2).indices == [2, 3, 3, 3])
  #expect(try data.image("observation.images.wrist", at: 8) == ToyDataset.image(1, 2, 4))
  #expect(sentence { _ = try LeRobotDataset(root: golden("images"), episodes: [3]) }.contains("episode 3"))
}

@Test func `a batch is its samples one after another, from any number of threads`() throws {
  for name in ["images", "h264"] {
    let data = try LeRobotDataset(root: golden(name), imageCacheBytes: 4000, openVideos: 2)
    let request = data.everything(chunkSize: 3)
    let sampler = try BatchSampler(count: data.count, batchSize: 5, seed: 1)
    var seen: [[SampleBatch]] = []
    for workers in [0, 1, 4] {
      let loader = OrderedPrefetcher(steps: 0..<12, workers: workers) {
        try data.batch(sampler.samples(step: $0), request, draw: $0 * sampler.batchSize)
      }
      var batches: [SampleBatch] = []
      while let batch = try loader.next() { batches.append(batch) }
      seen.append(batches)
    }
    #expect(seen[0].count == 12 && seen[0] == seen[1] && seen[0] == seen[2])
    let batch = seen[0][7]
    let samples = try batch.positions.map { try data.sample(at: $0, request) }
    #expect(batch.frames == samples.map(\.frame))
    #expect(batch.actions == samples.flatMap(\.actions) && batch.actionIsPadding == samples.flatMap(\.actionIsPadding))
    for camera in request.cameras {
      #expect(batch.images[camera]?.pixels == .recorded(samples.flatMap { $0.images[camera]?.pixels ?? [] }))
    }
    for feature in request.features {
      #expect(batch.features[feature] == samples.flatMap { $0.features[feature] ?? [] })
    }
  }
}

@Test func `a dataset is found under LeRobot's folder`() throws {
  try withFolder { folder in
    let place = folder.appendingPathComponent("user/toy")
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: golden("h264"), to: place)
    let environment = ["HF_LEROBOT_HOME": folder.path, "HF_HOME": folder.path, "HF_HUB_OFFLINE": "1"]
    #expect(try DatasetLocation.root(repositoryID: "user/toy", environment: environment).path == place.path)
    #expect(DatasetLocation.home(environment: ["HF_HOME": "/x"]).path == "/x/lerobot")
    #expect(throws: HubError.self) { try DatasetLocation.root(repositoryID: "user/none", environment: environment) }
    for name in ["../toy", "/etc", ""] {
      #expect(throws: Failure.self) { try DatasetLocation.root(repositoryID: name, environment: environment) }
    }
  }
}
