import Foundation

/// An open file that is being written, closed when the last reference goes.
package final class WritableFile {
  package let path: String
  private let descriptor: Int32

  /// Creates the file at `path`, which must not exist, or opens the one that must.
  package init(_ path: String, creating: Bool) throws {
    let flags = O_RDWR | O_CLOEXEC | (creating ? O_CREAT | O_EXCL : 0)
    descriptor = open(path, flags, 0o666)
    guard descriptor >= 0 else {
      if creating, errno == ENOENT { throw FileError.missing((path as NSString).deletingLastPathComponent) }
      throw FileError.errno(errno, path, creating ? "be created" : "be opened for writing")
    }
    self.path = path
  }

  deinit { close(descriptor) }

  /// Keeps other processes of this program from writing the same file.
  package func lock() throws {
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw FileError.invalid(path, "another process is writing this file")
    }
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0, errno == EINTR { continue }
      guard written >= 0 else { throw FileError.errno(errno, path, "be written") }
      rest = rest.dropFirst(written)
    }
  }

  package func seek(to offset: Int) throws {
    guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw FileError.errno(errno, path, "be positioned") }
  }

  package func truncate(to count: Int) throws {
    guard ftruncate(descriptor, off_t(count)) == 0 else { throw FileError.errno(errno, path, "be cut to size") }
  }

  package func synchronize() throws {
    guard fsync(descriptor) == 0 else { throw FileError.errno(errno, path, "be flushed to the disk") }
  }

  /// Gives the finished file its final name; without `overwrite`, a file that stands there is an error.
  package func publish(as finalPath: String, overwrite: Bool) throws {
    try synchronize()
    if overwrite {
      guard rename(path, finalPath) == 0 else { throw FileError.errno(errno, finalPath, "be renamed into place") }
    } else if link(path, finalPath) == 0 {
      unlink(path)
    } else if errno == EEXIST || access(finalPath, F_OK) == 0 {
      throw FileError.exists(finalPath)
    } else {
      // Some file systems know no hard links.
      guard rename(path, finalPath) == 0 else { throw FileError.errno(errno, finalPath, "be renamed into place") }
    }
    let folder = open((finalPath as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }
}
