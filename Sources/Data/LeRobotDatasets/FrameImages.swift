import Failures
import ParquetFiles
import Foundation
import RGBImages
import MediaCoding
import Synchronization

/// Pictures that lie in data Parquet files; the row groups used last stay decoded, up to a number of bytes.
final class FrameImages: Sendable {
  /// A row group's place.
  struct Place: Hashable {
    let file: Int32, rowGroup: Int32
  }

  private struct Kept {
    let camera: String, place: Place
    let column: ParquetColumn
    let bytes: Int
  }

  private let files: DataFiles
  private let capacity: Int
  private let kept = Mutex<[Kept]>([])

  init(files: DataFiles, capacity: Int) {
    self.files = files
    self.capacity = capacity
  }

  /// Decodes the picture of a camera in one row.
  func image(_ camera: String, at place: Place, row: Int) throws -> RGBImage {
    let column = try column(camera, at: place)
    let bytes = try column.member("bytes")
    guard try !bytes.isNull(row) else {
      let path = try? column.member("path").bytes(row)
      throw Failure(
        "row \(row) of \(camera) in \(files.urls[Int(place.file)].path) holds no picture, only the path "
          + "\"\(path.map { String(decoding: $0, as: UTF8.self) } ?? "")\"; pictures must be embedded")
    }
    do { return try RGBImage(decoding: bytes.bytes(row)) } catch {
      throw Failure("row \(row) of \(camera) in \(files.urls[Int(place.file)].path): \(error)")
    }
  }

  private func column(_ camera: String, at place: Place) throws -> ParquetColumn {
    let found = kept.withLock { kept -> ParquetColumn? in
      guard let index = kept.lastIndex(where: { $0.place == place && $0.camera == camera }) else { return nil }
      let entry = kept.remove(at: index)
      kept.append(entry)
      return entry.column
    }
    if let found { return found }
    // Decoded outside the lock: two threads may both do it, which costs time but harms nothing.
    let file = try files.file(Int(place.file))
    let column = try file.read(rowGroup: Int(place.rowGroup), columns: [camera]).column(camera)
    let bytes = try column.member("bytes").byteCount()
    let dropped = kept.withLock { kept -> [Kept] in
      kept.append(Kept(camera: camera, place: place, column: column, bytes: bytes))
      var surplus = kept.reduce(0) { $0 + $1.bytes } - capacity
      var count = 0
      while surplus > 0, count < kept.count - 1 {
        surplus -= kept[count].bytes
        count += 1
      }
      defer { kept.removeFirst(count) }
      return Array(kept.prefix(count))
    }
    // Freed here, outside the lock.
    _ = dropped
    return column
  }
}
