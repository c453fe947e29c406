import Crypto
import Foundation

/// A file's bytes, mapped into memory for as long as this object lives.
///
/// The mapping is private and copy-on-write: engines may treat the memory as theirs, and nothing they do reaches the
/// file. Writing through it is the caller's own business and not safe across tasks. Whoever truncates a mapped file in
/// place invalidates it: logs, which a resumed run cuts, are read with ``fileContents(_:last:)``.
public final class MappedFile: @unchecked Sendable {
  public let url: URL
  /// The file's bytes, for engines that keep the memory; valid only while this object lives, so keep it alive beside.
  public let unsafeBytes: UnsafeRawBufferPointer

  /// Maps the file at `url`.
  public init(_ url: URL) throws {
    let (descriptor, count) = try opened(url)
    defer { close(descriptor) }
    self.url = url
    guard count > 0 else {
      unsafeBytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let flags = MAP_PRIVATE | MAP_NORESERVE
    guard let start = mmap(nil, count, PROT_READ | PROT_WRITE, flags, descriptor, 0), start != MAP_FAILED else {
      throw FileError.errno(errno, url.path, "be mapped into memory")
    }
    unsafeBytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  deinit {
    if let start = unsafeBytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), unsafeBytes.count) }
  }

  /// The number of bytes.
  public var count: Int { unsafeBytes.count }

  /// A copy of all bytes.
  public var contents: [UInt8] { withExtendedLifetime(self) { Array(unsafeBytes) } }

  /// A copy of all bytes as text; what is not UTF-8 becomes U+FFFD.
  public var text: String { withExtendedLifetime(self) { String(decoding: unsafeBytes, as: UTF8.self) } }

  /// Lends the bytes in `range`, or all of them, to `body`; a range beyond the end is an error.
  public func withBytes<Result>(
    in range: Range<Int>? = nil, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let range = range ?? 0..<count
    try check(range)
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawBufferPointer(rebasing: unsafeBytes[range]))
  }

  /// Refuses a range beyond the file's end.
  func check(_ range: Range<Int>) throws {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw FileError.malformed(
        url.path, "expected \(range.upperBound) bytes or more, found \(count); the file may be truncated")
    }
  }

  /// The SHA-256 of all bytes, as 64 hexadecimal digits.
  public var sha256: String {
    var hash = SHA256()
    withExtendedLifetime(self) { hash.update(bufferPointer: unsafeBytes) }
    return hexadecimal(hash.finalize())
  }
}

/// A part of a mapped file for one user, whose pages leave the process's memory with this object.
public final class MappedPart: Sendable {
  private let file: MappedFile
  private let range: Range<Int>

  /// Lends the bytes `range` of `file`; nothing else may use them.
  public init(_ file: MappedFile, _ range: Range<Int>) throws {
    try file.check(range)
    (self.file, self.range) = (file, range)
  }

  /// The part's bytes, valid only while this object lives.
  public var unsafeBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.unsafeBytes[range]) }

  deinit {
    let page = sysconf(Int32(_SC_PAGESIZE))
    // Its first and last page may hold bytes of its neighbors.
    let (first, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
    guard first < end, let start = file.unsafeBytes.baseAddress else { return }
    madvise(UnsafeMutableRawPointer(mutating: start + first), end - first, MADV_DONTNEED)
  }
}

/// The SHA-256 of a text's UTF-8, as 64 hexadecimal digits.
public func sha256(of text: String) -> String { hexadecimal(SHA256.hash(data: Array(text.utf8))) }

/// The SHA-256 of bytes, as 64 hexadecimal digits.
public func sha256(of bytes: UnsafeRawBufferPointer) -> String {
  var hash = SHA256()
  hash.update(bufferPointer: bytes)
  return hexadecimal(hash.finalize())
}

private func hexadecimal(_ digest: SHA256Digest) -> String {
  digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
