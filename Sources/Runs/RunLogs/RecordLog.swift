import Foundation
import ModelFiles

/// The file format of W&B's run records: LevelDB's log with a header of its own.
///
/// Blocks of 32 KiB hold pieces of records; a piece is its CRC-32 (of type and content), length, type and content. A
/// piece ends with its block, so a long record has several; a block's last bytes stay zero where no piece begins.
final class RecordLog {
  /// `:W&B`, the number 0xBEE1 and version 0.
  static let header: [UInt8] = Array(":W&B".utf8) + UInt16(0xBEE1).littleEndianBytes + [0]
  private static let block = 32_768
  private static let pieceHeader = 7

  private enum Piece: UInt8 { case full = 1, first, middle, last }

  private let file: GrowingFile

  /// Opens a file to continue after its first `count` bytes.
  init(_ url: URL, keeping count: Int) throws { file = try GrowingFile(url, keeping: count) }

  /// Adds a record.
  func append(_ record: [UInt8]) throws { try file.append(Self.framed(record, at: file.count)) }

  /// A record's pieces, as they lie behind `offset` bytes.
  static func framed(_ record: [UInt8], at offset: Int) -> [UInt8] {
    var output: [UInt8] = []
    var rest = record[...]
    var isFirst = true
    repeat {
      var space = block - (offset + output.count) % block
      if space < pieceHeader {
        output += [UInt8](repeating: 0, count: space)
        space = block
      }
      let content = rest.prefix(space - pieceHeader)
      rest = rest.dropFirst(content.count)
      let piece: Piece = isFirst ? (rest.isEmpty ? .full : .first) : (rest.isEmpty ? .last : .middle)
      output += CyclicRedundancyCheck.ieee([piece.rawValue] + content).littleEndianBytes
      output += UInt16(content.count).littleEndianBytes + [piece.rawValue] + content
      isFirst = false
    } while !rest.isEmpty
    return output
  }

  /// A file's whole records, each with the offset behind it, up to the first that a kill or a fault broke.
  static func records(in bytes: [UInt8]) -> [(content: [UInt8], end: Int)] {
    guard bytes.starts(with: header) else { return [] }
    var records: [(content: [UInt8], end: Int)] = []
    var offset = header.count
    var open: [UInt8]?
    while let (piece, content, end) = piece(in: bytes, at: offset) {
      offset = end
      switch (piece, open) {
      case (.full, nil): records.append((Array(content), end))
      case (.first, nil): open = Array(content)
      case (.middle, let start?): open = start + content
      case (.last, let start?):
        records.append((start + content, end))
        open = nil
      default: return records
      }
    }
    return records
  }

  private static func piece(in bytes: [UInt8], at offset: Int) -> (Piece, ArraySlice<UInt8>, end: Int)? {
    let space = block - offset % block
    let start = space < pieceHeader ? offset + space : offset
    guard start + pieceHeader <= bytes.count else { return nil }
    let check = UInt32(littleEndianBytes: bytes[start..<start + 4])
    let content = start + pieceHeader
    let end = content + Int(UInt16(littleEndianBytes: bytes[start + 4..<start + 6]))
    guard let piece = Piece(rawValue: bytes[start + 6]), end <= bytes.count,
      CyclicRedundancyCheck.ieee(bytes[start + 6..<end]) == check
    else { return nil }
    return (piece, bytes[content..<end], end)
  }
}
