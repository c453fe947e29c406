import Foundation

/// Starts a thread under a name, at most 15 characters, that debuggers and profiles show.
public func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
  let thread = Thread {
    // `Thread.name` does not reach the system on Linux.
    try? Data(name.utf8).write(to: URL(fileURLWithPath: "/proc/thread-self/comm"))
    body()
  }
  thread.stackSize = 8 << 20
  thread.start()
}
