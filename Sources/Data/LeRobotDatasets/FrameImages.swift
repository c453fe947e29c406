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
/// (``ParquetFile/locate(_:rowGroup:upTo:in:)``) are read by row groups, the last ones used are kept.
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
  /// Whether the images of all files may be held.
  let fitsMemory: Bool

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
      throw Failure("\(try name(row, place)) of \(camera) in \(files.urls[Int(place.file)].path): \(error)")
    }
  }

  /// A row as a user finds it in the file.
  private func name(_ row: Int, _ place: FrameTable.Place) throws -> String {
    "row \(try files.file(Int(place.file)).firstRow(ofRowGroup: Int(place.rowGroup)) + row)"
  }

  /// Height and width of a camera's images in some rows of a row group, from the images' heads.
  ///
  /// - Parameter everything: whether to read the row group where images cannot be located one by one.
  /// - Returns: nil if that would have to be done, and memory does not hold all of the files.
  func sizes(
    _ camera: String, at place: FrameTable.Place, rows: [Int], everything: Bool
  ) -> [Result<(height: Int, width: Int), any Error>]? {
    let (number, group) = (Int(place.file), Int(place.rowGroup))
    guard let last = rows.max(), let file = try? files.file(number), let bytes = try? files.positionalFile(number)
    else {
      return nil
    }
    let located = file.locate("\(camera).bytes", rowGroup: group, upTo: last + 1, in: bytes)
    guard located != nil || fitsMemory || everything else { return nil }
    return rows.map { row in
      Result {
        try RGBImage.size(
          ofEncoded: located?.bytes(row, from: bytes) ?? encoded(camera, at: place, row: row))
      }
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
          "\(try name(row, place)) of \(camera) in \(files.urls[Int(place.file)].path) holds no image, only the path "
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
