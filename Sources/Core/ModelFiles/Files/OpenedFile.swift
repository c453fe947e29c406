import Foundation

/// Opens an ordinary file and gives its descriptor, which the caller closes, and its size.
func opened(_ url: URL) throws -> (descriptor: Int32, size: Int) {
  // A named pipe would be waited for until someone writes to it.
  let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw FileError.errno(errno, url.path, "be opened") }
  do {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError.errno(errno, url.path, "be examined") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError.invalid(url.path, "expected a file, found a folder, pipe or device")
    }
    return (descriptor, Int(status.st_size))
  } catch {
    close(descriptor)
    throw error
  }
}

/// Fails if an open file is no longer at its path, where what is written would be lost.
public func requireInPlace(_ descriptor: Int32, _ path: String) throws {
  var (opened, named) = (stat(), stat())
  guard fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino,
    opened.st_dev == named.st_dev
  else { throw FileError.invalid(path, "was removed or replaced while it was being written") }
}
