import Foundation
import Synchronization

/// Rows of one size on disk, written in any order and at any time, as a cache that grows.
///
/// `NAME` holds the rows and `NAME.rows` a checksum of each in eight bytes, which is zero until the row is on the disk, so
/// that a process that was killed leaves no row that is half there. Several processes may write the same file if equal
/// rows are equal bytes.
public final class RowFile: Sendable {
  public let url: URL
  public let rowBytes: Int
  public let count: Int
  private let rows, marks: Int32
  private let state: Mutex<State>

  private struct State: Sendable {
    /// Of the rows that are there; zero for the others.
    var checksums: [UInt64]
    /// Written, but not yet marked.
    var pending: [Int] = []
  }

  /// Rows between two waits for the disk.
  private static let rowsPerMark = 256

  /// Opens the file, or creates it without any row.
  ///
  /// - Throws: a file of another number or size of rows.
  public init(_ url: URL, count: Int, rowBytes: Int) throws {
    let (bytes, overflows) = count.multipliedReportingOverflow(by: rowBytes)
    guard count > 0, rowBytes > 0, !overflows else {
      throw FileError.invalid(url.path, "\(count) rows of \(rowBytes) bytes are not a file")
    }
    (self.url, self.count, self.rowBytes) = (url, count, rowBytes)
    let isNew: Bool
    (rows, isNew) = try Self.open(url.path, bytes: bytes)
    // Marks that outlived their rows would pass off zeros.
    if isNew { unlink(url.path + ".rows") }
    do { (marks, _) = try Self.open(url.path + ".rows", bytes: count * 8) } catch {
      close(rows)
      throw error
    }
    var checksums = [UInt64](repeating: 0, count: count)
    let marks = marks
    try checksums.withUnsafeMutableBytes { try Self.read(marks, $0, at: 0, url.path + ".rows") }
    state = Mutex(State(checksums: checksums))
  }

  deinit {
    try? synchronize()
    close(rows)
    close(marks)
  }

  /// The number of rows that are there.
  public var presentCount: Int { state.withLock { $0.checksums.count { $0 != 0 } } }

  public func contains(_ row: Int) -> Bool { checksum(of: row) != 0 }

  private func checksum(of row: Int) -> UInt64 {
    state.withLock { $0.checksums.indices.contains(row) ? $0.checksums[row] : 0 }
  }

  /// Reads a row, which must be there, into `destination` of one row's size.
  ///
  /// - Throws: a row that is not what was written.
  public func read(_ row: Int, into destination: UnsafeMutableRawBufferPointer) throws {
    precondition(destination.count == rowBytes, "a row has \(rowBytes) bytes")
    let written = checksum(of: row)
    guard written != 0 else { throw FileError.invalid(url.path, "row \(row) is not there") }
    try Self.read(rows, destination, at: row * rowBytes, url.path)
    guard Self.checksum(of: UnsafeRawBufferPointer(destination)) == written else {
      throw FileError.malformed(url.path, "row \(row) is not what was written; delete the file to make it again")
    }
  }

  /// Writes a row; it is found again by later processes once ``synchronize()`` or enough later rows have followed.
  public func write(_ row: Int, _ bytes: UnsafeRawBufferPointer) throws {
    precondition(bytes.count == rowBytes, "a row has \(rowBytes) bytes")
    guard (0..<count).contains(row) else {
      throw FileError.invalid(url.path, "row \(row) is not one of its \(count)")
    }
    try Self.write(rows, bytes, at: row * rowBytes, url.path)
    let isDue = state.withLock { state in
      state.checksums[row] = Self.checksum(of: bytes)
      state.pending.append(row)
      return state.pending.count >= Self.rowsPerMark
    }
    if isDue { try synchronize() }
  }

  /// Waits until all rows are on the disk, and marks them.
  public func synchronize() throws {
    let pending = state.withLock { state in
      defer { state.pending = [] }
      return state.pending.map { (row: $0, checksum: state.checksums[$0]) }
    }
    guard !pending.isEmpty else { return }
    try requireInPlace(rows, url.path)
    guard fdatasync(rows) == 0 else { throw FileError.errno(errno, url.path, "be flushed to the disk") }
    for (row, checksum) in pending {
      try withUnsafeBytes(of: checksum) { try Self.write(marks, $0, at: row * 8, url.path + ".rows") }
    }
  }

  /// A checksum that is never zero: four products side by side, so that it takes less time than reading does.
  static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    let factor: UInt64 = 0x9E37_79B9_7F4A_7C15
    var lanes = SIMD4<UInt64>(1, 2, 3, 4)
    func mix(_ words: SIMD4<UInt64>) {
      lanes = (lanes ^ words) &* factor
      lanes ^= lanes &>> 32
    }
    let whole = bytes.count / 32 * 32
    for offset in stride(from: 0, to: whole, by: 32) {
      mix(bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self))
    }
    for offset in whole..<bytes.count { mix(SIMD4(UInt64(bytes[offset]), 0, 0, 0)) }
    for lane in [lanes.y, lanes.z, lanes.w] { mix(SIMD4(lane, 0, 0, 0)) }
    return max(1, lanes.x ^ UInt64(bytes.count))
  }

  private static func open(_ path: String, bytes: Int) throws -> (descriptor: Int32, isNew: Bool) {
    let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.errno(errno, path, "be opened for writing") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size == 0 || status.st_size == bytes else {
      close(descriptor)
      throw FileError.malformed(path, "expected \(bytes) bytes, found \(status.st_size); delete it to make it again")
    }
    let isNew = status.st_size == 0
    guard status.st_size == bytes || ftruncate(descriptor, off_t(bytes)) == 0 else {
      let failure = FileError.errno(errno, path, "be given its size")
      close(descriptor)
      throw failure
    }
    return (descriptor, isNew)
  }

  private static func read(
    _ file: Int32, _ destination: UnsafeMutableRawBufferPointer, at offset: Int, _ path: String
  ) throws {
    var done = 0
    while done < destination.count {
      let part = UnsafeMutableRawBufferPointer(rebasing: destination[done...])
      let found = pread(file, part.baseAddress, part.count, off_t(offset + done))
      if found < 0, errno == EINTR { continue }
      guard found >= 0 else { throw FileError.errno(errno, path, "be read") }
      guard found > 0 else { throw FileError.malformed(path, "it ends before byte \(offset + destination.count)") }
      done += found
    }
  }

  private static func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int, _ path: String) throws {
    var done = 0
    while done < bytes.count {
      let part = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let written = pwrite(file, part.baseAddress, part.count, off_t(offset + done))
      if written < 0, errno == EINTR { continue }
      guard written >= 0 else { throw FileError.errno(errno, path, "be written") }
      done += written
    }
  }
}
