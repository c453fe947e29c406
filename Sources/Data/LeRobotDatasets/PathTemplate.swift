import Failures
import Foundation
import ModelFiles

/// A file name with places for numbers, such as `data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet`.
///
/// Version 2 calls the same two numbers `episode_chunk` and `episode_index`.
struct PathTemplate: Sendable, Equatable {
  let text: String

  static let data = PathTemplate(text: "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet")
  static let video = PathTemplate(text: "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4")
  static let episodes = PathTemplate(text: "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet")

  /// The file's place under `root`.
  ///
  /// - Throws: if a place is unknown to us or the path leaves the root.
  func url(in root: URL, chunk: Int, file: Int, video: String = "") throws -> URL {
    var path = ""
    var rest = Substring(text)
    while let open = rest.firstIndex(of: "{") {
      path += rest[..<open]
      guard let close = rest[open...].firstIndex(of: "}") else { throw unreadable }
      let parts = rest[rest.index(after: open)..<close].split(separator: ":", maxSplits: 1)
      switch parts.first {
      case "chunk_index", "episode_chunk": path += try padded(chunk, parts.dropFirst().first)
      case "file_index", "episode_index": path += try padded(file, parts.dropFirst().first)
      case "video_key" where parts.count == 1: path += video
      default: throw unreadable
      }
      rest = rest[rest.index(after: close)...]
    }
    path += rest
    do { return try contained(path, in: root) } catch {
      throw Failure("the path template \"\(text)\" of \(root.path)/meta/info.json leads outside the dataset")
    }
  }

  private var unreadable: Failure {
    Failure(
      "the path template \"\(text)\" is not understood; expected {chunk_index:03d}, {file_index:03d} and {video_key}, "
        + "or version 2's {episode_chunk:03d} and {episode_index:06d}")
  }

  private func padded(_ number: Int, _ format: Substring?) throws -> String {
    guard let format else { return String(number) }
    guard format.last == "d", format.first == "0", let width = Int(format.dropLast()), width <= 12 else {
      throw unreadable
    }
    return String(number).zeroPadded(to: width)
  }
}
