import Failures
import Foundation
import ModelFiles
import OrderedCollections
import ParquetFiles

/// What LeRobot notes of the selected frames, and where in the data files they lie; one row for each frame.
struct FrameTable: Sendable {
  /// A row group of a data file.
  struct Place: Hashable {
    let file: Int32, rowGroup: Int32
  }

  var frameIndices: [Int32]
  var taskIndices: [Int32]
  var timestamps: [Float]
  /// Each frame's row group, and its row in it.
  var places: [Place]
  var rows: [Int32]
  let files: DataFiles
}

extension FrameTable {
  /// Reads the data files of some episodes.
  ///
  /// - Throws: if a file is missing or damaged, or lacks a column or a frame.
  static func load(root: URL, metadata: DatasetMetadata, episodes: [Episode]) throws -> FrameTable {
    let total = episodes.reduce(0) { $0 + $1.frames.count }
    let (files, found) = try dataFiles(root: root, metadata: metadata, episodes: episodes)
    guard found >= total else {
      throw Failure("expected \(total) frames in the data files of \(root.path), found \(found)")
    }
    var table = FrameTable(
      frameIndices: Array(repeating: -1, count: total), taskIndices: Array(repeating: 0, count: total),
      timestamps: Array(repeating: 0, count: total),
      places: Array(repeating: Place(file: 0, rowGroup: 0), count: total), rows: Array(repeating: 0, count: total),
      files: files)
    var starts: [Int: (first: Int, frames: Range<Int>)] = [:]
    var next = 0
    for episode in episodes {
      starts[episode.index] = (next, episode.frames)
      next += episode.frames.count
    }
    for number in files.urls.indices {
      let file = try files.file(number)
      for group in file.rowGroups.indices {
        try table.fill(from: file, number, rowGroup: group, starts: starts)
      }
    }
    for episode in episodes {
      guard let start = starts[episode.index]?.first else { continue }
      if let gap = (0..<episode.frames.count).first(where: { table.frameIndices[start + $0] < 0 }) {
        let url = try metadata.dataPath.url(in: root, chunk: episode.chunk, file: episode.file)
        throw Failure("expected frame \(gap) of episode \(episode.index) in \(url.path), found none")
      }
    }
    return table
  }

  /// The files that the episodes are said to lie in; all that there are if the data say otherwise, as after a merge by
  /// LeRobot that left wrong numbers in `meta/episodes`.
  ///
  /// - Returns: the files, and the rows in them. Memory is asked for only after as many rows have really been decoded:
  ///   the lengths that files state are unchecked.
  private static func dataFiles(
    root: URL, metadata: DatasetMetadata, episodes: [Episode]
  ) throws -> (files: DataFiles, rows: Int) {
    var urls: OrderedSet<URL> = []
    for episode in episodes {
      urls.append(try metadata.dataPath.url(in: root, chunk: episode.chunk, file: episode.file))
    }
    let wanted = Set(episodes.map(\.index))
    let said = Set(urls.map(\.standardizedFileURL.path))
    // A version 2 episode has a file of its own, whose name is its number.
    let others =
      metadata.layout == .sharedFiles
      ? Episode.parquetFiles(in: root.appendingPathComponent("data")).filter {
        !said.contains($0.standardizedFileURL.path)
      } : []
    let present = urls.filter { others.isEmpty || FileManager.default.fileExists(atPath: $0.path) }
    let claimed = DataFiles(Array(present))
    let (rows, found) = try rows(in: claimed, of: wanted)
    guard !others.isEmpty, found < episodes.reduce(0, { $0 + $1.frames.count }) else { return (claimed, rows) }
    let every = DataFiles(Array(present) + others)
    return (every, try self.rows(in: every, of: wanted).all)
  }

  /// Whether the data files that are there hold the rows of episodes, in whichever of them.
  static func isWhole(in root: URL, where isWanted: (Int) -> Bool) -> Bool {
    let files = DataFiles(Episode.parquetFiles(in: root.appendingPathComponent("data")))
    guard let metadata = try? DatasetMetadata(contentsOf: root.appendingPathComponent("meta/info.json")),
      metadata.layout == .sharedFiles, let all = try? Episode.load(root: root, metadata: metadata)
    else { return false }
    let episodes = all.filter { isWanted($0.index) }
    let found = try? rows(in: files, of: Set(episodes.map(\.index))).wanted
    return found == episodes.reduce(0) { $0 + $1.frames.count }
  }

  /// How many rows files hold, and how many of them are of some episodes.
  private static func rows(in files: DataFiles, of episodes: Set<Int>) throws -> (all: Int, wanted: Int) {
    var (all, wanted) = (0, 0)
    for number in files.urls.indices {
      let file = try files.file(number)
      for group in file.rowGroups.indices {
        let indices = try file.read(rowGroup: group, columns: ["episode_index"]).column("episode_index").integers()
        all += indices.count
        wanted += indices.count { episodes.contains($0) }
      }
    }
    return (all, wanted)
  }

  private mutating func fill(
    from file: ParquetFile, _ number: Int, rowGroup: Int, starts: [Int: (first: Int, frames: Range<Int>)]
  ) throws {
    let rows = try file.read(rowGroup: rowGroup, columns: Array(DatasetFeature.bookkeeping.keys))
    let episodes = try rows.column("episode_index").integers()
    // Cheap way out: most row groups hold one episode, and it may not be among the chosen.
    guard episodes.contains(where: { starts[$0] != nil }) else { return }
    let indices = try rows.column("index").integers()
    let frames = try rows.column("frame_index").integers()
    let tasks = try rows.column("task_index").integers()
    let times = try rows.column("timestamp").floats()
    for row in 0..<rows.rowCount {
      guard let (first, range) = starts[episodes[row]] else { continue }
      guard range.contains(indices[row]), frames[row] == indices[row] - range.lowerBound,
        let task = Int32(exactly: tasks[row]), let frame = Int32(exactly: frames[row])
      else {
        throw Failure(
          "frame \(frames[row]) with index \(indices[row]) in \(file.url.path) does not belong to "
            + "episode \(episodes[row]), which holds \(range.lowerBound) to \(range.upperBound - 1)")
      }
      let position = first + frames[row]
      guard frameIndices[position] < 0 else {
        throw Failure(
          "frame \(frames[row]) of episode \(episodes[row]) occurs twice in the data files, the second time in "
            + "\(file.url.path); remove rows or files that are left over")
      }
      frameIndices[position] = frame
      taskIndices[position] = task
      timestamps[position] = times[row]
      places[position] = Place(file: Int32(number), rowGroup: Int32(rowGroup))
      self.rows[position] = Int32(row)
    }
  }

  /// Refuses episodes whose frames do not follow one another at the dataset's rate.
  ///
  /// A window of frames is one of times only where they do.
  func checkTimes(of episodes: [Episode], _ metadata: DatasetMetadata, tolerance: Double, root: URL) throws {
    let period = 1 / metadata.framesPerSecond
    var first = 0
    for episode in episodes {
      let positions = first..<first + episode.frames.count
      first = positions.upperBound
      for position in positions.dropFirst() {
        if follows(at: position, period: period, tolerance: tolerance) { continue }
        let (before, now) = (Double(timestamps[position - 1]), Double(timestamps[position]))
        throw Failure(
          "expected frames \(period) s apart (fps \(metadata.framesPerSecond), within \(tolerance) s) in \(root.path), "
            + "found frame \(position - positions.lowerBound) of episode \(episode.index) at \(now) s after \(before) s; "
            + "leave the episode out, fix the dataset or raise `tolerance_s`")
      }
    }
  }

  /// Whether a frame lies a period after the one before; the rounding of float32 seconds is allowed for.
  func follows(at position: Int, period: Double, tolerance: Double) -> Bool {
    let (before, now) = (Double(timestamps[position - 1]), Double(timestamps[position]))
    return abs(now - before - period) <= tolerance + Double(timestamps[position].ulp)
  }
}
