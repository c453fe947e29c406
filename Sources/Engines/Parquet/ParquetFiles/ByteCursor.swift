/// Values cannot be located one by one; the caller reads the whole row group instead, which also names damage.
struct NotLocatable: Error {}

/// Bytes taken one after another.
protocol ByteCursor {
  /// Where the next byte lies.
  var position: Int { get set }
  mutating func next() throws -> UInt8
}

/// Bytes of a part of a file, fetched page by page, so that what is skipped is not read.
struct FileCursor: ByteCursor {
  let file: PositionalFile
  var position: Int
  let end: Int
  private var window: [UInt8] = []
  private var windowStart = 0
  private static let windowSize = 4096

  init(_ file: PositionalFile, _ range: Range<Int>) {
    self.file = file
    (position, end) = (range.lowerBound, range.upperBound)
  }

  mutating func next() throws -> UInt8 {
    guard position >= 0, position < end else { throw NotLocatable() }
    if position < windowStart || position >= windowStart + window.count {
      windowStart = position / Self.windowSize * Self.windowSize
      window = try file.read(windowStart..<windowStart + Self.windowSize)
      guard position < windowStart + window.count else { throw NotLocatable() }
    }
    defer { position += 1 }
    return window[position - windowStart]
  }
}

/// Bytes in memory.
struct ArrayCursor: ByteCursor {
  let bytes: [UInt8]
  var position = 0

  mutating func next() throws -> UInt8 {
    guard position >= 0, position < bytes.count else { throw NotLocatable() }
    defer { position += 1 }
    return bytes[position]
  }
}

extension ByteCursor {
  /// An unsigned integer of 7 bits a byte, the lowest first.
  mutating func variableLength() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try next()
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw NotLocatable()
  }

  /// An unsigned integer of so many bytes, the lowest first.
  mutating func littleEndian(_ bytes: Int) throws -> Int {
    var value = 0
    for index in 0..<bytes { value |= try Int(next()) << (8 * index) }
    return value
  }
}
