import Foundation
import ModelFiles
import OrderedCollections
import ParquetFiles
import Testing

@testable import LeRobotDatasets

/// A copy of a golden dataset that may be damaged.
func withCopy(_ name: String, _ body: (URL) throws -> Void) throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent(name)
    try FileManager.default.copyItem(at: golden(name), to: root)
    try body(root)
  }
}

private func edit(_ root: URL, _ change: (inout OrderedDictionary<String, JSON>) -> Void) throws {
  let url = root.appendingPathComponent("meta/info.json")
  var members = try #require(
    JSON(contentsOf: golden(root.lastPathComponent).appendingPathComponent("meta/info.json")).object)
  change(&members)
  try JSON.object(members).write(to: url, overwrite: true)
}

private func truncate(_ url: URL, keeping share: Double) throws {
  let whole = try Data(contentsOf: url)
  try whole.prefix(Int(Double(whole.count) * share)).write(to: url)
}

private func openingError(_ root: URL) -> String { sentence { _ = try LeRobotDataset(root: root) } }

/// Opens a dataset and reads a frame with everything that it holds.
private func readEverything(_ root: URL) throws -> SampleBatch {
  let dataset = try LeRobotDataset(root: root)
  return try dataset.batch([0], dataset.everything(chunkSize: 1))
}

/// One sentence: no line breaks, no leftovers of a debugger's format.
private func isOneSentence(_ text: String) -> Bool {
  text != "no error" && !text.contains("\n") && !text.contains("Error(") && text.count < 500
}

@Test func `a missing key of info.json is named`() throws {
  try withCopy("h264") { root in
    for key in [
      "codebase_version", "total_episodes", "total_frames", "total_tasks", "fps", "data_path", "video_path", "features",
    ] {
      try edit(root) { $0[key] = nil }
      #expect(openingError(root).contains("\"\(key)\"") && isOneSentence(openingError(root)))
    }
    // LeRobot leaves these out or null now and then.
    try edit(root) {
      $0["splits"] = nil; $0["robot_type"] = nil; $0["chunks_size"] = nil; $0["fps"] = 10.0
    }
    #expect(openingError(root) == "no error")
  }
}

@Test func `wrong values in info.json are one sentence each`() throws {
  try withCopy("h264") { root in
    let wrong: [(String, JSON)] = [
      ("codebase_version", "v2.1"), ("fps", 0), ("fps", "ten"), ("total_frames", -1), ("total_frames", 13),
      ("total_frames", .integer(.max)), ("total_episodes", .integer(.max)), ("fps", 1e300), ("fps", .number(.infinity)),
      ("fps", 1e-300), ("total_tasks", .integer(.min)),
      ("total_episodes", 2), ("features", []), ("features", [:]), ("data_path", 3),
    ]
    for (key, value) in wrong {
      try edit(root) { $0[key] = value }
      #expect(isOneSentence(openingError(root)), "\(key): \(openingError(root))")
    }
    try edit(root) { _ in }
    try Data("{\"fps\": 10,".utf8).write(to: root.appendingPathComponent("meta/info.json"))
    #expect(isOneSentence(openingError(root)))
    try FileManager.default.removeItem(at: root.appendingPathComponent("meta/info.json"))
    #expect(openingError(root).contains("`dataset.root`"))
  }
}

@Test func `path templates that leave the dataset are refused`() throws {
  try withCopy("h264") { root in
    for template in [
      "../{chunk_index:03d}/{file_index:03d}.parquet", "/etc/passwd", "data/../../x", "", "data/{secret}.parquet",
      "data/{chunk_index:03d", "data/{chunk_index:999999999d}", "data/{chunk_index:3x}",
    ] {
      try edit(root) { $0["data_path"] = .string(template) }
      #expect(isOneSentence(openingError(root)), "\(template): \(openingError(root))")
      try edit(root) { $0["video_path"] = .string(template) }
      let message = sentence { _ = try LeRobotDataset(root: root).image("observation.images.top", at: 0) }
      #expect(isOneSentence(message), "\(template): \(message)")
      #expect(message.hasPrefix("frame 0 of episode 0: ") && message.contains("exclude_episodes=[0]"), "\(message)")
    }
  }
}

@Test func `features of unknown types, absurd shapes and foreign names are left out with their reason`() throws {
  try withCopy("h264") { root in
    func feature(_ name: String, _ dtype: JSON, _ shape: JSON, info: JSON = nil) throws -> String {
      try edit(root) { members in
        var features = members["features"]?.object ?? [:]
        features[name] = ["dtype": dtype, "shape": shape, "names": nil, "info": info]
        members["features"] = .object(features)
      }
      let dataset = try LeRobotDataset(root: root)
      #expect(dataset.metadata.features[name] == nil && !dataset.metadata.cameras.contains(name))
      #expect(isOneSentence(sentence { _ = try dataset.values(of: name, at: [0]) }))
      #expect(dataset.notices.count == 1 && isOneSentence(dataset.notices[0]), "\(dataset.notices)")
      return try #require(dataset.metadata.unreadable[name])
    }
    for type: JSON in ["complex64", "uint16", "float16", "language", nil] {
      let reason = try feature("action", type, [2])
      #expect(isOneSentence(reason) && reason.contains(type.string ?? "dtype"), "\(reason)")
    }
    let huge: JSON = [16_777_216, 16_777_216, 65_536]
    for shape: JSON in [[0], [-2], ["2"], "2", nil, [2, 2, 2, 2, 2, 2], [16_777_216, 16_777_216], huge] {
      let reason = try feature("action", "float32", shape)
      #expect(isOneSentence(reason) && reason.contains("shape"), "\(shape): \(reason)")
    }
    #expect(isOneSentence(try feature("../x", "float32", [2])))
    #expect(isOneSentence(try feature("cam", "image", [4, 4])))
    #expect(isOneSentence(try feature("depth", "video", [24, 32, 1])))
    for key in ["is_depth_map", "video.is_depth_map"] {
      #expect(try feature("depth", "video", [24, 32, 3], info: .object([key: true])) == "a depth map")
    }
  }
}

@Test func `features that every dataset needs are refused where they are wrong`() throws {
  try withCopy("h264") { root in
    func feature(_ name: String, _ shape: JSON) throws -> String {
      try edit(root) { members in
        var features = members["features"]?.object ?? [:]
        features[name] = ["dtype": "float32", "shape": shape, "names": nil]
        members["features"] = .object(features)
      }
      return sentence {
        let dataset = try LeRobotDataset(root: root)
        _ = try dataset.batch([0], dataset.everything(chunkSize: 1))
      }
    }
    for (name, shape): (String, JSON) in [("timestamp", [2]), ("action", [3]), ("missing", [2])] {
      let message = try feature(name, shape)
      #expect(isOneSentence(message), "\(name): \(message)")
    }
  }
}

@Test func `a feature that nobody asks for is not read, and its faults do not count`() throws {
  try withCopy("h264") { root in
    try edit(root) { members in
      var features = members["features"]?.object ?? [:]
      features["missing"] = ["dtype": "float32", "shape": [2], "names": nil]
      features["observation.state"] = ["dtype": "float32", "shape": [7], "names": nil]
      members["features"] = .object(features)
    }
    let dataset = try LeRobotDataset(root: root)
    let request = SampleSpecification(cameras: [], features: [], chunkSize: 2)
    #expect(try dataset.batch([0, 1], request).actions.count == 8)
    #expect(dataset.numbers.loadedNames == ["action"])
    for name in ["missing", "observation.state"] {
      let message = sentence { _ = try dataset.values(of: name, at: [0]) }
      #expect(isOneSentence(message) && message.contains(name), "\(message)")
    }
  }
}

@Test(arguments: ["data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet", "meta/tasks.parquet"])
func `a missing or truncated Parquet file is one sentence that names it`(name: String) throws {
  try withCopy("images") { root in
    let url = root.appendingPathComponent(name)
    for share in [0.9, 0.5, 0] {
      try truncate(url, keeping: share)
      #expect(isOneSentence(openingError(root)) && openingError(root).contains(name), "\(openingError(root))")
    }
    try FileManager.default.removeItem(at: url)
    #expect(isOneSentence(openingError(root)), "\(openingError(root))")
  }
}

@Test func `a frame that occurs twice in the data files is named`() throws {
  try withCopy("images") { root in
    let folder = root.appendingPathComponent("data/chunk-000")
    let file = folder.appendingPathComponent("file-000.parquet")
    // The index names neither of two equal files, so both are read.
    try FileManager.default.copyItem(at: file, to: folder.appendingPathComponent("file-005.parquet"))
    try FileManager.default.moveItem(at: file, to: folder.appendingPathComponent("file-006.parquet"))
    #expect(openingError(root).contains("frame 0 of episode 0 occurs twice"), "\(openingError(root))")
    try FileManager.default.removeItem(at: folder.appendingPathComponent("file-006.parquet"))
    _ = try readEverything(root)
  }
}

@Test func `damage anywhere in a dataset's files never crashes`() throws {
  try withCopy("images") { root in
    for name in ["data/chunk-000/file-000.parquet", "meta/tasks.parquet", "meta/episodes/chunk-000/file-000.parquet"] {
      let url = root.appendingPathComponent(name)
      let whole = try Data(contentsOf: url)
      for position in stride(from: 0, to: whole.count, by: max(1, whole.count / 60)) {
        var damaged = whole
        damaged[position] ^= 0xFF
        try damaged.write(to: url)
        guard let data = try? LeRobotDataset(root: root) else { continue }
        _ = try? data.batch(Array(0..<data.count), data.everything(chunkSize: 2))
      }
      try whole.write(to: url)
    }
    for name in ["meta/info.json", "meta/stats.json"] {
      let url = root.appendingPathComponent(name)
      let whole = try Data(contentsOf: url)
      for share in [0.3, 0.7, 0.99] {
        try whole.prefix(Int(Double(whole.count) * share)).write(to: url)
        #expect(isOneSentence(openingError(root)))
      }
      try whole.write(to: url)
    }
  }
}

@Test func `a missing or truncated video is one sentence that names it`() throws {
  try withCopy("av1") { root in
    let url = root.appendingPathComponent("videos/observation.images.top/chunk-000/file-000.mp4")
    let whole = try Data(contentsOf: url)
    func last() -> String { sentence { _ = try LeRobotDataset(root: root).image("observation.images.top", at: 11) } }
    for share in [0, 0.3, 0.6, 0.95] {
      try whole.prefix(Int(Double(whole.count) * share)).write(to: url)
      #expect(isOneSentence(last()) && last().contains("file-000.mp4"), "\(share): \(last())")
    }
    try FileManager.default.removeItem(at: url)
    #expect(isOneSentence(last()) && last().contains("found none"))
  }
}

@Test(arguments: [(0, 1 << 39), (Int.max - 5, 10), (.max, 1), (1 << 41, 5)])
func `an episode that promises more frames than there are costs no memory`(first: Int, length: Int) throws {
  try withCopy("h264") { root in
    let url = root.appendingPathComponent("meta/episodes/chunk-000/file-000.parquet")
    try FileManager.default.removeItem(at: url)
    try edit(root) {
      $0["total_episodes"] = 1; $0["total_frames"] = .integer(length)
    }
    let key = "videos/observation.images.top"
    let whole = [
      "episode_index": 0, "length": length, "data/chunk_index": 0, "data/file_index": 0,
      "dataset_from_index": first, "dataset_to_index": first &+ length, "\(key)/chunk_index": 0, "\(key)/file_index": 0,
    ]
    let names = whole.keys.sorted()
    let times = ["\(key)/from_timestamp", "\(key)/to_timestamp"]
    let writer = try ParquetWriter(
      url,
      fields: names.map { ParquetField($0, .int64) } + times.map { ParquetField($0, .float64) } + [
        ParquetField("tasks", .list(.string))
      ])
    try writer.write(
      names.map { .integers([whole[$0] ?? 0]) } + times.map { _ in .doubles([0]) }
        + [.lists(.strings(["t"]), lengths: [1])])
    try writer.finish()
    let error = openingError(root)
    #expect(first > 0 ? isOneSentence(error) : error.contains("expected \(length) frames"), "\(error)")
  }
}

@Test func `an image that is no image, missing or of another size is one sentence`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("toy")
    try ToyDataset.write(to: root, .image, cameras: ["top"])
    let url = root.appendingPathComponent("data/chunk-000/file-000.parquet")
    let file = try ParquetFile(url)
    let table = try file.read(rowGroup: 0, columns: file.fields.map(\.name))
    let good = try table.column("observation.images.top").member("bytes").bytes(0)
    let small: [UInt8] = [UInt8](try Data(contentsOf: golden("images/meta/info.json")).prefix(100))
    try FileManager.default.removeItem(at: url)
    // The first episode again, with frames 0 and 1 spoilt; the others are left out.
    let writer = try ParquetWriter(url, fields: file.fields)
    try writer.write([
      .fixedSizeLists(.floats(try table.column("observation.state").flattened().elements.floats()), size: 3),
      .fixedSizeLists(.floats(try table.column("action").flattened().elements.floats()), size: 2),
      .structures([.binaries([Array(good.prefix(60)), small, good, good]), .strings(["", "", "", ""])]),
      .floats([0, 0, 0, 0]), .booleans([false, false, false, true]),
      .floats([0, 0.1, 0.2, 0.3]), .integers([0, 1, 2, 3]), .integers([0, 0, 0, 0]), .integers([0, 1, 2, 3]),
      .integers([0, 0, 0, 0]),
    ])
    try writer.finish()
    #expect(openingError(root).contains("expected 12 frames"))
    let data = try LeRobotDataset(root: root, episodes: [0])
    for position in [0, 1] {
      let message = sentence { _ = try data.image("observation.images.top", at: position) }
      #expect(isOneSentence(message) && message.contains("row \(position)"), "\(message)")
    }
    #expect(try data.image("observation.images.top", at: 2) == ToyDataset.image(0, 0, 0))
    #expect(isOneSentence(sentence { _ = try data.image("observation.images.none", at: 0) }))
    #expect(isOneSentence(sentence { _ = try data.image("observation.images.top", at: 4) }))
    #expect(isOneSentence(sentence { _ = try data.values(of: "nothing", at: [0]) }))
    #expect(isOneSentence(sentence { _ = try LeRobotDataset(root: root, episodes: [1]) }))
  }
}
