import Foundation
import ParquetFiles
import WorkerThreads

/// The data files of the selected episodes; those used last stay open.
///
/// Version 2 has one for each episode, more than a process may have open. Any thread may call it.
final class DataFiles: Sendable {
  let urls: [URL]
  private let open: LRUCache<Int, ParquetFile>
  private let positional: LRUCache<Int, PositionalFile>

  init(_ urls: [URL], capacity: Int = 64) {
    self.urls = urls
    open = LRUCache(capacity: capacity)
    positional = LRUCache(capacity: 4 * capacity)
  }

  /// Returns an open file by its number.
  func file(_ number: Int) throws -> ParquetFile {
    try open.value(for: number) { try ParquetFile(urls[number]) }
  }

  /// The same file, for reading at any place.
  func positionalFile(_ number: Int) throws -> PositionalFile {
    try positional.value(for: number) { try PositionalFile(urls[number]) }
  }

  /// The bytes of all files.
  func totalSize() -> Int {
    urls.reduce(0) {
      let size = try? FileManager.default.attributesOfItem(atPath: $1.path)[.size] as? Int
      return $0 + (size ?? 0)
    }
  }
}
