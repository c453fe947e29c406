import CArrow
import Failures

/// A run of a column's values, read without copying.
public struct ParquetColumn: Sendable {
  let storage: TableStorage
  // Safe: it points into `storage`, which this value keeps alive.
  nonisolated(unsafe) let array: UnsafeMutablePointer<ArrowArray>
  /// The column's name, or its path inside a structure.
  public let name: String
  public let type: ColumnType
  /// First row of the run, before the array's own offset.
  let start: Int
  public let count: Int
  let place: RowPlace

  /// Position of row `row` in the array's buffers.
  private func position(_ row: Int) -> Int { Int(array.pointee.offset) + start + row }

  private func buffer<Element>(_ index: Int, as type: Element.Type) -> UnsafePointer<Element>? {
    guard index < Int(array.pointee.n_buffers), let raw = array.pointee.buffers?[index] else { return nil }
    return raw.assumingMemoryBound(to: Element.self)
  }

  func unexpected(_ expected: String) -> Failure {
    Failure("expected \(expected) in column \(name) of \(storage.source), found \(type)")
  }

  private func check(_ row: Int) throws {
    guard row >= 0, row < count else {
      throw Failure("column \(name) of \(storage.source) has \(count) rows, asked for row \(row)")
    }
  }

  /// Whether the value at `row` is missing.
  public func isNull(_ row: Int) throws -> Bool {
    try check(row)
    guard let valid = buffer(0, as: UInt8.self) else { return false }
    let bit = position(row)
    return valid[bit >> 3] >> UInt8(bit & 7) & 1 == 0
  }

  private func requireNoNulls() throws {
    guard array.pointee.null_count != 0, let valid = buffer(0, as: UInt8.self) else { return }
    for row in 0..<count {
      let bit = position(row)
      if valid[bit >> 3] >> UInt8(bit & 7) & 1 == 0 {
        throw isMissing(row)
      }
    }
  }

  private func isMissing(_ row: Int) -> Failure {
    Failure("\(place.text(row)) of column \(name) of \(storage.source) is null")
  }

  private func gather<Stored, Value>(_ stored: Stored.Type, _ convert: (Stored) -> Value) throws -> [Value] {
    try requireNoNulls()
    guard count > 0 else { return [] }
    guard let values = buffer(1, as: Stored.self) else { throw unexpected("values") }
    let base = values + position(0)
    return (0..<count).map { convert(base[$0]) }
  }

  /// The values as integers.
  ///
  /// - Throws: if the type is not an integer type, or a value does not fit or is null.
  public func integers() throws -> [Int] {
    switch type {
    case .int8: return try gather(Int8.self) { Int($0) }
    case .uint8: return try gather(UInt8.self) { Int($0) }
    case .int16: return try gather(Int16.self) { Int($0) }
    case .uint16: return try gather(UInt16.self) { Int($0) }
    case .int32: return try gather(Int32.self) { Int($0) }
    case .uint32: return try gather(UInt32.self) { Int($0) }
    case .int64: return try gather(Int64.self) { Int($0) }
    case .uint64:
      return try gather(UInt64.self) { $0 }.map { (value) throws in
        guard let integer = Int(exactly: value) else { throw unexpected("integers below 2^63") }
        return integer
      }
    default: throw unexpected("integers")
    }
  }

  /// The values as float64; integers and booleans are converted.
  public func doubles() throws -> [Double] {
    switch type {
    case .float64: return try gather(Double.self) { $0 }
    case .float32: return try gather(Float.self) { Double($0) }
    case .bool: return try booleans().map { $0 ? 1 : 0 }
    default:
      guard type.isInteger else { throw unexpected("numbers") }
      return try integers().map(Double.init)
    }
  }

  /// The values as float32; others are converted.
  public func floats() throws -> [Float] {
    if type == .float32 { return try gather(Float.self) { $0 } }
    return try doubles().map(Float.init)
  }

  /// The values as booleans.
  public func booleans() throws -> [Bool] {
    guard type == .bool else { throw unexpected("booleans") }
    try requireNoNulls()
    guard count > 0 else { return [] }
    guard let bits = buffer(1, as: UInt8.self) else { throw unexpected("values") }
    return (0..<count).map { bits[position($0) >> 3] >> UInt8(position($0) & 7) & 1 == 1 }
  }

  public func strings() throws -> [String] {
    guard type == .string || type == .largeString else { throw unexpected("text") }
    return try (0..<count).map { (row) throws in
      try withBytes(row) { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// The bytes at `row` of a binary or text column.
  public func bytes(_ row: Int) throws -> [UInt8] { try withBytes(row) { [UInt8]($0) } }

  /// Lends the bytes at `row` of a binary or text column, uncopied, for the duration of the call.
  public func withBytes<Value>(_ row: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Value) throws -> Value {
    guard try !isNull(row) else { throw isMissing(row) }
    let extent: Range<Int>
    switch type {
    case .string, .binary: extent = try span(row, Int32.self)
    case .largeString, .largeBinary: extent = try span(row, Int64.self)
    default: throw unexpected("bytes")
    }
    let data = buffer(2, as: UInt8.self)
    defer { withExtendedLifetime(storage) {} }
    guard let data else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
    return try body(UnsafeBufferPointer(start: data + extent.lowerBound, count: extent.count))
  }

  private func span<Offset: FixedWidthInteger>(_ row: Int, _ offset: Offset.Type) throws -> Range<Int> {
    guard let offsets = buffer(1, as: Offset.self) else { throw unexpected("offsets") }
    let first = Int(offsets[position(row)]), last = Int(offsets[position(row) + 1])
    guard first >= 0, first <= last else { throw Failure("column \(name) of \(storage.source) is damaged") }
    return first..<last
  }

  /// The total size of the run's binary or text values.
  public func byteCount() throws -> Int {
    guard count > 0 else { return 0 }
    switch type {
    case .string, .binary: return try span(count - 1, Int32.self).upperBound - span(0, Int32.self).lowerBound
    case .largeString, .largeBinary: return try span(count - 1, Int64.self).upperBound - span(0, Int64.self).lowerBound
    default: throw unexpected("bytes")
    }
  }

  private func child(_ index: Int) throws -> UnsafeMutablePointer<ArrowArray> {
    guard index < Int(array.pointee.n_children), let child = array.pointee.children?[index] else {
      throw Failure("column \(name) of \(storage.source) is damaged")
    }
    return child
  }

  /// The elements of the list at `row`.
  public func list(_ row: Int) throws -> ParquetColumn {
    guard try !isNull(row) else { throw isMissing(row) }
    switch type {
    case .list(let element): return try elements(span(row, Int32.self), element, .elements(of: row, place))
    case .largeList(let element): return try elements(span(row, Int64.self), element, .elements(of: row, place))
    case .fixedSizeList(let element, let size):
      return try elements(
        position(row) * size..<(position(row) + 1) * size, element, .elements(of: row, place))
    default: throw unexpected("lists")
    }
  }

  /// All elements of the run's lists, one after another, and the length of each list.
  public func flattened() throws -> (elements: ParquetColumn, lengths: [Int]) {
    try requireNoNulls()
    let element: ColumnType
    let spans: [Range<Int>]
    switch type {
    case .list(let inner):
      element = inner
      spans = try (0..<count).map { (row) throws in try span(row, Int32.self) }
    case .largeList(let inner):
      element = inner
      spans = try (0..<count).map { (row) throws in try span(row, Int64.self) }
    case .fixedSizeList(let inner, let size):
      element = inner
      spans = (0..<count).map { position($0) * size..<(position($0) + 1) * size }
    default: throw unexpected("lists")
    }
    let first = spans.first?.lowerBound ?? 0
    let (lengths, end) = (spans.map(\.count), spans.last?.upperBound ?? first)
    return (try elements(first..<end, element, .flattened(lengths, place)), lengths)
  }

  private func elements(_ range: Range<Int>, _ type: ColumnType, _ place: RowPlace) throws -> ParquetColumn {
    let child = try child(0)
    guard range.upperBound <= Int(child.pointee.length) else {
      throw Failure("column \(name) of \(storage.source) is damaged")
    }
    return ParquetColumn(
      storage: storage, array: child, name: name, type: type, start: range.lowerBound, count: range.count, place: place)
  }

  public func member(_ member: String) throws -> ParquetColumn {
    guard case .structure(let fields) = type, let index = fields.firstIndex(where: { $0.name == member }) else {
      throw unexpected("a structure with a member \(member)")
    }
    // A structure's offset applies to its members as well.
    return ParquetColumn(
      storage: storage, array: try child(index), name: "\(name).\(member)", type: fields[index].type,
      start: start + Int(array.pointee.offset), count: count, place: place)
  }
}
