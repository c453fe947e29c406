import Failures
import Foundation
import Testing

@testable import ParquetFiles

/// A folder that goes with the test.
func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-arrow-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

private let image = ColumnType.structure([ParquetField("bytes", .binary), ParquetField("path", .string)])
private let fields: [ParquetField] = [
  ParquetField("index", .int64), ParquetField("done", .bool), ParquetField("time", .float32),
  ParquetField("mean", .float64),
  ParquetField("state", .fixedSizeList(.float32, 3)), ParquetField("tasks", .list(.string)),
  ParquetField("image", image),
  ParquetField("name", .largeString), ParquetField("stat", .list(.list(.float64))), ParquetField("small", .uint8),
]

private func rows(_ count: Int, from first: Int) -> [ColumnValues] {
  let indices = first..<first + count
  return [
    .integers(Array(indices)), .booleans(indices.map { $0 % 3 == 0 }), .floats(indices.map { Float($0) / 10 }),
    .doubles(indices.map { Double($0) / 7 }),
    .fixedSizeLists(.floats(indices.flatMap { [Float($0), 0.5, -1] }), size: 3),
    .lists(
      .strings(indices.flatMap { Array(repeating: "task \($0)", count: $0 % 3) }), lengths: indices.map { $0 % 3 }),
    .structures([.binaries(indices.map { [UInt8($0), 0, 255] }), .strings(indices.map { "frame-\($0).png" })]),
    .strings(indices.map { "näme \($0)" }),
    .lists(
      .lists(.doubles(indices.flatMap { [Double($0), 1] }), lengths: Array(repeating: 1, count: 2 * count)),
      lengths: Array(repeating: 2, count: count)),
    .integers(indices.map { $0 + 200 }),
  ]
}

private func write(_ url: URL, groups: [Int] = [4, 3]) throws {
  let writer = try ParquetWriter(url, fields: fields, metadata: [("huggingface", "{}"), ("näme", "wërt")])
  var first = 0
  for count in groups {
    try writer.write(rows(count, from: first))
    first += count
  }
  try writer.finish()
}

@Test func `what is written reads back in row groups with its types`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    try write(url)
    let file = try ParquetFile(url)
    #expect(file.fields == fields)
    #expect(file.rowGroups == [4, 3])
    #expect(file.metadata["huggingface"] == "{}" && file.metadata["näme"] == "wërt")
    let table = try file.read(rowGroup: 1, columns: fields.map(\.name))
    #expect(try table.column("index").integers() == [4, 5, 6])
    #expect(try table.column("done").booleans() == [false, false, true])
    #expect(try table.column("time").floats() == [0.4, 0.5, 0.6])
    #expect(try table.column("mean").doubles() == [4.0 / 7, 5.0 / 7, 6.0 / 7])
    #expect(try table.column("state").list(2).floats() == [6, 0.5, -1])
    let (elements, lengths) = try table.column("state").flattened()
    #expect(try elements.floats() == [4, 0.5, -1, 5, 0.5, -1, 6, 0.5, -1] && lengths == [3, 3, 3])
    #expect(try table.column("tasks").list(0).strings() == ["task 4"])
    #expect(try table.column("tasks").list(2).strings() == [])
    #expect(try table.column("image").member("bytes").bytes(1) == [5, 0, 255])
    #expect(try table.column("image").member("path").strings() == ["frame-4.png", "frame-5.png", "frame-6.png"])
    #expect(try table.column("name").strings()[0] == "näme 4")
    #expect(try table.column("stat").list(1).list(0).doubles() == [5])
    #expect(try table.column("small").integers() == [204, 205, 206])
  }
}

@Test func `only the chosen columns are read`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    try write(url)
    let table = try ParquetFile(url).read(rowGroup: 0, columns: ["image", "index"])
    #expect(table.fields.map(\.name) == ["index", "image"])
    #expect(throws: Failure.self) { try table.column("state") }
  }
}

@Test func `a missing column, a wrong type and a wrong row are errors`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    try write(url)
    let file = try ParquetFile(url)
    #expect(throws: Failure.self) { try file.read(rowGroup: 0, columns: ["nothing"]) }
    #expect(throws: Failure.self) { try file.read(rowGroup: 2, columns: ["index"]) }
    let table = try file.read(rowGroup: 0, columns: ["index", "name", "tasks"])
    #expect(throws: Failure.self) { try table.column("name").floats() }
    #expect(throws: Failure.self) { try table.column("index").strings() }
    #expect(throws: Failure.self) { try table.column("tasks").list(4) }
    #expect(throws: Failure.self) { try table.column("tasks").list(-1) }
  }
}

@Test func `a missing, truncated or damaged file is an error, whatever byte is hit`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    #expect(throws: Failure.self) { try ParquetFile(url) }
    try write(url)
    let whole = try Data(contentsOf: url)
    for count in [0, 3, 8, whole.count / 2, whole.count - 1] {
      let cut = folder.appendingPathComponent("cut.parquet")
      try whole.prefix(count).write(to: cut)
      #expect(throws: Failure.self) { try ParquetFile(cut) }
    }
    // Damage must never crash; whether a flipped bit is noticed depends on where it falls.
    for position in stride(from: 4, to: whole.count, by: 17) {
      var damaged = whole
      damaged[position] ^= 0xFF
      let bad = folder.appendingPathComponent("bad.parquet")
      try damaged.write(to: bad)
      _ = try? ParquetFile(bad).read(rowGroup: 0, columns: fields.map(\.name)).column("image").member("bytes").bytes(0)
    }
  }
}

@Test func `an unfinished writer leaves no file and an existing file is kept`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    do {
      let writer = try ParquetWriter(url, fields: fields)
      try writer.write(rows(2, from: 0))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    try write(url)
    #expect(throws: Failure.self) { try ParquetWriter(url, fields: fields) }
    #expect(throws: Failure.self) {
      try ParquetWriter(folder.appendingPathComponent("none/a.parquet"), fields: fields)
    }
  }
}

@Test func `a writer whose place was taken leaves no unfinished file`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    let writer = try ParquetWriter(url, fields: fields)
    try writer.write(rows(2, from: 0))
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    #expect(throws: Failure.self) { try writer.finish() }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.parquet"])
  }
}

@Test func `a full disk and a missing folder are told with the system's reason`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    try FileManager.default.createSymbolicLink(
      atPath: folder.appendingPathComponent(".a.parquet.partial").path, withDestinationPath: "/dev/full")
    var error = #expect(throws: Failure.self) { try write(url) }
    #expect(error?.description.contains("because the disk is full") == true, "\(error?.description ?? "")")
    error = #expect(throws: Failure.self) {
      try ParquetWriter(folder.appendingPathComponent("none/a.parquet"), fields: fields)
    }
    #expect(error?.description.contains("No such file or directory") == true, "\(error?.description ?? "")")
  }
}

@Test func `values of another type or count are refused`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.parquet")
    let writer = try ParquetWriter(
      url, fields: [ParquetField("a", .int8), ParquetField("b", .fixedSizeList(.float32, 2))])
    #expect(throws: Failure.self) { try writer.write([.integers([1])]) }
    #expect(throws: Failure.self) {
      try writer.write([.integers([300]), .fixedSizeLists(.floats([1, 2]), size: 2)])
    }
    #expect(throws: Failure.self) {
      try writer.write([.integers([1]), .fixedSizeLists(.floats([1, 2, 3]), size: 3)])
    }
    #expect(throws: Failure.self) {
      try writer.write([.integers([1, 2]), .fixedSizeLists(.floats([1, 2]), size: 2)])
    }
    #expect(throws: Failure.self) {
      try writer.write([.strings(["x"]), .fixedSizeLists(.floats([1, 2]), size: 2)])
    }
  }
}
