import CArrow
import Failures

/// Rows of some columns, as Arrow decoded them; immutable, and freed with the last column that refers to it.
public struct ParquetTable: Sendable {
  let storage: TableStorage
  /// The columns present, in the file's order.
  public let fields: [ParquetField]

  init(_ storage: TableStorage) {
    self.storage = storage
    self.fields = storage.fields
  }

  public var rowCount: Int { Int(storage.rows.length) }

  /// A column by name.
  ///
  /// - Throws: `Failure` with the known names, if there is no such column.
  public func column(_ name: String) throws -> ParquetColumn {
    guard let index = fields.firstIndex(where: { $0.name == name }), let child = storage.rows.children?[index] else {
      let names = fields.map(\.name).joined(separator: ", ")
      throw Failure("expected a column \(name) in \(storage.source), found \(names.isEmpty ? "none" : names)")
    }
    return ParquetColumn(
      storage: storage, array: child, name: name, type: fields[index].type, start: Int(storage.rows.offset),
      count: rowCount, place: .rows(from: storage.firstRow))
  }
}

/// The batch that Arrow exported; owns it until released.
///
/// Unchecked because of the raw pointers: nothing writes to them between the import, which validated every offset, and
/// the release in `deinit`.
final class TableStorage: @unchecked Sendable {
  let rows: ArrowArray
  let fields: [ParquetField]
  let source: String
  /// The file's row that the first one is.
  let firstRow: Int
  private var schema: ArrowSchema

  init(rows: ArrowArray, schema: ArrowSchema, source: String, firstRow: Int) {
    self.rows = rows
    self.schema = schema
    self.source = source
    self.firstRow = firstRow
    self.fields = (0..<Int(schema.n_children)).compactMap { schema.children?[$0]?.pointee }.map(ParquetField.init)
  }

  deinit {
    var rows = rows
    rows.release?(&rows)
    schema.release?(&schema)
  }
}
