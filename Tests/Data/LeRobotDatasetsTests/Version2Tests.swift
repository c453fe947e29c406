import Foundation
import ModelFiles
import OrderedCollections
import Testing

@testable import LeRobotDatasets

private func floats(_ json: JSON?) -> [Double] {
  guard let elements = json?.array else { return (json?.double).map { [$0] } ?? [] }
  return elements.flatMap { floats($0) }
}

@Test func `a v2.1 dataset reads as LeRobot reads its conversion to v3.0`() throws {
  let data = try LeRobotDataset(root: golden("v21"))
  let truth = try JSON(contentsOf: golden("v21.json"))
  let frames = try #require(truth["frames"]?.array)
  #expect(data.count == frames.count && data.episodes.map(\.frames) == [0..<4, 4..<7, 7..<12])
  let request = SampleSpecification(
    cameras: [], features: ["observation.state"], chunkSize: try #require(truth["chunk"]?.integer))
  for (position, row) in frames.enumerated() {
    let sample = try data.sample(at: position, request)
    #expect(sample.frame.index == row["index"]?.integer)
    #expect(sample.frame.episodeIndex == row["episode_index"]?.integer)
    #expect(sample.frame.frameIndex == row["frame_index"]?.integer)
    #expect([Double(sample.frame.timestamp)] == floats(row["timestamp"]))
    #expect(sample.frame.task == row["task"]?.string)
    #expect(sample.features["observation.state"]?.map(Double.init) == floats(row["observation.state"]))
    #expect(sample.actions.map(Double.init) == floats(row["action"]))
    #expect(sample.actionIsPadding == row["action_is_pad"]?.array?.compactMap(\.bool))
    let image = try data.image("observation.images.top", at: position)
    #expect(try image == ToyDataset.image(0, sample.frame.episodeIndex, sample.frame.frameIndex))
  }
}

@Test(arguments: [("side", 0), ("wrist", 2)])
func `a v2.1 dataset's JPEG images and HEVC videos are LeRobot's`(camera: String, tolerance: Int) throws {
  let data = try LeRobotDataset(root: golden("v21"))
  let shown = try #require(try JSON(contentsOf: golden("v21.json"))["shown"]?.array).compactMap(\.integer)
  let colors = [UInt8](try Data(contentsOf: golden("v21-\(camera).rgb")))
  let size = ToyDataset.width * ToyDataset.height * 3
  for slot in shown.indices.reversed() {
    let image = try data.image("observation.images.\(camera)", at: shown[slot])
    #expect(difference(image.pixels, colors[slot * size..<(slot + 1) * size]) <= tolerance)
  }
}

@Test func `v2.1's statistics are its episodes' joined as LeRobot joins them`() throws {
  let data = try LeRobotDataset(root: golden("v21"))
  let truth = try #require(try JSON(contentsOf: golden("v21.json"))["statistics"]?.object)
  #expect(Set(data.statistics.keys) == Set(truth.keys))
  for (name, entries) in truth {
    let found = try #require(data.statistics[name])
    for (statistic, values) in found.named {
      let wanted = floats(entries[statistic])
      #expect(values.count == wanted.count)
      for (value, other) in zip(values, wanted) { #expect(abs(value - other) < 1e-12, "\(name) \(statistic)") }
    }
  }
}

/// A copy of the v2.1 golden that may be damaged.
private func withCopy(_ body: (URL) throws -> Void) throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("v21")
    try FileManager.default.copyItem(at: golden("v21"), to: root)
    try body(root)
  }
}

private func edit(_ root: URL, _ key: String, _ value: JSON) throws {
  let url = root.appendingPathComponent("meta/info.json")
  var members = try #require(JSON(contentsOf: golden("v21/meta/info.json")).object)
  members[key] = value
  try JSON.object(members).write(to: url, overwrite: true)
}

private func openingError(_ root: URL, episodes: [Int]? = nil) -> String {
  sentence { _ = try LeRobotDataset(root: root, episodes: episodes) }
}

@Test func `v2.0 takes its statistics from stats.json`() throws {
  try withCopy { root in
    try edit(root, "codebase_version", "v2.0")
    try FileManager.default.removeItem(at: root.appendingPathComponent("meta/episodes_stats.jsonl"))
    #expect(try LeRobotDataset(root: root).statistics.isEmpty)
    let statistics = try #require(try JSON(contentsOf: golden("v21.json"))["statistics"])
    try statistics.write(to: root.appendingPathComponent("meta/stats.json"))
    #expect(try LeRobotDataset(root: root).statistics["action"]?.count == 12)
  }
}

@Test func `of chosen v2.1 episodes only the files are opened`() throws {
  try withCopy { root in
    for name in ["data/chunk-000/episode_000000.parquet", "data/chunk-000/episode_000001.parquet", "videos/chunk-000"] {
      try FileManager.default.removeItem(at: root.appendingPathComponent(name))
    }
    let data = try LeRobotDataset(root: root, episodes: [2])
    #expect(data.count == 5 && data.statistics["action"]?.count == 12)
    for camera in data.metadata.cameras { _ = try data.image(camera, at: 4) }
    #expect(openingError(root).contains("episode_000000.parquet"))
    #expect(openingError(root, episodes: [2, 1]).contains("episode_000001.parquet"))
  }
}

@Test func `versions that are too old, too new or none are one sentence that names the way out`() throws {
  try withCopy { root in
    for (version, hint) in [
      ("v1.6", "convert_dataset_v1_to_v2"), ("v4.0", "newer LeRobot"), ("three", "v3.0"), ("v2", "v3.0"), ("", "v3.0"),
    ] {
      try edit(root, "codebase_version", .string(version))
      #expect(openingError(root).contains(hint) && !openingError(root).contains("\n"), "\(openingError(root))")
    }
  }
}

@Test(arguments: ["episodes", "tasks", "episodes_stats"])
func `lines of JSON that are cut short or no objects are named by their number`(name: String) throws {
  try withCopy { root in
    let url = root.appendingPathComponent("meta/\(name).jsonl")
    let whole = try String(contentsOf: url, encoding: .utf8)
    let lines = whole.split(separator: "\n").map(String.init)
    for (text, number) in [
      (String(whole.dropLast(4)), lines.count), ("[1]\n" + whole, 1), (lines[0] + "\n{\"a\": 1}\n", 2),
      (lines[0] + "\n\u{0}\u{1F}x", 2),
    ] {
      try Data(text.utf8).write(to: url)
      #expect(
        openingError(root).contains("line \(number) of") && openingError(root).contains("\(name).jsonl"),
        "\(openingError(root))")
    }
    try Data((whole + "\n\n").utf8).write(to: url)
    #expect(openingError(root) == "no error")
  }
}

@Test func `episodes that lie about their length, repeat or are missing are refused`() throws {
  try withCopy { root in
    let url = root.appendingPathComponent("meta/episodes.jsonl")
    let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
    func openingError(_ lines: [String], frames: Int = 12) throws -> String {
      try Data(lines.joined(separator: "\n").utf8).write(to: url)
      try edit(root, "total_frames", .integer(frames))
      return sentence { _ = try LeRobotDataset(root: root) }
    }
    func line(_ index: Int, _ length: String) -> String {
      "{\"episode_index\": \(index), \"tasks\": [\"t\"], \"length\": \(length)}"
    }
    #expect(try openingError(lines.reversed()) == "no error")
    #expect(try openingError(Array(lines.dropLast())).contains("expected 3 episodes"))
    #expect(try openingError([lines[0], lines[0], lines[2]]).contains("expected episode 1"))
    #expect(try openingError([lines[0], lines[1], line(2, "6")], frames: 13).contains("expected 13 frames"))
    #expect(
      try openingError([lines[0], lines[1], line(2, "549755813888")], frames: 549_755_813_895).contains("expected"))
    #expect(try openingError([lines[0], line(1, "2"), line(2, "6")]).contains("does not belong to"))
    for length in ["0", "-1", "1e300", "\"5\"", "9999999999999999999"] {
      #expect(try openingError([lines[0], lines[1], line(2, length)]).contains("line 3 of"), "\(length)")
    }
  }
}

@Test func `v2.1's path templates stay inside, and a missing video is named`() throws {
  try withCopy { root in
    for template in [
      "../{episode_index:06d}.parquet", "/etc/{episode_chunk}", "{episode_name}", "data/{episode_index:6f}",
    ] {
      try edit(root, "data_path", .string(template))
      #expect(openingError(root).contains("template"), "\(openingError(root))")
    }
    try edit(root, "data_path", .string(PathTemplate.data.text))
    #expect(openingError(root).contains("file-000.parquet"))
    try edit(root, "robot_type", nil)
    let name = "videos/chunk-001/observation.images.wrist/episode_000002.mp4"
    try FileManager.default.removeItem(at: root.appendingPathComponent(name))
    let data = try LeRobotDataset(root: root)
    #expect(sentence { _ = try data.image("observation.images.wrist", at: 9) }.contains(name))
  }
}

@Test func `damage to v2.1's files never crashes`() throws {
  try withCopy { root in
    for name in ["data/chunk-000/episode_000001.parquet", "meta/episodes_stats.jsonl", "meta/episodes.jsonl"] {
      let url = root.appendingPathComponent(name)
      let whole = try Data(contentsOf: url)
      for position in stride(from: 0, to: whole.count, by: max(1, whole.count / 50)) {
        var damaged = whole
        damaged[position] ^= 0x15
        try damaged.write(to: url)
        guard let data = try? LeRobotDataset(root: root) else { continue }
        _ = try? data.batch([4, 5, 6], data.everything(chunkSize: 2))
      }
      try whole.write(to: url)
    }
  }
}

@Test func `more data files than may be open are read all the same`() throws {
  let files = DataFiles(try LeRobotDataset(root: golden("v21")).table.files.urls, capacity: 1)
  for number in [0, 1, 2, 2, 0] { #expect(try files.file(number).rowCount == [4, 3, 5][number]) }
}

@Test func `frames off the dataset's rate are refused by episode and frame, unless the tolerance allows them`() throws {
  try withCopy { root in
    try edit(root, "fps", 10.0)
    #expect(openingError(root) == "no error")
    try edit(root, "fps", 10.1)
    let message = openingError(root)
    #expect(message.contains("frame 1 of episode 0") && message.contains("`tolerance_s`"), "\(message)")
    _ = try LeRobotDataset(root: root, tolerance: 2e-3)
  }
}
