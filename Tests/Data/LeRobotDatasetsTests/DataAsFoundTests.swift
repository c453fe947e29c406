import Foundation
import MediaCoding
import ModelFiles
import OrderedCollections
import RGBImages
import Testing

@testable import LeRobotDatasets

/// Datasets as users have them: what is wrong with them and not needed does no harm, and what is needed is named.
struct DataAsFoundTests {
  private let camera = "observation.images.top"

  /// A toy dataset that the body may change.
  private func within(
    _ type: DatasetFeature.DataType, cameras: [String] = ["top"], chunks: ChunkSettings = ChunkSettings(),
    _ body: (URL) throws -> Void
  ) throws {
    try withFolder { folder in
      let root = folder.appendingPathComponent("toy")
      try ToyDataset.write(to: root, type, cameras: cameras, codec: .h264, chunks: chunks)
      try body(root)
    }
  }

  private func change(
    _ root: URL, _ file: String, _ body: (inout OrderedDictionary<String, JSON>) throws -> Void
  ) throws {
    let url = root.appendingPathComponent("meta/\(file)")
    var members = try #require(try JSON(contentsOf: url).object)
    try body(&members)
    try JSON.object(members).write(to: url, overwrite: true)
  }

  private func change(_ root: URL, feature: String, _ body: (inout OrderedDictionary<String, JSON>) -> Void) throws {
    try change(root, "info.json") { members in
      var features = members["features"]?.object ?? [:]
      var one = features[feature]?.object ?? [:]
      body(&one)
      features[feature] = .object(one)
      members["features"] = .object(features)
    }
  }

  // MARK: What nobody reads

  @Test func `a dataset is read without the features that cannot be read, in one line`() throws {
    try within(.image) { root in
      let whole = try LeRobotDataset(root: root)
      #expect(whole.notices.isEmpty)
      try change(root, feature: "next.reward") { $0["dtype"] = "uint16" }
      try change(root, feature: "next.done") { $0["shape"] = [0] }
      try change(root, feature: "words") { $0 = ["dtype": "language", "shape": [1]] }
      let dataset = try LeRobotDataset(root: root)
      #expect(dataset.notices.count == 1)
      for name in ["next.reward", "next.done", "words"] {
        #expect(dataset.metadata.features[name] == nil && dataset.notices[0].contains("\(name) ("))
      }
      let request = SampleSpecification(cameras: [camera], features: ["observation.state"], chunkSize: 2)
      #expect(try dataset.batch([0, 5], request) == whole.batch([0, 5], request))
    }
  }

  @Test func `statistics that cannot be read are missing, and the others are there`() throws {
    try within(.image) { root in
      try change(root, "stats.json") {
        $0["next.reward"] = ["count": [12]]
        $0["next.done"] = ["mean": "much", "std": [1]]
      }
      let statistics = try LeRobotDataset(root: root).statistics
      #expect(statistics["next.reward"] == nil && statistics["next.done"] == nil)
      #expect(statistics["action"]?.mean.count == 2)
    }
    try withCopy("v21") { root in
      let url = root.appendingPathComponent("meta/episodes_stats.jsonl")
      let text = try String(contentsOf: url, encoding: .utf8)
      let whole = try LeRobotDataset(root: root).statistics
      var lines = text.split(separator: "\n").map(String.init)
      var first = try #require(try JSON(parsing: lines[0]).object)
      var features = try #require(first["stats"]?.object)
      features["timestamp"] = ["count": [3]]
      first["stats"] = .object(features)
      lines[0] = JSON.object(first).text(.line)
      try lines.joined(separator: "\n").write(to: url, atomically: true, encoding: .utf8)
      let found = try LeRobotDataset(root: root).statistics
      #expect(found["timestamp"] == nil && found["action"] == whole["action"] && whole["timestamp"] != nil)
    }
  }

  // MARK: An index that is wrong

  @Test func `an episode is found where its rows are, whatever the index says`() throws {
    var chunks = ChunkSettings()
    chunks.dataFileMegabytes = 1e-6
    try within(.image, chunks: chunks) { root in
      let whole = try LeRobotDataset(root: root)
      let request = whole.everything(chunkSize: 3)
      let expected = try (0..<12).map { try whole.sample(at: $0, request) }
      let files = Episode.parquetFiles(in: root.appendingPathComponent("data"))
      try #require(files.count == 3)
      // Two files change places, and one moves to another folder.
      let aside = root.appendingPathComponent("aside")
      try FileManager.default.moveItem(at: files[0], to: aside)
      try FileManager.default.moveItem(at: files[1], to: files[0])
      try FileManager.default.moveItem(at: aside, to: files[1])
      let other = root.appendingPathComponent("data/chunk-007")
      try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
      try FileManager.default.moveItem(at: files[2], to: other.appendingPathComponent("file-042.parquet"))
      let dataset = try LeRobotDataset(root: root)
      for position in 0..<12 { #expect(try dataset.sample(at: position, request) == expected[position]) }
      let last = try LeRobotDataset(root: root, episodes: [2])
      for position in 0..<5 { #expect(try last.image(camera, at: position) == ToyDataset.image(0, 2, position)) }
    }
  }

  @Test func `an episode whose rows are nowhere is named`() throws {
    var chunks = ChunkSettings()
    chunks.dataFileMegabytes = 1e-6
    try within(.image, chunks: chunks) { root in
      let files = Episode.parquetFiles(in: root.appendingPathComponent("data"))
      try FileManager.default.removeItem(at: files[1])
      let problem = sentence { _ = try LeRobotDataset(root: root) }
      #expect(problem.contains("file-001.parquet"), "\(problem)")
      #expect(try LeRobotDataset(root: root, episodes: [0, 2]).count == 9)
    }
  }

  // MARK: Videos that end too soon

  private func video(_ root: URL) -> URL { root.appendingPathComponent("videos/\(camera)/chunk-000/file-000.mp4") }

  /// Writes the video again with its first frames only.
  private func cut(_ root: URL, to count: Int) throws {
    try FileManager.default.removeItem(at: video(root))
    let writer = try VideoWriter(
      video(root), width: ToyDataset.width, height: ToyDataset.height, framesPerSecond: 10, codec: .h264)
    for _ in 0..<count { try writer.append(ToyDataset.image(0, 0, 0)) }
    try writer.finish()
  }

  @Test func `all episodes that a video lacks frames of are named when it is opened, with what leaves them out`() throws
  {
    try within(.video) { root in
      try LeRobotDataset(root: root).checkVideos(of: [camera])
      for (count, bad, list) in [(11, "episode 2", "[2]"), (6, "episodes 1, 2", "[1,2]")] {
        try cut(root, to: count)
        let dataset = try LeRobotDataset(root: root)
        let problem = sentence { try dataset.checkVideos(of: [camera]) }
        #expect(problem.contains("(\(bad); `dataset.exclude_episodes=\(list)`"), "\(problem)")
        try dataset.checkVideos(of: [])
      }
      try LeRobotDataset(root: root, episodes: [0]).checkVideos(of: [camera])
    }
  }

  @Test func `a video of another size than the camera's others is named when the dataset is opened`() throws {
    var chunks = ChunkSettings()
    chunks.videoFileMegabytes = 1e-6
    try within(.video, chunks: chunks) { root in
      let other = video(root).deletingLastPathComponent().appendingPathComponent("file-002.mp4")
      try FileManager.default.removeItem(at: other)
      let writer = try VideoWriter(other, width: 48, height: 32, framesPerSecond: 10, codec: .h264)
      for _ in 0..<5 { try writer.append(RGBImage(width: 48, height: 32, pixels: Array(repeating: 9, count: 4608))) }
      try writer.finish()
      let problem = sentence { try LeRobotDataset(root: root).checkVideos(of: [camera]) }
      #expect(problem.contains("1 of 3 episodes") && problem.contains("episode 2;"), "\(problem)")
      #expect(problem.contains("file-002.mp4 has images of 48x32 pixels, other videos of the camera 32x24"))
    }
  }

  @Test func `a video that is missing is named for every episode`() throws {
    try within(.video) { root in
      try FileManager.default.removeItem(at: video(root))
      let problem = sentence { try LeRobotDataset(root: root).checkVideos(of: [camera]) }
      #expect(problem.contains("3 of 3 episodes") && problem.contains("file-000.mp4"), "\(problem)")
    }
  }

  // MARK: Numbers that are none

  @Test func `numbers that are not finite are named by their frame, with what leaves the episode out`() throws {
    try withFolder { folder in
      for (value, place) in [(Float.nan, 1), (.infinity, 2)] {
        let root = folder.appendingPathComponent("\(place)")
        let writer = try DatasetWriter(
          root: root, framesPerSecond: 10, features: ["action": DatasetFeature(.float32, shape: [2])])
        for episode in 0..<3 {
          for frame in 0..<4 {
            let isBad = episode == place && frame == 3
            try writer.addFrame(["action": .floats([0.5, isBad ? value : 1])])
          }
          try writer.saveEpisode(task: "push")
        }
        try writer.finish()
        let dataset = try LeRobotDataset(root: root)
        let problem = sentence { try dataset.checkFinite(["action"]) }
        let advice = "`dataset.exclude_episodes=[\(place)]`"
        #expect(problem.contains("action of frame 3 of episode \(place)") && problem.contains(advice), "\(problem)")
        try dataset.checkFinite([])
      }
    }
  }

  // MARK: Cameras that differ from their description

  @Test func `names say which side of a camera is which`() throws {
    try within(.image) { root in
      for (names, shape): (JSON, JSON) in [
        (["width", "height", "channels"], [32, 24, 3]), (["channel", "height", "width"], [3, 24, 32]),
        (["channels", "width", "height"], [3, 32, 24]), (nil, [3, 24, 32]),
      ] {
        try change(root, feature: camera) { ($0["names"], $0["shape"]) = (names, shape) }
        let dataset = try LeRobotDataset(root: root)
        #expect(dataset.notices.isEmpty)
        #expect(try dataset.image(camera, at: 3) == ToyDataset.image(0, 0, 3))
        let size = try #require(dataset.metadata.features[camera]?.imageSize)
        #expect(size == (24, 32))
      }
    }
  }

  @Test(arguments: [DatasetFeature.DataType.image, .video])
  func `the images' own size counts, and is said once`(type: DatasetFeature.DataType) throws {
    try within(type) { root in
      try change(root, feature: camera) { $0["shape"] = [480, 640, 3] }
      let dataset = try LeRobotDataset(root: root)
      #expect(
        dataset.notices.count == 1 && dataset.notices[0].contains("32x24") && dataset.notices[0].contains("640x480"))
      let request = SampleSpecification(cameras: [camera], features: [], actionFeature: nil, chunkSize: 0)
      let images = try #require(try dataset.batch([0, 7, 11], request).images[camera])
      #expect(images.width == 32 && images.height == 24)
    }
  }
}
