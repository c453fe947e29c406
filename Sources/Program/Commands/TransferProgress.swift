import Foundation
import HuggingFaceHub
import Synchronization
import TerminalOutput

/// Shows transfers to and from the hub as progress bars, unless `HF_HUB_DISABLE_PROGRESS_BARS` is set as Python reads it.
enum TransferProgress {
  static func shown<Value>(_ body: () throws -> Value) rethrows -> Value {
    let disabled = ProcessInfo.processInfo.environment["HF_HUB_DISABLE_PROGRESS_BARS"]?.uppercased() ?? ""
    guard !["1", "ON", "YES", "TRUE"].contains(disabled) else { return try body() }
    return try HubProgress.$observer.withValue(observer) { try body() }
  }

  private static let observer = HubProgress.Observer { label, total in
    let bar = Mutex(ProgressBar(label, total: total, unit: .bytes))
    return { bytes in
      bar.withLock { bar in
        if let bytes { bar.update(bytes) } else { bar.finish() }
      }
    }
  }
}
