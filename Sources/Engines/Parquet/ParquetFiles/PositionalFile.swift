import Failures
import Foundation

/// A file open for reading at any place. Any thread may read; the kernel is told not to read ahead.
public final class PositionalFile: Sendable {
  public let url: URL
  let size: Int
  private let descriptor: Int32

  /// Opens a file.
  ///
  /// - Throws: `Failure`, if it cannot be opened.
  public init(_ url: URL) throws {
    descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure("\(url.path) could not be opened: \(String(cString: strerror(errno)))") }
    var status = stat()
    size = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM)
    self.url = url
  }

  deinit { close(descriptor) }

  /// The bytes of a range, cut where the file ends.
  func read(_ range: Range<Int>) throws -> [UInt8] {
    let wanted = range.clamped(to: 0..<size)
    return try [UInt8](unsafeUninitializedCapacity: wanted.count) { buffer, done in
      while done < wanted.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[done...])
        let found = pread(descriptor, rest.baseAddress, rest.count, off_t(wanted.lowerBound + done))
        if found < 0, errno == EINTR { continue }
        guard found > 0 else {
          let reason = found == 0 ? "it was cut short" : String(cString: strerror(errno))
          throw Failure("\(url.path) could not be read: \(reason)")
        }
        done += found
      }
    }
  }
}
