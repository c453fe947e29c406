@preconcurrency import Dispatch
import Foundation
import Synchronization

/// A request to stop, from Ctrl-C or `kill`: work looks at it between steps, saves and leaves; a second one ends at once.
public final class Interruption: Sendable {
  private let requested = Atomic<Int32>(0)
  private let sources: [DispatchSourceSignal]

  /// Listens for SIGINT and SIGTERM from here on.
  public init() {
    let requests = DispatchQueue(label: "interruption")
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: requests)
    }
    for (source, number) in zip(sources, [SIGINT, SIGTERM]) {
      source.setEventHandler { [weak self] in
        guard let self else { return }
        if self.requested.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
      source.activate()
    }
  }

  /// The signal that asked to stop, if one did.
  public var signalNumber: Int32? {
    let number = requested.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}
