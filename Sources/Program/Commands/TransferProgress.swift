import Foundation
import HuggingFaceHub
import Synchronization
import TerminalOutput

/// Shows transfers to and from the hub as progress bars, unless `HF_HUB_DISABLE_PROGRESS_BARS` is set as Python reads it.
enum TransferProgress {
  static func shown<Value>(_ body: () throws -> Value) rethrows -> Value {
    let disabled = ProcessInfo.processInfo.environment["HF_HUB_DISABLE_PROGRESS_BARS"]?.uppercased() ?? ""
    let hidesBars = ["1", "ON", "YES", "TRUE"].contains(disabled)
    return try HubProgress.$observer.withValue(hidesBars ? silent : observer) { try body() }
  }

  private static let observer = HubProgress.Observer(
    start: { label, total in
      let bar = Mutex(ProgressBar(label, total: total, unit: .bytes))
      return { bytes in
        bar.withLock { bar in
          if let bytes { bar.update(bytes) } else { bar.finish() }
        }
      }
    }, wait: { say("waiting: " + $0) })

  /// Without bars; that the program waits is said all the same.
  private static let silent = HubProgress.Observer(start: { _, _ in { _ in } }, wait: observer.wait)
}
