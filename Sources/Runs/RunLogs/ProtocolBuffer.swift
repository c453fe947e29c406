/// A message in the wire format of Protocol Buffers, built field by field.
///
/// Only what TensorBoard's events and W&B's records need: integers, floating-point numbers, texts and messages.
struct ProtocolBuffer: Equatable, Sendable {
  private(set) var bytes: [UInt8] = []

  init() {}

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

  init(_ build: (inout ProtocolBuffer) -> Void) { build(&self) }

  /// Adds an integer (int32, int64, bool or enum).
  mutating func add(_ field: Int, _ value: Int) {
    tag(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  /// Adds a number of 64 bits (double).
  mutating func add(_ field: Int, _ value: Double) {
    tag(field, 1)
    bytes += value.bitPattern.littleEndianBytes
  }

  /// Adds a number of 32 bits (float).
  mutating func add(_ field: Int, _ value: Float) {
    tag(field, 5)
    bytes += value.bitPattern.littleEndianBytes
  }

  /// Adds a text.
  mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }

  /// Adds a message within this one.
  mutating func add(_ field: Int, _ message: ProtocolBuffer) { add(field, message.bytes) }

  /// Adds another message's fields to this one's.
  mutating func append(_ other: ProtocolBuffer) { bytes += other.bytes }

  private mutating func add(_ field: Int, _ content: [UInt8]) {
    tag(field, 2)
    varint(UInt64(content.count))
    bytes += content
  }

  private mutating func tag(_ field: Int, _ wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// The fields of a message that came from outside.
struct ProtocolBufferFields: Sendable {
  private enum Content: Sendable {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private let fields: [(number: Int, content: Content)]

  /// Reads a whole message, or returns nil if it is not valid.
  init?(_ message: ArraySlice<UInt8>) {
    var rest = message
    var fields: [(number: Int, content: Content)] = []
    while !rest.isEmpty {
      guard let tag = Self.varint(&rest), tag >> 3 <= 0x1FFF_FFFF else { return nil }
      let content: Content
      switch tag & 7 {
      case 0:
        guard let value = Self.varint(&rest) else { return nil }
        content = .number(value)
      case 1, 5:
        let count = tag & 7 == 1 ? 8 : 4
        guard rest.count >= count else { return nil }
        content = .number(UInt64(littleEndianBytes: rest.prefix(count)))
        rest = rest.dropFirst(count)
      case 2:
        guard let count = Self.varint(&rest), count <= UInt64(rest.count) else { return nil }
        content = .bytes(rest.prefix(Int(count)))
        rest = rest.dropFirst(Int(count))
      default: return nil
      }
      fields.append((Int(tag >> 3), content))
    }
    self.fields = fields
  }

  /// The last integer under a field's number.
  func integer(_ number: Int) -> Int? {
    for case (number, .number(let value)) in fields.reversed() { return Int(Int64(bitPattern: value)) }
    return nil
  }

  /// Every text or message under a field's number, in order.
  func contents(_ number: Int) -> [ArraySlice<UInt8>] {
    fields.compactMap { field in
      if field.number == number, case .bytes(let bytes) = field.content { bytes } else { nil }
    }
  }

  /// The last message under a field's number.
  func message(_ number: Int) -> ProtocolBufferFields? { contents(number).last.flatMap(ProtocolBufferFields.init) }

  private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { return nil }
      // The tenth byte has room for one bit.
      guard shift < 63 || byte <= 1 else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}
