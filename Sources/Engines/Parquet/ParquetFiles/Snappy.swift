import Foundation

/// A step of Snappy's format: bytes that follow, or bytes that came before.
struct SnappyElement {
  let count: Int
  /// How far back the copied bytes lie; nil for a literal, whose bytes follow.
  let distance: Int?
}

extension ByteCursor {
  mutating func snappyElement() throws -> SnappyElement {
    let tag = Int(try next())
    switch tag & 3 {
    case 0:
      let short = tag >> 2
      let count = short < 60 ? short : try littleEndian(short - 59)
      return SnappyElement(count: count + 1, distance: nil)
    case 1: return SnappyElement(count: (tag >> 2 & 7) + 4, distance: (tag >> 5) << 8 | (try littleEndian(1)))
    case 2: return SnappyElement(count: tag >> 2 + 1, distance: try littleEndian(2))
    default: return SnappyElement(count: tag >> 2 + 1, distance: try littleEndian(4))
    }
  }
}

/// A Snappy-compressed page that is walked without reading its literals.
///
/// Compressors work on blocks of 64 KB that do not refer to each other, so decoding can start at each. Bytes are asked
/// for in ascending order.
struct SnappyWalk {
  /// An element's start from which decoding can begin: its offset in the file, and in the decoded page.
  struct Checkpoint {
    let stored: UInt32, decoded: UInt32
  }

  static let blockSize = 1 << 16

  /// Offsets in the file count from the page's body.
  private(set) var checkpoints: [Checkpoint] = []
  private let body: Int
  private var cursor: FileCursor
  private let decodedSize: Int
  private var decoded = 0
  /// The elements since the last checkpoint: where each starts in the decoded page, and a literal's place in the file.
  private var elements: [(start: Int, distance: Int?, literal: Int)] = []

  init(_ file: PositionalFile, body: Range<Int>, decodedSize: Int) throws {
    self.body = body.lowerBound
    self.decodedSize = decodedSize
    cursor = FileCursor(file, body)
    guard try cursor.variableLength() == UInt64(decodedSize) else { throw NotLocatable() }
  }

  /// Walks one element on.
  private mutating func advance() throws {
    if checkpoints.isEmpty || decoded - Int(checkpoints[checkpoints.count - 1].decoded) >= Self.blockSize {
      checkpoints.append(.init(stored: UInt32(cursor.position - body), decoded: UInt32(decoded)))
      elements.removeAll(keepingCapacity: true)
    }
    let element = try cursor.snappyElement()
    if let distance = element.distance {
      guard distance > 0, decoded - distance >= elements.first?.start ?? decoded else { throw NotLocatable() }
    }
    elements.append((decoded, element.distance, cursor.position))
    if element.distance == nil { cursor.position += element.count }
    decoded += element.count
    guard decoded <= decodedSize, cursor.position <= cursor.end else { throw NotLocatable() }
  }

  /// A byte of the decoded page, not before one that was asked for earlier.
  mutating func byte(at position: Int) throws -> UInt8 {
    while decoded <= position { try advance() }
    var position = position
    while true {
      guard let element = elements.last(where: { $0.start <= position }) else { throw NotLocatable() }
      guard let distance = element.distance else {
        var literal = cursor
        literal.position = element.literal + position - element.start
        let byte = try literal.next()
        let next = cursor.position
        cursor = literal
        cursor.position = next
        return byte
      }
      position -= distance
    }
  }

  /// Walks to the end of the page.
  mutating func finish() throws {
    while decoded < decodedSize { try advance() }
    guard cursor.position == cursor.end else { throw NotLocatable() }
  }
}

/// Decodes elements until `count` bytes are there, or the input ends.
///
/// - Returns: the bytes, fewer than `count` if the input ended first.
func snappyPrefix(_ input: [UInt8], count: Int) throws -> [UInt8] {
  var cursor = ArrayCursor(bytes: input)
  return try [UInt8](unsafeUninitializedCapacity: count) { output, done in
    while done < count, cursor.position < input.count {
      guard let element = try? cursor.snappyElement() else { return }
      let wanted = min(element.count, count - done)
      if let distance = element.distance {
        guard distance > 0, distance <= done else { throw NotLocatable() }
        // Byte by byte, because a copy may read what it writes.
        for index in done..<done + wanted { output[index] = output[index - distance] }
        done += wanted
      } else {
        let found = min(wanted, input.count - cursor.position)
        input.withUnsafeBytes { source in
          UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(output)[done...])
            .copyMemory(from: .init(rebasing: source[cursor.position..<cursor.position + found]))
        }
        done += found
        cursor.position += found
        if found < wanted { return }
      }
    }
  }
}
