import Foundation
import ParquetFiles
import WorkerThreads

/// The data files of the selected episodes; those used last stay open.
///
/// Version 2 has one for each episode, more than a process may have open. Any thread may call it.
final class DataFiles: Sendable {
  let urls: [URL]
  private let open: LRUCache<Int, ParquetFile>

  init(_ urls: [URL], capacity: Int = 64) {
    self.urls = urls
    open = LRUCache(capacity: capacity)
  }

  /// Returns an open file by its number.
  func file(_ number: Int) throws -> ParquetFile {
    try open.value(for: number) { try ParquetFile(urls[number]) }
  }
}
