import Foundation
import ModelFiles
import Synchronization

/// SHA-256 of files, computed once for each state of a file, because weights are gigabytes and are asked for often.
public final class FileHashes: Sendable {
  private let known = Mutex<[String: String]>([:])

  public init() {}

  func sha256(of url: URL) throws -> String {
    guard let state = url.fileState else { return try MappedFile(url).sha256 }
    if let hash = known.withLock({ $0[state] }) { return hash }
    let hash = try MappedFile(url).sha256
    known.withLock { $0[state] = hash }
    return hash
  }
}

extension URL {
  /// What changes when a file is written or replaced: its path, number, size and time; nil if it is not there.
  var fileState: String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return "\(path) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
