import Foundation
import Testing

@testable import ParquetFiles

private let image = ColumnType.structure([ParquetField("bytes", .binary), ParquetField("path", .string)])

/// Reproducible bytes that do not compress.
private func noise(_ count: Int, seed: Int) -> [UInt8] {
  var state = UInt64(truncatingIfNeeded: seed &* 0x9E37_79B9 &+ 1)
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}

/// Like encoded images: a common header, then bytes that do or do not compress.
private func encoded(_ row: Int, _ size: Int) -> [UInt8] {
  [UInt8]("header of every image".utf8)
    + (row % 3 == 0 ? Array(repeating: UInt8(row % 7), count: size) : noise(size, seed: row))
}

private func write(_ url: URL, _ groups: [[[UInt8]]]) throws {
  let writer = try ParquetWriter(url, fields: [ParquetField("a.camera", image), ParquetField("index", .int64)])
  for group in groups {
    try writer.write([
      .structures([.binaries(group), .strings(group.indices.map { "\($0).png" })]), .integers(Array(group.indices)),
    ])
  }
  try writer.finish()
}

/// Compares each located value with what Arrow reads.
private func compare(_ url: URL, column: String = "a.camera") throws {
  let file = try ParquetFile(url)
  let positional = try PositionalFile(url)
  for group in file.rowGroups.indices {
    let located = try #require(file.locate("\(column).bytes", rowGroup: group, in: positional))
    let truth = try file.read(rowGroup: group, columns: [column]).column(column).member("bytes")
    #expect(located.count == truth.count)
    for row in 0..<truth.count { #expect(try located.bytes(row, from: positional) == truth.bytes(row)) }
    #expect(throws: (any Error).self) { try located.bytes(truth.count, from: positional) }
    for limit in [1, 2, truth.count / 2, truth.count, truth.count + 1] where limit > 0 {
      let first = try #require(file.locate("\(column).bytes", rowGroup: group, upTo: limit, in: positional))
      #expect(first.count == min(limit, truth.count))
      for row in 0..<first.count { #expect(try first.bytes(row, from: positional) == truth.bytes(row)) }
    }
  }
}

@Test func `single values in pages of many Snappy blocks are those that Arrow reads`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    // Larger and smaller than a block, empty, and equal ones, which a dictionary holds once.
    let large = (0..<12).map { encoded($0, 20_000 + 9_000 * $0) }
    let equal = (0..<40).map { encoded($0 % 4, 3_000) } + [[], [7]]
    try write(url, [large, equal, [], [[]]])
    try compare(url)
  }
}

private func golden(_ name: String) throws -> URL {
  try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens/\(name).parquet")
}

@Test(arguments: ["pandas", "datasets", "row_groups", "pages", "pages_of_dictionary", "pages_uncompressed"])
func `single values are read from what other writers make`(name: String) throws {
  try compare(golden(name), column: "observation.images.top")
}

@Test(arguments: ["missing", "zstd", "pages_version2", "deltas"])
func `what single values cannot be read from is left to whole row groups`(name: String) throws {
  let file = try ParquetFile(golden(name))
  #expect(try file.locate("observation.images.top.bytes", rowGroup: 0, in: PositionalFile(golden(name))) == nil)
  let column = try file.read(rowGroup: 0, columns: ["observation.images.top"]).column("observation.images.top")
  #expect(try column.member("bytes").bytes(29).starts(with: "the start of each value".utf8))
}

@Test func `a column chunk that goes from a dictionary to plain pages is read through both`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    // Arrow gives up a dictionary of more than a megabyte after the first 1,024 values.
    try write(url, [(0..<1100).map { encoded($0, 1_200) }])
    try compare(url)
  }
}

@Test func `to locate images hardly anything of them is read`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    try write(url, [(0..<60).map { noise(50_000, seed: $0) }])
    let file = try ParquetFile(url)
    let positional = try PositionalFile(url)
    let before = try bytesAskedFor()
    let located = try #require(file.locate("a.camera.bytes", rowGroup: 0, in: positional))
    let readForPlaces = try bytesAskedFor() - before
    #expect(readForPlaces > 0 && readForPlaces < 60 * 50_000 / 5, "\(readForPlaces) bytes")
    #expect(located.byteCount < 60 * 50)
    let row = try bytesAskedFor()
    _ = try located.bytes(31, from: positional)
    let one = try bytesAskedFor() - row
    #expect(one >= 50_000 && one <= 50_000 + 65_536 + 1_000, "\(one) bytes")
  }
}

/// What this thread has asked the kernel to read from files.
private func bytesAskedFor() throws -> Int {
  let text = try String(contentsOfFile: "/proc/thread-self/io", encoding: .utf8)
  let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("rchar:") })
  return try #require(Int(line.split(separator: " ")[1])) - text.utf8.count
}

@Test func `damage to located values is never a crash`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    try write(url, [(0..<6).map { encoded($0, 200) }, (0..<6).map { encoded($0 % 3, 30_000) }])
    let whole = try Data(contentsOf: url)
    let bad = folder.appendingPathComponent("bad.parquet")
    for position in Array(stride(from: 4, to: 1_200, by: 11)) + Array(stride(from: 1_200, to: whole.count, by: 499)) {
      var damaged = whole
      damaged[position] ^= position % 2 == 0 ? 0xFF : 0x80
      try damaged.write(to: bad)
      guard let file = try? ParquetFile(bad), let positional = try? PositionalFile(bad) else { continue }
      for group in file.rowGroups.indices {
        guard let located = file.locate("a.camera.bytes", rowGroup: group, in: positional) else { continue }
        for row in 0..<located.count { _ = try? located.bytes(row, from: positional) }
      }
    }
    // A file that changed after its values were located.
    let file = try ParquetFile(url)
    let located = try #require(file.locate("a.camera.bytes", rowGroup: 1, in: PositionalFile(url)))
    try Data(repeating: 0xFF, count: whole.count / 2).write(to: bad)
    for row in 0..<6 { _ = try? located.bytes(row, from: PositionalFile(bad)) }
  }
}

@Test func `absurd page headers are refused`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("headers")
    func header(_ bytes: [UInt8]) throws -> PageHeader {
      try Data(bytes).write(to: url)
      var cursor = FileCursor(try PositionalFile(url), 0..<bytes.count)
      return try PageHeader(&cursor)
    }
    let largest: [UInt8] = [0xFE] + Array(repeating: 0xFF, count: 8) + [0x01]
    // A data page of 2 values: type, two sizes, then the count and the encoding.
    func page(_ size: [UInt8]) -> [UInt8] { [0x15, 0x00, 0x15] + size + [0x15, 0x00, 0x2C, 0x15, 4, 0x15, 0, 0, 0] }
    let small = try header(page([20]))
    #expect(small.count == 2 && small.decodedSize == 10)
    #expect(throws: NotLocatable.self) { try header(page(largest)) }
    // Field numbers and lengths without a bound, structures without an end.
    #expect(throws: NotLocatable.self) { try header([0x06] + largest + [0x02, 0x16, 0x02, 0x00]) }
    #expect(throws: NotLocatable.self) { try header([0x18] + largest) }
    #expect(throws: NotLocatable.self) { try header(Array(repeating: 0x1C, count: 1000)) }
  }
}

@Test func `columns that are no byte arrays are not located`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    try write(url, [[[1], [2]]])
    let file = try ParquetFile(url)
    let positional = try PositionalFile(url)
    for path in ["index", "a.camera", "a.camera.nothing", ""] {
      #expect(file.locate(path, rowGroup: 0, in: positional) == nil)
    }
    #expect(file.locate("a.camera.bytes", rowGroup: 1, in: positional) == nil)
  }
}
