import Foundation
import Testing

@testable import ParquetFiles

// The table of `nulls()` in oracle/goldens/parquet_layouts.py: rows in groups of 8, 8 and 4.
@Test(arguments: [
  ("number", 1, "row 13 of column number"), ("real", 2, "row 17 of column real"),
  ("state", 1, "element 2 of row 10 of column state"), ("list", 2, "row 18 of column list"),
  ("word", 2, "row 19 of column word"), ("nested", 1, "element 0 of element 1 of row 9 of column nested"),
]) func `a value that is null is named by its row in the file`(column: String, group: Int, says: String) throws {
  let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens/nulls.parquet")
  let file = try ParquetFile(url)
  for number in file.rowGroups.indices {
    #expect(file.firstRow(ofRowGroup: number) == 8 * number)
    let values = try file.read(rowGroup: number, columns: [column]).column(column)
    let found = sentences(values)
    #expect(found.isEmpty == (number != group))
    for sentence in found { #expect(sentence == "\(says) of \(url.path) is null") }
  }
}

/// What reading a column fails with, as a whole and row by row.
private func sentences(_ column: ParquetColumn) -> [String] {
  func problem(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }
  let reads: [() throws -> Void] =
    switch column.type {
    case .int64: [{ _ = try column.integers() }, { _ = try column.doubles() }, { _ = try column.floats() }]
    case .float32: [{ _ = try column.floats() }, { _ = try column.doubles() }]
    case .string: [{ _ = try column.strings() }]
    case .list(.list):
      [
        { _ = try column.flattened().elements.flattened().elements.doubles() },
        {
          for row in 0..<column.count {
            let lists = try column.list(row)
            for index in 0..<lists.count { _ = try lists.list(index).doubles() }
          }
        },
      ]
    default:
      [
        { _ = try column.flattened().elements.doubles() },
        { for row in 0..<column.count { _ = try column.list(row).doubles() } },
      ]
    }
  return reads.compactMap(problem)
}
