import Foundation
import ModelFiles
import OrderedCollections
import Testing

/// A golden file of these tests.
func golden(_ name: String) throws -> URL {
  let folder = try #require(Bundle.module.resourceURL)
  return folder.appendingPathComponent("Goldens").appendingPathComponent(name)
}

struct SafetensorsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func numbers<Number: BitwiseCopyable>(_ name: String, in file: SafetensorsFile, as: Number.Type) throws -> [Number] {
    try file.withBytes(of: file.entry(name)) { Array($0.bindMemory(to: Number.self)) }
  }

  @Test func `the official package's file is read`() throws {
    let file = try SafetensorsFile(golden("official.safetensors"))
    #expect(file.metadata == ["format": "pt"])
    #expect(try file.entry("b.float").shape == [2, 3])
    #expect(try numbers("b.float", in: file, as: Float.self) == [0, 0.25, 0.5, 0.75, 1, 1.25])
    #expect(try numbers("a.int", in: file, as: Int64.self) == [-1, 1 << 40])
    #expect(try numbers("mask", in: file, as: Bool.self) == [true, false, true])
    #expect(try numbers("half", in: file, as: UInt16.self) == [0x3E00, 0xC000])
    #expect(try file.entry("scalar").shape == [])
    #expect(try file.entry("empty").range.isEmpty)
    #expect(throws: FileError.self) { try file.entry("b.flaot") }
  }

  @Test func `a file written here is the official one, byte by byte`() throws {
    let official = try SafetensorsFile(golden("official.safetensors"))
    let tensors = official.entries.values.map { entry in
      SafetensorsTensor(entry.name, entry.element, shape: entry.shape) { sink throws in
        try official.withBytes(of: entry, sink)
      }
    }
    try writeSafetensors(tensors, metadata: official.metadata, to: folder("a.safetensors"))
    #expect(try MappedFile(folder("a.safetensors")).contents == official.mapping.contents)
  }

  @Test func `the header keeps the given order and every tensor is aligned`() throws {
    let url = folder("a.safetensors")
    try writeSafetensors(
      [
        SafetensorsTensor("z", .uint8, shape: [3], values: [1, 2, 3] as [UInt8]),
        SafetensorsTensor("ä", .float64, shape: [1], values: [2.5]),
        SafetensorsTensor("m", .float32, shape: [], values: [1.5] as [Float]),
      ], to: url)
    let file = try SafetensorsFile(url)
    #expect(Array(file.entries.keys) == ["z", "ä", "m"])
    for entry in file.entries.values { #expect(entry.range.lowerBound % entry.element.byteCount == 0) }
    #expect(try numbers("ä", in: file, as: Double.self) == [2.5])
    #expect(throws: FileError.exists(url.path)) { try writeSafetensors([], to: url) }
  }

  @Test func `tensors that do not fit their shape leave no file`() throws {
    let url = folder("a.safetensors")
    #expect(throws: FileError.self) {
      try writeSafetensors([SafetensorsTensor("a", .float32, shape: [2], values: [1] as [Float])], to: url)
    }
    let a = SafetensorsTensor("a", .uint8, shape: [1], values: [1] as [UInt8])
    #expect(throws: FileError.self) { try writeSafetensors([a, a], to: url) }
    #expect(try folder.names == [])
  }

  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#,
    #"{"a":1}"#, #"{"__metadata__":{"a":1}}"#, "[]", "{", "",
  ])
  func `a header that lies is refused`(header: String) throws {
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
    bytes += [UInt8](repeating: 0, count: 8)
    try AtomicFile.write(bytes, to: folder("a"))
    #expect(throws: FileError.self) { try SafetensorsFile(folder("a")) }
  }

  @Test func `a file cut at any byte is refused`() throws {
    let whole = try MappedFile(golden("official.safetensors")).contents
    for count in 0..<whole.count {
      try Data(whole[..<count]).write(to: folder("a"))
      #expect(throws: FileError.self) { try SafetensorsFile(folder("a")) }
    }
    let huge = withUnsafeBytes(of: UInt64.max) { Array($0) } + whole
    try AtomicFile.write(huge, to: folder("a"), overwrite: true)
    #expect(throws: FileError.self) { try SafetensorsFile(folder("a")) }
  }
}
