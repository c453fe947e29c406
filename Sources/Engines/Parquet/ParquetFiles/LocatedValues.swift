import Failures

/// Where the byte arrays of a row group's column lie in the file, so that one row's can be read alone.
///
/// Uncompressed values are read as they are. In a Snappy-compressed page decoding starts at the preceding multiple of
/// 64 KB, so a value costs at most that much more than its own bytes. To locate the values, a page's headers, its Snappy
/// tags and the lengths between the values are read, about a tenth of it for images of 50 KB.
public struct LocatedValues: Sendable {
  private struct Page {
    let body: Range<Int>
    /// Nil if the page is not compressed.
    let checkpoints: [SnappyWalk.Checkpoint]?
  }

  private struct Value {
    let page: UInt32, offset: UInt32, length: UInt32
  }

  private var pages: [Page] = []
  private var values: [Value] = []
  /// Each row's value.
  private var rows: [UInt32] = []
  /// The rows that are asked for; values beyond them are not looked for.
  private let wanted: Int

  public var count: Int { rows.count }
  /// The memory that this takes.
  public var byteCount: Int {
    pages.reduce(16 * rows.count) { $0 + 64 + 8 * ($1.checkpoints?.count ?? 0) }
  }

  /// Locates the values of `rowCount` rows in a part of a file.
  ///
  /// - Parameter limit: the first rows that are enough.
  /// - Throws: if there are nulls, or other pages or encodings than the plain ones and dictionaries.
  init(
    _ file: PositionalFile, _ part: Range<Int>, rowCount: Int, upTo limit: Int = .max, isSnappy: Bool,
    maxDefinitionLevel: Int
  ) throws {
    wanted = min(rowCount, limit)
    guard part.lowerBound >= 0, part.upperBound <= file.size else { throw NotLocatable() }
    var cursor = FileCursor(file, part)
    while rows.count < wanted {
      let header = try PageHeader(&cursor)
      let body = cursor.position..<cursor.position + header.storedSize
      cursor.position = body.upperBound
      if header.kind == .other { continue }
      var bytes = try PageBytes(file, body, header, isSnappy: isSnappy)
      if header.kind == .dictionary {
        guard pages.isEmpty, [PageHeader.plain, PageHeader.plainDictionary].contains(header.encoding) else {
          throw NotLocatable()
        }
        try addValues(header.count, &bytes, body)
      } else {
        guard header.count <= rowCount - rows.count else { throw NotLocatable() }
        try addRows(header, &bytes, body, maxDefinitionLevel)
      }
    }
  }

  private mutating func addRows(
    _ header: PageHeader, _ bytes: inout PageBytes, _ body: Range<Int>, _ maxDefinitionLevel: Int
  ) throws {
    if maxDefinitionLevel > 0 {
      let end = try bytes.littleEndian(4) + 4
      let levels = try bytes.runs(
        bitWidth: Int.bitWidth - maxDefinitionLevel.leadingZeroBitCount, count: header.count)
      guard bytes.position <= end, levels.allSatisfy({ $0 == UInt32(maxDefinitionLevel) }) else {
        throw NotLocatable()
      }
      bytes.position = end
    }
    switch header.encoding {
    case PageHeader.plain:
      let first = UInt32(values.count)
      try addValues(header.count, &bytes, body)
      rows += first..<UInt32(values.count)
    case PageHeader.plainDictionary, PageHeader.dictionaryIndices:
      let bitWidth = Int(try bytes.next())
      let indices = try bytes.runs(bitWidth: bitWidth, count: header.count).prefix(wanted - rows.count)
      guard indices.allSatisfy({ $0 < values.count }) else { throw NotLocatable() }
      rows += indices
    default: throw NotLocatable()
    }
  }

  /// Adds plain values: each its length in four bytes, then its bytes.
  private mutating func addValues(_ count: Int, _ bytes: inout PageBytes, _ body: Range<Int>) throws {
    // A dictionary lists values in the order of the rows that have them first.
    let rest = wanted - rows.count
    for _ in 0..<min(count, rest) {
      let length = try bytes.littleEndian(4)
      guard length <= bytes.size - bytes.position else { throw NotLocatable() }
      values.append(
        Value(page: UInt32(pages.count), offset: UInt32(bytes.position), length: UInt32(length)))
      bytes.position += length
    }
    guard count <= rest else { return pages.append(Page(body: body, checkpoints: bytes.checkpoints)) }
    guard bytes.position == bytes.size else { throw NotLocatable() }
    pages.append(Page(body: body, checkpoints: try bytes.finish()))
  }

  /// Reads the value of one row.
  ///
  /// - Parameter file: the file in which the values were located.
  /// - Throws: `Failure`, if the file cannot be read or was changed.
  public func bytes(_ row: Int, from file: PositionalFile) throws -> [UInt8] {
    guard rows.indices.contains(row) else {
      throw Failure("a row group of \(file.url.path) has \(rows.count) rows, asked for row \(row)")
    }
    let value = values[Int(rows[row])]
    let page = pages[Int(value.page)]
    let (offset, length) = (Int(value.offset), Int(value.length))
    guard let checkpoints = page.checkpoints else {
      return try file.read(page.body.lowerBound + offset..<page.body.lowerBound + offset + length)
    }
    // The last start at or before the value, and the first one after it.
    let first = checkpoints.partitioningIndex { $0.decoded > value.offset } - 1
    let last = checkpoints.partitioningIndex { Int($0.decoded) >= offset + length }
    let start = page.body.lowerBound + Int(checkpoints[first].stored)
    let end = last < checkpoints.count ? page.body.lowerBound + Int(checkpoints[last].stored) : page.body.upperBound
    let skipped = offset - Int(checkpoints[first].decoded)
    // Images do not compress, so that many bytes, and a few for tags, are nearly always enough.
    for stop in [min(end, start + skipped + length + 64), end] {
      let decoded = try? snappyPrefix(file.read(start..<stop), count: skipped + length)
      if let decoded, decoded.count == skipped + length { return Array(decoded[skipped...]) }
    }
    throw Failure("row \(row) of a row group of \(file.url.path) could not be read, the file is damaged")
  }
}

extension RandomAccessCollection where Index == Int {
  /// The first index whose element fulfils `condition`, which holds for all that follow.
  fileprivate func partitioningIndex(where condition: (Element) -> Bool) -> Int {
    var low = startIndex, high = endIndex
    while low < high {
      let middle = (low + high) / 2
      if condition(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
