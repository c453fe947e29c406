/// The decoded bytes of a page, asked for in ascending order; what is not asked for is hardly read.
struct PageBytes {
  let size: Int
  /// Where the next byte is taken.
  var position = 0
  private let start: Int
  private var stored: FileCursor
  private var walk: SnappyWalk?

  init(_ file: PositionalFile, _ body: Range<Int>, _ header: PageHeader, isSnappy: Bool) throws {
    size = header.decodedSize
    start = body.lowerBound
    stored = FileCursor(file, body)
    // Snappy's copies make at most 64 bytes of 3.
    guard isSnappy ? size / 22 <= body.count : size == body.count else { throw NotLocatable() }
    if isSnappy { walk = try SnappyWalk(file, body: body, decodedSize: size) }
  }

  /// Where decoding can start in what was read so far; nil if the page is not compressed.
  var checkpoints: [SnappyWalk.Checkpoint]? { walk?.checkpoints }

  /// Completes the page and says where decoding can start; nil if the page is not compressed.
  mutating func finish() throws -> [SnappyWalk.Checkpoint]? {
    try walk?.finish()
    return walk?.checkpoints
  }
}

extension PageBytes: ByteCursor {
  mutating func next() throws -> UInt8 {
    guard position < size else { throw NotLocatable() }
    defer { position += 1 }
    if let byte = try walk?.byte(at: position) { return byte }
    stored.position = start + position
    return try stored.next()
  }
}

extension PageBytes {
  /// Integers in Parquet's mixture of runs and packed bits.
  mutating func runs(bitWidth: Int, count: Int) throws -> [UInt32] {
    guard bitWidth <= 32 else { throw NotLocatable() }
    var values: [UInt32] = []
    while values.count < count {
      let head = try variableLength()
      guard head >> 1 <= UInt64(count) else { throw NotLocatable() }
      if head & 1 == 0 {
        let value = UInt32(truncatingIfNeeded: try littleEndian((bitWidth + 7) / 8))
        values += repeatElement(value, count: min(Int(head >> 1), count - values.count))
        if head == 0 { throw NotLocatable() }
      } else {
        try unpack(groups: Int(head >> 1), bitWidth, upTo: count, into: &values)
      }
    }
    return values
  }

  /// Groups of eight integers, their bits one after another from the lowest.
  private mutating func unpack(groups: Int, _ bitWidth: Int, upTo count: Int, into values: inout [UInt32]) throws {
    var bits: UInt64 = 0
    var available = 0
    for _ in 0..<groups * 8 {
      while available < bitWidth {
        bits |= UInt64(try next()) << UInt64(available)
        available += 8
      }
      if values.count < count { values.append(UInt32(bits & (1 << UInt64(bitWidth) - 1))) }
      bits >>= UInt64(bitWidth)
      available -= bitWidth
    }
  }
}
