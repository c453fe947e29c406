import Failures
import Foundation

/// A zip file whose members are stored, not compressed, as PyTorch writes them.
struct StoredZip {
  private let bytes: [UInt8]
  private let members: [String: Range<Int>]

  /// Finds the members by the central directory; an entry that exceeds the file is an error.
  init(_ bytes: [UInt8], file: String) throws {
    self.bytes = bytes
    do { members = try Self.directory(bytes) } catch {
      throw Failure("\(file) is not a valid zip file: \(message(of: error))")
    }
  }

  /// The member whose name has the suffix; nil if there is none.
  func member(endingIn suffix: String) -> ArraySlice<UInt8>? {
    members.first { $0.key.hasSuffix(suffix) }.map { bytes[$0.value] }
  }

  private static func number(_ bytes: [UInt8], at offset: Int, size: Int) throws -> Int {
    guard offset >= 0, offset <= bytes.count - size else { throw Failure("it ends early") }
    return (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }

  private static func directory(_ bytes: [UInt8]) throws -> [String: Range<Int>] {
    let end = try endRecord(bytes)
    let count = try number(bytes, at: end + 10, size: 2)
    var offset = try number(bytes, at: end + 16, size: 4)
    var members: [String: Range<Int>] = [:]
    for _ in 0..<count {
      guard try number(bytes, at: offset, size: 4) == 0x0201_4B50 else {
        throw Failure("its directory is not where its end record states")
      }
      guard try number(bytes, at: offset + 10, size: 2) == 0 else {
        throw Failure("a member is compressed, and PyTorch stores them uncompressed")
      }
      let size = try number(bytes, at: offset + 24, size: 4)
      let nameSize = try number(bytes, at: offset + 28, size: 2)
      let rest = try number(bytes, at: offset + 30, size: 2) + number(bytes, at: offset + 32, size: 2)
      let header = try number(bytes, at: offset + 42, size: 4)
      let name = offset + 46
      guard name + nameSize <= bytes.count else { throw Failure("it ends early") }
      guard try number(bytes, at: header, size: 4) == 0x0403_4B50 else {
        throw Failure("a member is not where its directory states")
      }
      let start = try header + 30 + number(bytes, at: header + 26, size: 2) + number(bytes, at: header + 28, size: 2)
      guard start <= bytes.count, size <= bytes.count - start else { throw Failure("a member exceeds the file") }
      members[String(decoding: bytes[name..<name + nameSize], as: UTF8.self)] = start..<start + size
      offset = name + nameSize + rest
    }
    return members
  }

  /// The end record is last, before a comment of at most 65,535 bytes.
  private static func endRecord(_ bytes: [UInt8]) throws -> Int {
    var offset = bytes.count - 22
    while offset >= max(0, bytes.count - 22 - 65_535) {
      if try number(bytes, at: offset, size: 4) == 0x0605_4B50 { return offset }
      offset -= 1
    }
    throw Failure("it has no end record")
  }
}
