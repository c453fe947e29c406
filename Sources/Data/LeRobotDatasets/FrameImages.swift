import Failures
import Foundation
import MediaCoding
import ParquetFiles
import RGBImages
import WorkerThreads

/// Images that lie in data Parquet files; the row groups used last stay decoded, up to a number of bytes.
final class FrameImages: Sendable {
  struct Place: Hashable {
    let file: Int32, rowGroup: Int32
  }

  private struct Key: Hashable {
    let camera: String, place: Place
  }

  private let files: DataFiles
  private let columns: LRUCache<Key, ParquetColumn>

  init(files: DataFiles, capacity: Int) {
    self.files = files
    columns = LRUCache(capacity: capacity)
  }

  /// Decodes the image of a camera in one row.
  func image(_ camera: String, at place: Place, row: Int) throws -> RGBImage {
    let column = try column(camera, at: place)
    let bytes = try column.member("bytes")
    guard try !bytes.isNull(row) else {
      let path = try? column.member("path").bytes(row)
      throw Failure(
        "row \(row) of \(camera) in \(files.urls[Int(place.file)].path) holds no image, only the path "
          + "\"\(path.map { String(decoding: $0, as: UTF8.self) } ?? "")\"; images must be embedded")
    }
    do { return try RGBImage(decoding: bytes.bytes(row)) } catch {
      throw Failure("row \(row) of \(camera) in \(files.urls[Int(place.file)].path): \(error)")
    }
  }

  private func column(_ camera: String, at place: Place) throws -> ParquetColumn {
    try columns.value(for: Key(camera: camera, place: place), cost: { try $0.member("bytes").byteCount() }) {
      let file = try files.file(Int(place.file))
      return try file.read(rowGroup: Int(place.rowGroup), columns: [camera]).column(camera)
    }
  }
}
