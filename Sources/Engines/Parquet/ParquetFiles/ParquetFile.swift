import CArrow
import Failures
import Foundation
import Synchronization

/// A Parquet file open for reading, memory-mapped; row groups are decoded when asked for.
public final class ParquetFile: Sendable {
  public let url: URL
  public let fields: [ParquetField]
  /// The schema's key-value metadata, such as `huggingface` or `pandas`.
  public let metadata: [String: String]
  /// Rows in each row group.
  public let rowGroups: [Int]

  private let handle: Mutex<Handle>
  private let api: wm_arrow_api

  // Only used under the lock: Arrow's reader is not thread-safe.
  private struct Handle: @unchecked Sendable {
    let file: wm_parquet
  }

  /// Opens a file and reads its footer.
  ///
  /// - Throws: `Failure`, if it is missing or not a valid Parquet file.
  public init(_ url: URL) throws {
    let api = try ArrowEngine.api
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw Failure("expected a Parquet file at \(url.path), found none")
    }
    try refuseGitLFSPointer(url.path)
    guard let file = api.open(url.path) else {
      throw Failure("\(url.path) is not a valid Parquet file: \(api.problem)")
    }
    var schema = ArrowSchema()
    var rowGroups: [Int] = []
    var failed = api.schema(file, &schema) != 0
    for group in 0..<api.row_group_count(file) where !failed {
      let rows = api.row_count(file, group)
      failed = rows < 0
      rowGroups.append(Int(rows))
    }
    defer { schema.release?(&schema) }
    if failed {
      let problem = api.problem
      api.close(file)
      throw Failure("\(url.path) is not a valid Parquet file: \(problem)")
    }
    self.url = url
    self.api = api
    self.handle = Mutex(Handle(file: file))
    self.fields = (0..<Int(schema.n_children)).compactMap { schema.children?[$0]?.pointee }.map(ParquetField.init)
    self.metadata = schemaMetadata(schema.metadata)
    self.rowGroups = rowGroups
  }

  deinit { handle.withLock { api.close($0.file) } }

  public var rowCount: Int { rowGroups.reduce(0, +) }

  /// The file's row that a row group begins with.
  public func firstRow(ofRowGroup group: Int) -> Int { rowGroups.prefix(group).reduce(0, +) }

  /// Decodes some columns of a row group.
  ///
  /// - Throws: `Failure`, if a column is missing, the row group does not exist or its pages are damaged.
  public func read(rowGroup: Int, columns: [String]) throws -> ParquetTable {
    for column in columns where !fields.contains(where: { $0.name == column }) {
      let names = fields.map(\.name).joined(separator: ", ")
      throw Failure("expected a column \(column) in \(url.path), found \(names)")
    }
    guard rowGroups.indices.contains(rowGroup) else {
      throw Failure("\(url.path) has \(rowGroups.count) row groups, asked for row group \(rowGroup)")
    }
    var rows = ArrowArray()
    var schema = ArrowSchema()
    let problem = handle.withLock { handle in
      withCStrings(columns) { names in
        api.read(handle.file, Int32(rowGroup), names, Int32(columns.count), &rows, &schema) == 0 ? nil : api.problem
      }
    }
    if let problem {
      throw Failure("row group \(rowGroup) of \(url.path) could not be read, the file is damaged: \(problem)")
    }
    return ParquetTable(
      TableStorage(rows: rows, schema: schema, source: url.path, firstRow: firstRow(ofRowGroup: rowGroup)))
  }

  /// Locates the byte arrays of a row group's column, of a structure's member for instance.
  ///
  /// - Parameters:
  ///   - path: the column, then the members, joined by dots.
  ///   - limit: the first rows that are enough; what lies behind them is not looked at.
  ///   - bytes: the same file.
  /// - Returns: nil if they cannot be read one by one: other codecs than Snappy, nulls, lists, damage. `read` reads them.
  public func locate(_ path: String, rowGroup: Int, upTo limit: Int = .max, in bytes: PositionalFile) -> LocatedValues?
  {
    guard rowGroups.indices.contains(rowGroup) else { return nil }
    var chunk = wm_column_chunk()
    let found = handle.withLock { handle in
      path.withCString { api.chunk(handle.file, Int32(rowGroup), $0, &chunk) }
    }
    guard found == 1, chunk.offset >= 0, chunk.size >= 0, chunk.size < 1 << 48, chunk.offset < 1 << 48 else {
      return nil
    }
    return try? LocatedValues(
      bytes, Int(chunk.offset)..<Int(chunk.offset + chunk.size), rowCount: rowGroups[rowGroup],
      upTo: limit, isSnappy: chunk.is_snappy != 0, maxDefinitionLevel: Int(chunk.max_definition_level))
  }
}

/// Provides C strings for the duration of a call.
func withCStrings<Result>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result) -> Result {
  let copies = strings.map { strdup($0) }
  defer { copies.forEach { free($0) } }
  return copies.map { $0.map { UnsafePointer($0) } }.withUnsafeBufferPointer { body($0.baseAddress) }
}

/// Decodes the C Data Interface's metadata: a count, then length-prefixed keys and values.
private func schemaMetadata(_ encoded: UnsafePointer<CChar>?) -> [String: String] {
  guard let encoded else { return [:] }
  let raw = UnsafeRawPointer(encoded)
  var offset = 0
  func length() -> Int {
    defer { offset += 4 }
    return Int(raw.loadUnaligned(fromByteOffset: offset, as: Int32.self))
  }
  func text() -> String {
    let count = length()
    defer { offset += count }
    return String(decoding: UnsafeRawBufferPointer(start: raw + offset, count: count), as: UTF8.self)
  }
  var pairs: [String: String] = [:]
  for _ in 0..<length() {
    let key = text()
    pairs[key] = text()
  }
  return pairs
}
