import Foundation
import MediaCoding
import OrderedCollections
import ParquetFiles
import RGBImages
import Testing

@testable import LeRobotDatasets

/// Cameras whose images are not what the dataset says of them, which is found when it is opened.
struct CamerasAsFoundTests {
  private let camera = "observation.images.top"

  /// A toy dataset that the body may change.
  private func within(_ type: DatasetFeature.DataType, _ body: (URL) throws -> Void) throws {
    try withFolder { folder in
      let root = folder.appendingPathComponent("toy")
      try ToyDataset.write(to: root, type, cameras: ["top"], codec: .h264)
      try body(root)
    }
  }

  // MARK: Ranges of videos

  /// Writes `meta/episodes` again with other ranges of the camera's video.
  private func setRanges(_ root: URL, _ change: (Int, inout (start: Double, end: Double, file: Int)) -> Void) throws {
    let metadata = try LeRobotDataset.metadata(in: root)
    let records = try LeRobotDataset.episodes(in: root).map { episode in
      let video = try #require(episode.videos[camera])
      var range = (start: video.start, end: video.end, file: video.file)
      change(episode.index, &range)
      return EpisodeRecord(
        index: episode.index, task: episode.tasks[0], frames: episode.frames, chunk: episode.chunk, file: episode.file,
        videos: [camera: Episode.Video(chunk: video.chunk, file: range.file, start: range.start, end: range.end)],
        statistics: [:])
    }
    try FileManager.default.removeItem(at: root.appendingPathComponent("meta/episodes"))
    try writeEpisodes(records, features: metadata.features, root: root)
  }

  @Test func `a range that lacks more than a frame of its episode is named when the dataset is opened`() throws {
    // Episodes of 4, 3 and 5 frames at 10 a second lie one after another.
    for (end, isBad) in [(0.7, false), (0.61, false), (0.59, true), (0.4, true), (0.0, true), (.nan, true)] {
      try within(.video) { root in
        try setRanges(root) { if $0 == 1 { $1.end = end } }
        let dataset = try LeRobotDataset(root: root)
        let problem = sentence { try dataset.checkVideos(of: [camera]) }
        #expect((problem != "no error") == isBad, "\(end): \(problem)")
        guard isBad else { return }
        #expect(problem.contains("episode 1; `dataset.exclude_episodes=[1]`"), "\(problem)")
        #expect(problem.contains("its 3 frames take"), "\(problem)")
        try LeRobotDataset(root: root, episodes: [0, 2]).checkVideos(of: [camera])
      }
    }
  }

  @Test func `episodes that read the same seconds of a video are named when the dataset is opened`() throws {
    func bad(_ change: (Int, inout (start: Double, end: Double, file: Int)) -> Void) throws -> [Int] {
      var bad: [Int] = []
      try within(.video) { root in
        try setRanges(root, change)
        bad = try LeRobotDataset(root: root).videoProblems(of: [camera]).map(\.episode)
      }
      return bad
    }
    #expect(try bad { _, _ in }.isEmpty)
    // Episode 2 begins where episode 1 does: nobody knows whose frames they are.
    #expect(try bad { if $0 == 2 { ($1.start, $1.end) = (0.4, 0.9) } } == [1, 2])
    #expect(try bad { if $0 == 1 { ($1.start, $1.end) = (0.3, 0.6) } } == [0, 1])
    // Of ends only that there are enough frames counts, as in LeRobot: all are read as they should be.
    #expect(try bad { if $0 == 0 { $1.end = 0.6 } }.isEmpty)
    #expect(try bad { if $0 == 0 { $1.end = 1e9 } }.isEmpty)
    // A place in another file is another place; that file is missing here.
    try within(.video) { root in
      try setRanges(root) { if $0 == 2 { ($1.start, $1.end, $1.file) = (0.4, 0.9, 7) } }
      let problems = try LeRobotDataset(root: root).videoProblems(of: [camera])
      #expect(problems.map(\.episode) == [2] && problems[0].text.contains("file-007"), "\(problems)")
    }
  }

  // MARK: Images of several sizes

  /// Writes the toy dataset again with one image of another size, past the recorder's own check.
  private func putImage(
    _ root: URL, episode: Int, frame: Int, _ replacement: [UInt8]
  ) throws {
    for url in Episode.parquetFiles(in: root.appendingPathComponent("data")) {
      let file = try ParquetFile(url)
      let groups = try file.rowGroups.indices.map { group in
        let table = try file.read(rowGroup: group, columns: file.fields.map(\.name))
        let (episodes, frames) = try (
          table.column("episode_index").integers(), table.column("frame_index").integers()
        )
        return try file.fields.map { field -> ColumnValues in
          let column = try table.column(field.name)
          if field.name == camera {
            let bytes = try column.member("bytes")
            return .structures([
              .binaries(
                try (0..<bytes.count).map {
                  episodes[$0] == episode && frames[$0] == frame ? replacement : try bytes.bytes($0)
                }), .strings(frames.map { "\($0).png" }),
            ])
          }
          return try values(column)
        }
      }
      try FileManager.default.removeItem(at: url)
      let writer = try ParquetWriter(url, fields: file.fields)
      for group in groups { try writer.write(group) }
      try writer.finish()
    }
  }

  private func values(_ column: ParquetColumn) throws -> ColumnValues {
    switch column.type {
    case .float32: .floats(try column.floats())
    case .bool: .booleans(try column.booleans())
    case .int64: .integers(try column.integers())
    case .fixedSizeList(_, let size): .fixedSizeLists(.floats(try column.flattened().elements.floats()), size: size)
    default:
      try {
        let (elements, lengths) = try column.flattened()
        return .lists(.floats(try elements.floats()), lengths: lengths)
      }()
    }
  }

  @Test(arguments: [1 << 30, 1000])
  func `an image of another size than the camera's others is named when the dataset is opened`(memory: Int) throws {
    let odd = try PNG.encode(RGBImage(width: 48, height: 16, pixels: Array(repeating: 9, count: 48 * 16 * 3)))
    for (episode, note) in [(0, "the first one"), (1, "one between")] {
      try within(.image) { root in
        try LeRobotDataset(root: root, imageCacheBytes: memory).checkImages(of: [camera])
        try putImage(root, episode: episode, frame: 0, odd)
        let dataset = try LeRobotDataset(root: root, imageCacheBytes: memory)
        let problem = sentence { try dataset.checkImages(of: [camera]) }
        #expect(problem.contains("(episode \(episode); `dataset.exclude_episodes=[\(episode)]`"), "\(note): \(problem)")
        #expect(
          problem.contains("frame 0 of \(camera) has 48x16 pixels, other images of the camera 32x24"), "\(problem)")
        try dataset.checkImages(of: [])
        let rest = [0, 1, 2].filter { $0 != episode }
        try LeRobotDataset(root: root, episodes: rest, imageCacheBytes: memory).checkImages(of: [camera])
      }
    }
  }

  @Test func `all images are looked at where that is asked for`() throws {
    let odd = try JPEG.encode(RGBImage(width: 24, height: 32, pixels: Array(repeating: 9, count: 24 * 32 * 3)))
    for (bytes, found) in [(odd, "has 24x32 pixels"), (Array("no image".utf8), "8 bytes of something else")] {
      try within(.image) { root in
        try putImage(root, episode: 2, frame: 3, bytes)
        let dataset = try LeRobotDataset(root: root)
        try dataset.checkImages(of: [camera])
        var seen = 0
        let problems = dataset.imageProblems(of: [camera], everyFrame: true) { seen = $0 }
        #expect(problems.map(\.episode) == [2] && problems[0].text.contains("frame 3 of \(camera)"), "\(problems)")
        #expect(problems[0].text.contains(found) && seen == 12)
        // Episode 2 begins with row 7 of the file, in a row group of its own.
        let drawn = sentence { _ = try dataset.image(camera, at: 10) }
        #expect(drawn.contains(bytes == odd ? "in frame 10" : "row 10 of \(camera)"), "\(drawn)")
      }
    }
  }
}
