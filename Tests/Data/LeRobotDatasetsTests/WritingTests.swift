import CounterBasedRandom
import Failures
import Foundation
import MediaCoding
import ModelFiles
import OrderedCollections
import ParquetFiles
import RGBImages
import Testing

@testable import LeRobotDatasets

@Test func `a recorded dataset reads back as it was recorded`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("toy")
    try ToyDataset.write(to: root, .image, cameras: ["top", "wrist"])
    let data = try LeRobotDataset(root: root)
    #expect(data.count == 12 && data.episodes.map(\.frames) == [0..<4, 4..<7, 7..<12])
    #expect(data.episodes.map(\.tasks) == [[ToyDataset.tasks[0]], [ToyDataset.tasks[1]], [ToyDataset.tasks[0]]])
    for position in 0..<12 {
      let frame = try data.frame(at: position)
      #expect(frame.index == position && frame.timestamp == Float(Double(frame.frameIndex) / 10))
      #expect(frame.task == ToyDataset.tasks[frame.episodeIndex % 2])
      #expect(
        try data.values(of: "observation.state", at: [position])
          == ToyDataset.state(frame.episodeIndex, frame.frameIndex))
      #expect(try data.values(of: "action", at: [position]) == ToyDataset.action(frame.episodeIndex, frame.frameIndex))
      for (number, camera) in data.metadata.cameras.enumerated() {
        let image = try data.image(camera, at: position)
        #expect(try image == ToyDataset.image(number, frame.episodeIndex, frame.frameIndex))
      }
    }
    #expect(try data.values(of: "next.done", at: [2, 3, 4, 11]) == [0, 1, 0, 1])
  }
}

@Test func `info, schemas and row groups equal those that LeRobot writes for the same frames`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("toy")
    try ToyDataset.write(to: root, .image, cameras: ["top", "wrist"])
    let truth = try golden("images")
    let info = "meta/info.json"
    #expect(
      try JSON(contentsOf: root.appendingPathComponent(info)) == JSON(contentsOf: truth.appendingPathComponent(info)))
    for name in ["data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"] {
      let ours = try ParquetFile(root.appendingPathComponent(name))
      let theirs = try ParquetFile(truth.appendingPathComponent(name))
      // LeRobot collects statistics in the order of its buffer, which begins with the bookkeeping; ours is the features'.
      #expect(Set(ours.fields) == Set(theirs.fields))
      #expect(ours.rowGroups == theirs.rowGroups)
    }
    let ours = try ParquetFile(root.appendingPathComponent("data/chunk-000/file-000.parquet"))
    let theirs = try ParquetFile(truth.appendingPathComponent("data/chunk-000/file-000.parquet"))
    #expect(ours.fields == theirs.fields)
    func features(_ file: ParquetFile) throws -> JSON? {
      try JSON(parsing: file.metadata["huggingface"] ?? "{}")["info"]?["features"]
    }
    #expect(try features(ours) == features(theirs))
  }
}

@Test func `statistics equal LeRobot's for the same frames`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("toy")
    try ToyDataset.write(to: root, .image, cameras: ["top", "wrist"])
    let ours = try LeRobotDataset(root: root).statistics
    let golden = try LeRobotDataset(root: golden("images"))
    let theirs = golden.statistics
    #expect(Set(ours.keys) == Set(theirs.keys))
    let again = try golden.recomputedStatistics()
    #expect(try golden.recomputedStatistics(includingImages: false).count == theirs.count - 2)
    for (name, truth) in theirs {
      let found = try #require(ours[name])
      #expect(again[name] == found)
      #expect(found.shape == truth.shape && found.count == truth.count)
      for (mine, other) in zip(found.named, truth.named) {
        #expect(mine.name == other.name)
        // LeRobot 0.4.4 squares image bytes in eight bits, so its standard deviation of images means nothing.
        if name.contains("images"), mine.name == "std" { continue }
        for (entry, (value, wanted)) in zip(mine.values, other.values).enumerated() {
          let range = truth.maximum[entry] - truth.minimum[entry]
          // Its float32 sums, and one bin of 5,000 for values that fall on a bin's edge.
          let tolerance = mine.name.hasPrefix("q") ? range / 5000 + 1e-6 : 2e-6 * max(1, abs(wanted))
          #expect(abs(value - wanted) <= tolerance, "\(name) \(mine.name)[\(entry)]: \(value), expected \(wanted)")
        }
      }
    }
    // The true deviation of the top camera's images, from numpy.
    let deviation = try #require(ours["observation.images.top"]?.standardDeviation)
    for (value, wanted) in zip(deviation, [0.18761699, 0.20168986, 0.13576219]) { #expect(abs(value - wanted) < 1e-3) }
  }
}

@Test(arguments: [VideoCodec.h264, .av1, .hevc])
func `recorded videos hold every frame of every episode`(codec: VideoCodec) throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("toy")
    let writer = try DatasetWriter(
      root: root, framesPerSecond: 30, features: ["cam": .camera(.video, height: 64, width: 96)], videoCodec: codec)
    func brightness(_ episode: Int, _ frame: Int) -> UInt8 { UInt8(30 + 60 * episode + 4 * frame) }
    for episode in 0..<3 {
      for frame in 0..<7 {
        let pixels = [UInt8](repeating: brightness(episode, frame), count: 64 * 96 * 3)
        try writer.addFrame(["cam": .image(RGBImage(width: 96, height: 64, pixels: pixels))])
      }
      try writer.saveEpisode(task: "look")
    }
    try writer.finish()
    let data = try LeRobotDataset(root: root)
    #expect(
      data.metadata.features["cam"]?.videoInfo?["video.codec"]?.string == (codec == .av1 ? "av1" : codec.rawValue))
    for position in stride(from: 20, through: 0, by: -1) {
      let frame = try data.frame(at: position)
      let image = try data.image("cam", at: position)
      let mean = image.pixels.reduce(0) { $0 + Int($1) } / image.pixels.count
      #expect(abs(mean - Int(brightness(frame.episodeIndex, frame.frameIndex))) <= 2)
    }
  }
}

/// Five episodes whose noise fills files, two files a folder.
private func recordSeveralFiles(to root: URL, _ type: DatasetFeature.DataType, codec: VideoCodec? = nil) throws {
  var chunks = ChunkSettings()
  (chunks.filesPerChunk, chunks.dataFileMegabytes, chunks.videoFileMegabytes) = (2, 0.05, 0.05)
  var features: OrderedDictionary<String, DatasetFeature> = ["action": DatasetFeature(.float32, shape: [2])]
  for camera in ["top", "wrist"] { features["observation.images.\(camera)"] = .camera(type, height: 64, width: 96) }
  let writer = try DatasetWriter(
    root: root, framesPerSecond: 15, features: features, chunks: chunks, videoCodec: codec, overwrite: true)
  for episode in 0..<5 {
    for frame in 0..<5 {
      try writer.addFrame([
        "action": .floats([Float(episode), Float(frame)]),
        "observation.images.top": .image(noise(0, episode, frame)),
        "observation.images.wrist": .image(noise(1, episode, frame)),
      ])
    }
    try writer.saveEpisode(task: "task \(episode % 2)")
  }
  try writer.finish()
}

private func noise(_ camera: Int, _ episode: Int, _ frame: Int) throws -> RGBImage {
  let random = CountedRandom(seed: camera, "noise").at(episode, frame)
  let pixels = (0..<64 * 96 * 3 / 4).flatMap { index -> [UInt8] in
    let words = random.words(index)
    return [words.0, words.1, words.2, words.3].map { UInt8($0 >> 24) }
  }
  return try RGBImage(width: 96, height: 64, pixels: pixels)
}

@Test func `several files and folders read back, and only those of chosen episodes are opened`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("files")
    try recordSeveralFiles(to: root, .image)
    let data = try LeRobotDataset(root: root)
    #expect(data.episodes.map { $0.chunk * 10 + $0.file } == [0, 1, 10, 11, 20])
    for position in stride(from: 24, through: 0, by: -4) {
      let image = try data.image("observation.images.wrist", at: position)
      #expect(try image == noise(1, position / 5, position % 5))
    }
    for name in ["data/chunk-000", "data/chunk-002"] {
      try FileManager.default.removeItem(at: root.appendingPathComponent(name))
    }
    let chosen = try LeRobotDataset(root: root, episodes: [3, 2])
    #expect(chosen.count == 10 && chosen.statistics["action"]?.count == 25)
    #expect(try chosen.values(of: "action", at: [0, 9]) == [2, 0, 3, 4])
    let last = try chosen.image("observation.images.top", at: 9)
    #expect(try last == noise(0, 3, 4))
    #expect(sentence { _ = try LeRobotDataset(root: root, episodes: [2, 4]) }.contains("chunk-002/file-000.parquet"))
  }
}

@Test func `videos in several files and folders hold every episode's frames`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("videos")
    try recordSeveralFiles(to: root, .video, codec: .mpeg4)
    let data = try LeRobotDataset(root: root)
    let places = data.episodes.compactMap { $0.videos["observation.images.top"] }.map { $0.chunk * 10 + $0.file }
    #expect(Set(places).count > 2 && places == places.sorted() && (places.last ?? 0) >= 10, "\(places)")
    #expect(data.episodes.allSatisfy { $0.chunk == 0 && $0.file == 0 })
    func error(_ one: RGBImage, _ two: RGBImage) -> Int {
      zip(one.pixels, two.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    }
    for position in [24, 16, 15, 6, 0] {
      let image = try data.image("observation.images.top", at: position)
      let own = try noise(0, position / 5, position % 5), next = try noise(0, position / 5, (position + 1) % 5)
      #expect(error(image, own) < error(image, next))
    }
  }
}

@Test func `a full Parquet file is followed by the next`() throws {
  try withFolder { folder in
    var data = ChunkedParquetWriter(
      root: folder, fields: [ParquetField("a", .binary)], metadata: [], limit: 3000, filesPerChunk: 2)
    var places: [FileNumber] = []
    var random = SystemRandomNumberGenerator()
    for _ in 0..<6 {
      let noise = (0..<10).map { _ in (0..<120).map { _ in UInt8.random(in: 0...255, using: &random) } }
      places.append(try data.append([.binaries(noise)]))
    }
    try data.finish()
    #expect(places.map { $0.chunk * 10 + $0.file } == [0, 0, 1, 1, 10, 10])
    #expect(Episode.parquetFiles(in: folder.appendingPathComponent("data")).count == 3)
  }
}

@Test func `an unfinished recording leaves nothing and an existing dataset stays`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("toy")
    do {
      let writer = try DatasetWriter(
        root: root, framesPerSecond: 10, features: ["a": DatasetFeature(.float32, shape: [2])])
      try writer.addFrame(["a": .floats([1, 2])])
      try writer.saveEpisode(task: "t")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    try ToyDataset.write(to: root, .image, cameras: ["top"])
    #expect(sentence { try ToyDataset.write(to: root, .image, cameras: ["top"]) }.contains("exists"))
    try ToyDataset.write(to: root, .image, cameras: ["wrist"], overwrite: true)
    #expect(try LeRobotDataset(root: root).metadata.cameras == ["observation.images.wrist"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["toy"])
    let other = folder.appendingPathComponent("other")
    try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
    try Data("dear".utf8).write(to: other.appendingPathComponent("letter.txt"))
    #expect(
      sentence { try ToyDataset.write(to: other, .image, cameras: ["top"], overwrite: true) }.contains("no dataset"))
  }
}

@Test func `frames of another kind or shape are refused and not half added`() throws {
  try withFolder { folder in
    let features = ToyDataset.features(.image, cameras: ["top"])
    let writer = try DatasetWriter(root: folder.appendingPathComponent("toy"), framesPerSecond: 10, features: features)
    let good: [String: FeatureValue] = [
      "observation.state": .floats([1, 2, 3]), "action": .floats([1, 2]), "next.reward": .floats([0]),
      "next.done": .booleans([false]), "observation.images.top": .image(try ToyDataset.image(0, 0, 0)),
    ]
    let wrong: [(String, FeatureValue?)] = [
      ("action", nil), ("action", .floats([1, 2, 3])), ("action", .doubles([1, 2])), ("next.done", .integers([1])),
      ("observation.images.top", .image(try RGBImage(width: 2, height: 2, pixels: Array(repeating: 0, count: 12)))),
      ("extra", .floats([1])),
    ]
    for (name, value) in wrong {
      var values = good
      values[name] = value
      #expect(sentence { try writer.addFrame(values) }.contains(name))
      #expect(writer.pendingFrameCount == 0)
    }
    #expect(throws: Failure.self) { try writer.saveEpisode(task: "t") }
    #expect(throws: Failure.self) { try writer.finish() }
    try writer.addFrame(good)
    writer.discardEpisode()
    #expect(writer.pendingFrameCount == 0)
    for name in ["a/b", "index", ""] {
      #expect(throws: Failure.self) {
        try DatasetWriter(
          root: folder.appendingPathComponent("b"), framesPerSecond: 10,
          features: [name: DatasetFeature(.float32, shape: [1])]
        )
      }
    }
  }
}

/// What LeRobot is shown: `make parity` runs this with a folder, then oracle/parity/recorded_datasets.py on it.
@Test(.enabled(if: ProcessInfo.processInfo.environment["WM_PARITY_DATASETS"] != nil))
func `datasets are left for LeRobot to open`() throws {
  let folder = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["WM_PARITY_DATASETS"]))
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  for (name, type, codec) in [
    ("images", DatasetFeature.DataType.image, VideoCodec?.none), ("h264", .video, .h264), ("mpeg4", .video, .mpeg4),
    ("hevc", .video, .hevc),
  ] {
    let root = folder.appendingPathComponent(name)
    try ToyDataset.write(to: root, type, cameras: ["top", "wrist"], codec: codec, overwrite: true)
    try dump(LeRobotDataset(root: root), to: folder, name)
  }
  for (name, type) in [("image_files", DatasetFeature.DataType.image), ("video_files", .video)] {
    let root = folder.appendingPathComponent(name)
    try recordSeveralFiles(to: root, type, codec: .mpeg4)
    try dump(LeRobotDataset(root: root), to: folder, name)
  }
  let root = folder.appendingPathComponent("av1")
  let writer = try DatasetWriter(
    root: root, framesPerSecond: 15, features: ["observation.images.top": .camera(.video, height: 64, width: 96)],
    videoCodec: .av1, overwrite: true)
  for episode in 0..<3 {
    for frame in 0..<30 {
      let pixels = (0..<64 * 96 * 3).map { UInt8(($0 % 288 + $0 / 288 * 2 + frame * 3 + episode * 9) % 230) }
      try writer.addFrame(["observation.images.top": .image(RGBImage(width: 96, height: 64, pixels: pixels))])
    }
    try writer.saveEpisode(task: "look \(episode)")
  }
  try writer.finish()
  try dump(LeRobotDataset(root: root), to: folder, "av1")
}

private func dump(_ data: LeRobotDataset, to folder: URL, _ name: String) throws {
  let request = data.everything(chunkSize: 4)
  var rows: [JSON] = []
  var pixels: [UInt8] = []
  for position in 0..<data.count {
    let sample = try data.sample(at: position, request)
    var features = sample.features
    features["action"] = sample.actions.isEmpty ? nil : sample.actions
    rows.append([
      "index": .integer(sample.frame.index), "episode_index": .integer(sample.frame.episodeIndex),
      "frame_index": .integer(sample.frame.frameIndex), "timestamp": .number(Double(sample.frame.timestamp)),
      "task": .string(sample.frame.task), "action_is_pad": .array(sample.actionIsPadding.map { .bool($0) }),
      "features": .object(
        .init(
          uniqueKeysWithValues: features.sorted { $0.key < $1.key }
            .map { ($0.key, .array($0.value.map { .number(Double($0)) })) })),
    ])
    for camera in data.metadata.cameras { pixels += sample.images[camera]?.pixels ?? [] }
  }
  let document: JSON = [
    "chunk": 4, "fps": .number(data.metadata.framesPerSecond),
    "cameras": .array(data.metadata.cameras.map { .string($0) }), "frames": .array(rows),
  ]
  try document.write(to: folder.appendingPathComponent("\(name).json"), overwrite: true)
  try AtomicFile.write(pixels, to: folder.appendingPathComponent("\(name).rgb"), overwrite: true)
}
