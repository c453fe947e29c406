import Foundation
import ModelFiles
import Testing

struct NumpyTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func numbers<Number: BitwiseCopyable>(_ file: NumpyFile, row: Int? = nil, as: Number.Type) throws -> [Number] {
    try file.withBytes(ofRow: row) { Array($0.bindMemory(to: Number.self)) }
  }

  @Test(arguments: [
    ("f2", TensorElement.float16), ("f4", .float32), ("f8", .float64), ("i1", .int8), ("i2", .int16), ("i4", .int32),
    ("i8", .int64), ("u1", .uint8), ("b1", .bool),
  ])
  func `NumPy's files are read`(name: String, element: TensorElement) throws {
    let file = try NumpyFile(golden(name + ".npy"))
    #expect(file.element == element)
    #expect(file.shape == [2, 3])
    #expect(file.range.count == 6 * element.byteCount)
  }

  @Test func `rows are what NumPy wrote`() throws {
    #expect(try numbers(NumpyFile(golden("f4.npy")), row: 1, as: Float.self) == [3, 4, 127])
    #expect(try numbers(NumpyFile(golden("i8.npy")), as: Int64.self) == [0, 1, 2, 3, 4, 127])
    #expect(try numbers(NumpyFile(golden("scalar.npy")), as: Double.self) == [2.5])
    #expect(try numbers(NumpyFile(golden("vector.npy")), row: 3, as: Float.self) == [3])
    #expect(try numbers(NumpyFile(golden("version2.npy")), as: Int32.self) == [0, 1, 2, 3])
    #expect(throws: FileError.self) { try numbers(NumpyFile(golden("f4.npy")), row: 2, as: Float.self) }
  }

  @Test(arguments: [("fortran.npy", "column-major"), ("big_endian.npy", "'>f4'"), ("official.safetensors", "expected")])
  func `what cannot be read is named`(name: String, clue: String) throws {
    let error = #expect(throws: FileError.self) { try NumpyFile(golden(name)) }
    #expect(error?.description.contains(clue) == true)
  }

  @Test func `a file cut at any byte is refused`() throws {
    let whole = try MappedFile(golden("f4.npy")).contents
    for count in 0..<whole.count {
      try Data(whole[..<count]).write(to: folder("a"))
      #expect(throws: FileError.self) { try NumpyFile(folder("a")) }
    }
    try Data(whole + [0]).write(to: folder("a"))
    #expect(throws: FileError.self) { try NumpyFile(folder("a")) }
  }

  @Test(arguments: [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "{'descr': '<f4', 'shape': (1,), }", "{", "",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 8), }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "{'descr': '<f4', 'x': 1}",
  ])
  func `a header that lies is refused`(text: String) throws {
    let length = text.utf8.count
    let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length), 0] + Array(text.utf8) + [0, 0, 0, 0]
    try Data(bytes).write(to: folder("a"))
    #expect(throws: FileError.self) { try NumpyFile(folder("a")) }
  }

  @Test func `rows written in two processes make the file that NumPy writes`() throws {
    let url = folder("a.npy")
    do {
      let writer = try NumpyWriter(url, .float32, rowShape: [3])
      try writer.append([0, 1, 2] as [Float])
      #expect(throws: FileError.self) { try NumpyWriter(url, .float32, rowShape: [3], resume: true) }
    }
    // A row cut short by the kill is written again.
    let partial = NumpyWriter.partialURL(of: url)
    try (Data(contentsOf: partial) + [1, 2, 3]).write(to: partial)
    #expect(!FileManager.default.fileExists(atPath: url.path))
    let writer = try NumpyWriter(url, .float32, rowShape: [3], resume: true)
    #expect(writer.rowsWritten == 1)
    try writer.append([3, 4, 127] as [Float])
    #expect(throws: FileError.self) { try writer.finish(rows: 3) }
    try writer.finish(rows: 2)
    #expect(try MappedFile(url).contents == MappedFile(golden("f4.npy")).contents)
    #expect(try folder.names == ["a.npy"])
    #expect(throws: FileError.exists(url.path)) { try NumpyWriter(url, .float32, rowShape: [3]) }
  }

  @Test func `an unfinished file of another shape is not continued`() throws {
    let url = folder("a.npy")
    do {
      let writer = try NumpyWriter(url, .float32, rowShape: [2])
      try writer.append([1, 2, 3, 4] as [Float])
    }
    #expect(throws: FileError.self) { try NumpyWriter(url, .float32, rowShape: [4], resume: true) }
    #expect(throws: FileError.self) { try NumpyWriter(url, .float16, rowShape: [2], resume: true) }
    #expect(throws: FileError.self) {
      try NumpyWriter(url, .float32, rowShape: [2], resume: true, keepingRows: 3)
    }
    #expect(try NumpyWriter(url, .float32, rowShape: [2], resume: true, keepingRows: 1).rowsWritten == 1)
    #expect(try NumpyWriter(url, .float32, rowShape: [2]).rowsWritten == 0)
    #expect(throws: FileError.self) { try NumpyWriter(url, .bfloat16, rowShape: [2]) }
    #expect(throws: FileError.self) { try NumpyWriter(url, .float32, rowShape: [2]).append([1] as [Float]) }
  }
}
