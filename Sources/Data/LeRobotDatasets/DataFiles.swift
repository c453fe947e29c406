import Failures
import ParquetFiles
import Foundation
import Synchronization

/// The data files that hold the selected episodes; those used last stay open.
///
/// Version 2 has as many as episodes, which are more than a process may hold open. Any thread may ask.
final class DataFiles: Sendable {
  let urls: [URL]
  private let capacity: Int
  private let kept = Mutex<[(number: Int, file: ParquetFile)]>([])

  init(_ urls: [URL], capacity: Int = 64) {
    self.urls = urls
    self.capacity = capacity
  }

  /// Opens a file, or finds it open.
  func file(_ number: Int) throws -> ParquetFile {
    let found = kept.withLock { kept -> ParquetFile? in
      guard let index = kept.lastIndex(where: { $0.number == number }) else { return nil }
      let entry = kept.remove(at: index)
      kept.append(entry)
      return entry.file
    }
    if let found { return found }
    // Opened outside the lock: two threads may both do it, which harms nothing.
    let file = try ParquetFile(urls[number])
    let surplus = kept.withLock { kept -> ParquetFile? in
      kept.append((number, file))
      return kept.count > capacity ? kept.removeFirst().file : nil
    }
    // Closed here, outside the lock.
    _ = surplus
    return file
  }
}
