import Foundation
import Synchronization

/// A request to stop, from Ctrl-C, `kill` or a closed terminal: work looks at it between steps, saves and leaves; a second
/// one ends at once, whatever the program waits for.
///
/// Signals belong to the process, so it has one of these at a time.
public final class Interruption: Sendable {
  private let numbers: [Int32]

  /// Listens for SIGINT, SIGTERM and, unless `nohup` asked to ignore it, SIGHUP from here on.
  ///
  /// - Parameter endsOnSecond: whether the second request ends this process; if not, `requests` tells of it.
  public init(endsOnSecond: Bool = true) {
    received.start(endsOnSecond: endsOnSecond)
    let hangUp = signal(SIGHUP, SIG_IGN)
    let isHangUpIgnored = unsafeBitCast(hangUp, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    numbers = [SIGINT, SIGTERM] + (isHangUpIgnored ? [] : [SIGHUP])
    // Not a Dispatch source, which needs a thread: signals must end a program that can start none.
    for number in numbers { signal(number) { received.add($0) } }
    // A parent's thread that blocks signals, as Dispatch's do, leaves them blocked here.
    var unblocked = sigset_t()
    sigemptyset(&unblocked)
    for number in numbers { sigaddset(&unblocked, number) }
    pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
  }

  deinit {
    for number in numbers { signal(number, SIG_DFL) }
  }

  /// How often it was asked for.
  public var requests: Int { received.count.load(ordering: .relaxed) }

  /// The signal that asked to stop, if one did.
  public var signalNumber: Int32? {
    let number = received.number.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}

/// What the handler writes, which may do nothing but atomic operations and `_exit`.
private struct ReceivedSignals: ~Copyable, Sendable {
  let number = Atomic<Int32>(0)
  let count = Atomic<Int>(0)
  let endsOnSecond = Atomic<Bool>(true)

  func start(endsOnSecond: Bool) {
    number.store(0, ordering: .relaxed)
    count.store(0, ordering: .relaxed)
    self.endsOnSecond.store(endsOnSecond, ordering: .relaxed)
  }

  func add(_ signal: Int32) {
    number.store(signal, ordering: .relaxed)
    let isFirst = count.wrappingAdd(1, ordering: .relaxed).oldValue == 0
    if !isFirst, endsOnSecond.load(ordering: .relaxed) { _exit(128 + signal) }
  }
}

/// A signal handler has no context but the process.
private let received = ReceivedSignals()
