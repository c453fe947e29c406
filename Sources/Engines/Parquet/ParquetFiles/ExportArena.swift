import CArrow
import Failures
import Foundation

/// The memory behind a schema or a batch that is passed to Arrow, valid until that call returns.
///
/// Arrow's importer calls `release`; it only marks the struct, since the arena frees everything at once afterwards. That
/// is sound because the shim keeps no part of a batch beyond its call.
struct ExportArena {
  private var allocations: [UnsafeMutableRawPointer] = []

  mutating func free() {
    allocations.forEach { $0.deallocate() }
    allocations = []
  }

  private mutating func allocate<Element>(_ type: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * MemoryLayout<Element>.stride), alignment: 64)
    allocations.append(raw)
    return raw.bindMemory(to: Element.self, capacity: count)
  }

  private mutating func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
    let memory = allocate(Element.self, elements.count)
    elements.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { memory.initialize(from: base, count: source.count) }
    }
    return memory
  }

  private mutating func cString(_ text: String) -> UnsafePointer<CChar> { UnsafePointer(copy(Array(text.utf8CString))) }

  // MARK: schema

  mutating func schema(_ fields: [ParquetField], metadata: [(key: String, value: String)]) -> ArrowSchema {
    schema(ParquetField("", .structure(fields)), metadata: metadata, flags: 0)
  }

  private mutating func schema(
    _ field: ParquetField, metadata: [(key: String, value: String)] = [], flags: Int64 = Int64(ARROW_FLAG_NULLABLE)
  ) -> ArrowSchema {
    var schema = ArrowSchema()
    schema.format = cString(field.type.format)
    schema.name = cString(field.name)
    schema.metadata = metadata.isEmpty ? nil : UnsafePointer(copy(encode(metadata)))
    schema.flags = flags
    let children = field.type.children.map { child in copy([self.schema(child)]) as UnsafeMutablePointer? }
    schema.n_children = Int64(children.count)
    schema.children = children.isEmpty ? nil : copy(children)
    schema.release = { $0?.pointee.release = nil }
    return schema
  }

  private func encode(_ metadata: [(key: String, value: String)]) -> [CChar] {
    func length(_ count: Int) -> [UInt8] { withUnsafeBytes(of: Int32(count)) { [UInt8]($0) } }
    var bytes = length(metadata.count)
    for (key, value) in metadata {
      for text in [key, value] { bytes += length(text.utf8.count) + Array(text.utf8) }
    }
    return bytes.map { CChar(bitPattern: $0) }
  }

  // MARK: arrays

  mutating func array(length: Int, buffers: [UnsafeRawPointer?], children: [ArrowArray] = []) -> ArrowArray {
    var array = ArrowArray()
    array.length = Int64(length)
    array.n_buffers = Int64(buffers.count)
    array.buffers = copy(buffers)
    array.n_children = Int64(children.count)
    let pointers = children.map { copy([$0]) as UnsafeMutablePointer? }
    array.children = pointers.isEmpty ? nil : copy(pointers)
    array.release = { $0?.pointee.release = nil }
    return array
  }

  private mutating func numbers<Element>(_ values: [Element]) -> ArrowArray {
    array(length: values.count, buffers: [nil, UnsafeRawPointer(copy(values))])
  }

  private mutating func integers<Stored: FixedWidthInteger>(
    _ values: [Int], _ stored: Stored.Type, _ name: String
  ) throws -> ArrowArray {
    let narrowed = values.compactMap { Stored(exactly: $0) }
    guard narrowed.count == values.count else {
      throw Failure("column \(name) has integers that do not fit \(Stored.self)")
    }
    return numbers(narrowed)
  }

  private mutating func offsets(_ lengths: [Int], _ name: String) throws -> UnsafeRawPointer {
    var offsets: [Int32] = [0]
    offsets.reserveCapacity(lengths.count + 1)
    var total = 0
    for length in lengths {
      total += length
      guard length >= 0, let offset = Int32(exactly: total) else {
        throw Failure("column \(name) holds more than 2^31 bytes or elements in one row group")
      }
      offsets.append(offset)
    }
    return UnsafeRawPointer(copy(offsets))
  }

  private mutating func wideOffsets(_ lengths: [Int]) -> UnsafeRawPointer {
    var total: Int64 = 0
    let ends = lengths.map { length -> Int64 in
      total += Int64(length)
      return total
    }
    return UnsafeRawPointer(copy([0] + ends))
  }

  private mutating func bytes<Texts: Collection>(
    _ texts: [Texts], large: Bool, _ name: String
  ) throws -> ArrowArray where Texts.Element == UInt8 {
    let lengths = texts.map(\.count)
    let ends = large ? wideOffsets(lengths) : try offsets(lengths, name)
    var data: [UInt8] = []
    data.reserveCapacity(lengths.reduce(0, +))
    for text in texts { data.append(contentsOf: text) }
    return array(length: texts.count, buffers: [nil, ends, UnsafeRawPointer(copy(data))])
  }

  /// Lays out values in the field's type.
  ///
  /// - Throws: if the values are of another type.
  mutating func array(_ values: ColumnValues, as type: ColumnType, name: String) throws -> ArrowArray {
    switch (values, type) {
    case (.booleans(let flags), .bool):
      var bits = [UInt8](repeating: 0, count: (flags.count + 7) / 8)
      for (index, flag) in flags.enumerated() where flag { bits[index >> 3] |= 1 << UInt8(index & 7) }
      return array(length: flags.count, buffers: [nil, UnsafeRawPointer(copy(bits))])
    case (.integers(let integers), .int8): return try self.integers(integers, Int8.self, name)
    case (.integers(let integers), .uint8): return try self.integers(integers, UInt8.self, name)
    case (.integers(let integers), .int16): return try self.integers(integers, Int16.self, name)
    case (.integers(let integers), .uint16): return try self.integers(integers, UInt16.self, name)
    case (.integers(let integers), .int32): return try self.integers(integers, Int32.self, name)
    case (.integers(let integers), .uint32): return try self.integers(integers, UInt32.self, name)
    case (.integers(let integers), .int64): return try self.integers(integers, Int64.self, name)
    case (.integers(let integers), .uint64): return try self.integers(integers, UInt64.self, name)
    case (.floats(let floats), .float32): return numbers(floats)
    case (.doubles(let doubles), .float64): return numbers(doubles)
    case (.strings(let texts), .string): return try bytes(texts.map(\.utf8), large: false, name)
    case (.strings(let texts), .largeString): return try bytes(texts.map(\.utf8), large: true, name)
    case (.binaries(let blobs), .binary): return try bytes(blobs, large: false, name)
    case (.binaries(let blobs), .largeBinary): return try bytes(blobs, large: true, name)
    case (.lists(let elements, let lengths), .list(let element)):
      guard lengths.reduce(0, +) == elements.count else { throw mismatch(name, type) }
      let child = try array(elements, as: element, name: name)
      return array(length: lengths.count, buffers: [nil, try offsets(lengths, name)], children: [child])
    case (.fixedSizeLists(let elements, let size), .fixedSizeList(let element, let expected)):
      guard size == expected, size > 0, elements.count % size == 0 else { throw mismatch(name, type) }
      let child = try array(elements, as: element, name: name)
      return array(length: elements.count / size, buffers: [nil], children: [child])
    case (.structures(let members), .structure(let fields)):
      guard members.count == fields.count, members.allSatisfy({ $0.count == values.count }) else {
        throw mismatch(name, type)
      }
      var children: [ArrowArray] = []
      for (member, field) in zip(members, fields) {
        children.append(try array(member, as: field.type, name: "\(name).\(field.name)"))
      }
      return array(length: values.count, buffers: [nil], children: children)
    default: throw mismatch(name, type)
    }
  }

  private func mismatch(_ name: String, _ type: ColumnType) -> Failure {
    Failure("column \(name) expects values of type \(type)")
  }
}
