import Foundation
import ModelFiles

/// A log's file: what is added reaches the system at once, in one piece, so a killed run loses no finished line.
final class AppendOnlyFile {
  /// The file's length in bytes.
  private(set) var count: Int
  private let path: String
  private let descriptor: Int32

  /// Opens or makes the file, cut to the `kept` bytes that are still true.
  init(_ url: URL, keeping kept: Int = 0) throws {
    path = url.path
    count = kept
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.errno(errno, path, "be opened for writing") }
    guard ftruncate(descriptor, off_t(kept)) == 0 else { throw FileError.errno(errno, path, "be cut to size") }
  }

  deinit { close(descriptor) }

  /// Fails if the file is no longer at its path, where what is written would be lost.
  func requireInPlace() throws { try ModelFiles.requireInPlace(descriptor, path) }

  /// Adds bytes at the end, over the last `replaced` ones.
  func append(_ bytes: [UInt8], replacing replaced: Int = 0) throws {
    try requireInPlace()
    let start = count - replaced
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        pwrite(descriptor, buffer.baseAddress.map { $0 + done }, bytes.count - done, off_t(start + done))
      }
      if written < 0, errno == EINTR { continue }
      guard written >= 0 else { throw FileError.errno(errno, path, "be written") }
      done += written
    }
    count = start + bytes.count
  }
}
