import Failures
import Foundation
import MediaCoding
import ParquetFiles
import RGBImages
import WorkerThreads

/// Images that lie in data Parquet files.
///
/// If all files fit into the memory that is allowed, row groups are decoded once and kept. Otherwise only where the
/// images lie is kept, and each is read by itself: LeRobot's writer puts an episode's images into a single page, tens of
/// megabytes, which a shuffled order would read again for each image. Files in which images cannot be located one by one
/// (``ParquetFile/locate(_:rowGroup:in:)``) are read by row groups, the last ones used are kept.
final class FrameImages: Sendable {
  private struct Key: Hashable {
    let camera: String, place: FrameTable.Place
  }

  private enum RowGroup {
    case decoded(ParquetColumn)
    case located(LocatedValues)

    func byteCount() throws -> Int {
      switch self {
      case .decoded(let column): try column.member("bytes").byteCount()
      case .located(let values): values.byteCount
      }
    }
  }

  private let files: DataFiles
  private let rowGroups: LRUCache<Key, RowGroup>
  private let fitsMemory: Bool

  /// - Parameter capacity: the bytes of images, and of where they lie, to keep.
  init(files: DataFiles, capacity: Int) {
    self.files = files
    rowGroups = LRUCache(capacity: capacity)
    fitsMemory = files.totalSize() <= capacity
  }

  /// Decodes the image of a camera in one row.
  func image(_ camera: String, at place: FrameTable.Place, row: Int) throws -> RGBImage {
    let encoded = try encoded(camera, at: place, row: row)
    do { return try RGBImage(decoding: encoded) } catch {
      throw Failure("row \(row) of \(camera) in \(files.urls[Int(place.file)].path): \(error)")
    }
  }

  private func encoded(_ camera: String, at place: FrameTable.Place, row: Int) throws -> [UInt8] {
    let rowGroup = try rowGroups.value(for: Key(camera: camera, place: place), cost: { try $0.byteCount() }) {
      try load(camera, at: place)
    }
    switch rowGroup {
    case .located(let values):
      return try values.bytes(row, from: files.positionalFile(Int(place.file)))
    case .decoded(let column):
      let bytes = try column.member("bytes")
      guard try !bytes.isNull(row) else {
        let path = try? column.member("path").bytes(row)
        throw Failure(
          "row \(row) of \(camera) in \(files.urls[Int(place.file)].path) holds no image, only the path "
            + "\"\(path.map { String(decoding: $0, as: UTF8.self) } ?? "")\"; images must be embedded")
      }
      return try bytes.bytes(row)
    }
  }

  private func load(_ camera: String, at place: FrameTable.Place) throws -> RowGroup {
    let (number, group) = (Int(place.file), Int(place.rowGroup))
    let file = try files.file(number)
    if !fitsMemory,
      let values = file.locate("\(camera).bytes", rowGroup: group, in: try files.positionalFile(number))
    {
      return .located(values)
    }
    return .decoded(try file.read(rowGroup: group, columns: [camera]).column(camera))
  }
}
