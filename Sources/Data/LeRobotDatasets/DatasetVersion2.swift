import Failures
import Foundation
import ModelFiles
import OrderedCollections

// Version 2 keeps its tables in `meta` as lines of JSON, one object a line.

/// Reads a file of `meta`, line by line, and makes a value of each.
///
/// - Throws: if the file is missing, a line is no JSON object (a cut-off last one included), or `value` throws.
private func lines<Value>(_ name: String, root: URL, value: (JSON, _ place: String) throws -> Value) throws -> [Value] {
  let url = root.appendingPathComponent(name)
  guard FileManager.default.fileExists(atPath: url.path) else {
    throw Failure("expected \(url.path), found none; the dataset's meta folder is incomplete")
  }
  let bytes = try MappedFile(url).contents
  var values: [Value] = []
  for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
  where line.contains(where: { $0 > UInt8(ascii: " ") }) {
    let place = "line \(number + 1) of \(url.path)"
    guard let json = try? JSON(parsing: Array(line)), json.object != nil else {
      throw Failure("expected a JSON object in \(place); the file is damaged or cut short")
    }
    values.append(try value(json, place))
  }
  return values
}

private func whole(_ json: JSON, _ key: String, _ place: String) throws -> Int {
  guard let number = json[key]?.integer, number >= 0 else {
    throw Failure("expected an integer from 0 under \"\(key)\" in \(place)")
  }
  return number
}

extension Episode {
  /// Reads `meta/episodes.jsonl`; an episode's files are its own.
  static func loadLines(root: URL, metadata: DatasetMetadata) throws -> [Episode] {
    let cameras = metadata.features.filter { $0.value.dataType == .video }.map(\.key)
    var found = try lines("meta/episodes.jsonl", root: root) { json, place throws in
      let length = try whole(json, "length", place)
      guard length > 0, length < 1 << 40 else { throw Failure("expected a \"length\" from 1 in \(place)") }
      guard let tasks = json["tasks"]?.array else { throw Failure("expected a list under \"tasks\" in \(place)") }
      return (index: try whole(json, "episode_index", place), length: length, tasks: tasks.compactMap(\.string))
    }
    found.sort { $0.index < $1.index }
    var next = 0
    return found.map { line in
      defer { next += line.length }
      let chunk = line.index / metadata.chunks.filesPerChunk
      let video = Video(
        chunk: chunk, file: line.index, start: 0, end: Double(line.length) / metadata.framesPerSecond)
      return Episode(
        index: line.index, tasks: line.tasks, frames: next..<next + line.length,
        videos: Dictionary(cameras.map { ($0, video) }) { $1 }, chunk: chunk, file: line.index)
    }
  }
}

/// Reads `meta/tasks.jsonl`: the task's words, by `task_index`.
func loadTaskLines(root: URL) throws -> [Int: String] {
  let tasks = try lines("meta/tasks.jsonl", root: root) { json, place throws in
    guard let task = json["task"]?.string else { throw Failure("expected a text under \"task\" in \(place)") }
    return (try whole(json, "task_index", place), task)
  }
  return Dictionary(tasks) { $1 }
}

/// Reads v2.1's `meta/episodes_stats.jsonl` and joins the episodes as LeRobot's converter does; nil where it is
/// missing, as in v2.0.
func loadEpisodeStatistics(root: URL) throws -> OrderedDictionary<String, FeatureStatistics>? {
  let name = "meta/episodes_stats.jsonl"
  guard FileManager.default.fileExists(atPath: root.appendingPathComponent(name).path) else { return nil }
  var parts: OrderedDictionary<String, [FeatureStatistics]> = [:]
  var unreadable: Set<String> = []
  _ = try lines(name, root: root) { json, place throws in
    guard let features = json["stats"]?.object else {
      throw Failure("expected an object under \"stats\" in \(place)")
    }
    for (feature, entry) in features {
      if let statistics = try? FeatureStatistics(entry, name: feature, file: place), statistics.count > 0 {
        parts[feature, default: []].append(statistics)
      } else {
        unreadable.insert(feature)
      }
    }
  }
  var joined: OrderedDictionary<String, FeatureStatistics> = [:]
  // What cannot be read is left out; a run that needs it computes it from the data.
  for (feature, episodes) in parts where !unreadable.contains(feature) {
    joined[feature] = try? FeatureStatistics.aggregate(episodes)
  }
  return joined
}
