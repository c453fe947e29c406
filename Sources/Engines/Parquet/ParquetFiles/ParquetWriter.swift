import CArrow
import Failures
import Foundation

/// Writes a Parquet file: under a temporary name until finished, Snappy-compressed, one row group per call.
///
/// A writer that is released unfinished deletes its file. Not thread-safe.
public final class ParquetWriter {
  public let url: URL
  public let fields: [ParquetField]

  private let api: wm_arrow_api
  private let partial: URL
  private var writer: wm_parquet_writer?

  /// Opens a file for writing; its folder must exist.
  ///
  /// - Parameters:
  ///   - metadata: the schema's key-value pairs, in order.
  ///   - overwrite: whether a file under the final name may be replaced when this one is finished.
  public init(
    _ url: URL, fields: [ParquetField], metadata: [(key: String, value: String)] = [], overwrite: Bool = false
  ) throws {
    if !overwrite, FileManager.default.fileExists(atPath: url.path) {
      throw Failure("\(url.path) exists; delete it or choose another path")
    }
    let api = try ArrowEngine.api
    self.api = api
    self.url = url
    self.fields = fields
    self.partial = url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).partial")
    var arena = ExportArena()
    defer { arena.free() }
    var schema = arena.schema(fields, metadata: metadata)
    errno = 0
    guard let writer = api.create(partial.path, &schema) else { throw Self.failure(of: url, api, errno) }
    self.writer = writer
  }

  deinit { abandon() }

  private func abandon() {
    guard let writer else { return }
    self.writer = nil
    api.discard(writer)
    try? FileManager.default.removeItem(at: partial)
  }

  /// The bytes written to the file so far.
  public var byteCount: Int { writer.map { Int(api.position($0)) } ?? 0 }

  /// Appends one row group.
  ///
  /// - Parameter columns: values of every field, in the fields' order and of equal counts.
  public func write(_ columns: [ColumnValues]) throws {
    guard let writer else { throw Failure("\(url.path) is already finished") }
    guard columns.count == fields.count else {
      throw Failure("\(url.path) has \(fields.count) columns, found \(columns.count)")
    }
    var arena = ExportArena()
    defer { arena.free() }
    let rowCount = columns.first?.count ?? 0
    var children: [ArrowArray] = []
    for (field, values) in zip(fields, columns) {
      guard values.count == rowCount else {
        throw Failure("column \(field.name) has \(values.count) rows, and \(fields[0].name) has \(rowCount)")
      }
      children.append(try arena.array(values, as: field.type, name: field.name))
    }
    var rows = arena.array(length: rowCount, buffers: [nil], children: children)
    errno = 0
    guard api.write(writer, &rows) == 0 else { throw Self.failure(of: url, api, errno) }
  }

  /// Writes the footer and renames the file to its final name.
  public func finish() throws {
    guard let writer else { throw Failure("\(url.path) is already finished") }
    self.writer = nil
    errno = 0
    do {
      guard api.finish(writer) == 0 else { throw Self.failure(of: url, api, errno) }
      guard rename(partial.path, url.path) == 0 else {
        throw Failure("\(url.path) could not be written: \(String(cString: strerror(errno)))")
      }
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw error
    }
  }

  /// Why the engine could not write, with the system's reason, which it leaves out.
  private static func failure(of url: URL, _ api: wm_arrow_api, _ code: Int32) -> Failure {
    guard ![ENOSPC, EDQUOT, EFBIG].contains(code) else {
      return Failure("\(url.path): cannot be written because the disk is full; free some space and try again")
    }
    let reason = code == 0 ? "" : " (\(String(cString: strerror(code))))"
    return Failure("\(url.path) could not be written: \(api.problem)\(reason)")
  }
}
