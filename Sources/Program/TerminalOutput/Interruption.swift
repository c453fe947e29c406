@preconcurrency import Dispatch
import Foundation
import Synchronization

/// A request to stop, from Ctrl-C, `kill` or a closed terminal: work looks at it between steps, saves and leaves; a second
/// one ends at once.
public final class Interruption: Sendable {
  private let requested = Atomic<Int32>(0)
  private let count = Atomic<Int>(0)
  private let numbers: [Int32]
  private let sources: [DispatchSourceSignal]

  /// Listens for SIGINT, SIGTERM and, unless `nohup` asked to ignore it, SIGHUP from here on.
  ///
  /// - Parameter endsOnSecond: whether the second request ends this process; if not, `requests` tells of it.
  public init(endsOnSecond: Bool = true) {
    let requests = DispatchQueue(label: "interruption")
    let hangUp = signal(SIGHUP, SIG_IGN)
    let isHangUpIgnored = unsafeBitCast(hangUp, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    numbers = [SIGINT, SIGTERM] + (isHangUpIgnored ? [] : [SIGHUP])
    sources = numbers.map { number in
      signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: requests)
    }
    for (source, number) in zip(sources, numbers) {
      source.setEventHandler { [weak self] in
        guard let self else { return }
        self.requested.store(number, ordering: .relaxed)
        let isFirst = self.count.wrappingAdd(1, ordering: .relaxed).oldValue == 0
        if endsOnSecond, !isFirst { _exit(128 + number) }
      }
      source.activate()
    }
  }

  deinit {
    for (source, number) in zip(sources, numbers) {
      source.cancel()
      signal(number, SIG_DFL)
    }
  }

  /// How often it was asked for.
  public var requests: Int { count.load(ordering: .relaxed) }

  /// The signal that asked to stop, if one did.
  public var signalNumber: Int32? {
    let number = requested.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}
