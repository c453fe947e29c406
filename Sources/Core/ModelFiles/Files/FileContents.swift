import Foundation

/// A file's bytes, read at once; for logs, which another process may shorten meanwhile.
///
/// - Parameter last: how many bytes of the file's end; all of them without.
public func fileContents(_ url: URL, last: Int? = nil) throws -> [UInt8] {
  let (descriptor, size) = try opened(url)
  defer { close(descriptor) }
  let count = min(max(0, last ?? size), size)
  return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    while filled < count {
      let bytes = pread(
        descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(size - count + filled))
      if bytes < 0, errno == EINTR { continue }
      guard bytes >= 0 else { throw FileError.errno(errno, url.path, "be read") }
      // It became shorter.
      guard bytes > 0 else { return }
      filled += bytes
    }
  }
}
