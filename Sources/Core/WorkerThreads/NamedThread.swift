import Failures
import Foundation

/// Starts a thread under a name, at most 15 characters, that debuggers and profiles show.
///
/// - Returns: false if the system has no room for another thread; then `body` is not called.
public func startThread(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
  guard let thread = pthread(named: name, body) else { return false }
  pthread_detach(thread)
  return true
}

/// Fails unless so many more threads can be started now, because engines that miss one wait for it forever or blame a file.
public func requireThreads(_ count: Int) throws {
  let gate = DispatchSemaphore(value: 0)
  var threads: [pthread_t] = []
  defer {
    for _ in threads { gate.signal() }
    for thread in threads { pthread_join(thread, nil) }
  }
  while threads.count < count {
    guard let thread = pthread(named: "room", { gate.wait() }) else {
      throw Failure(
        "\(count) more threads are needed and only \(threads.count) can be started; raise the limit on processes or memory "
          + "(`ulimit -u`, `ulimit -v`, or the container's), or use fewer")
    }
    threads.append(thread)
  }
}

private func pthread(named name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setstacksize(&attributes, 8 << 20)
  let work = Unmanaged.passRetained(ThreadWork(name: name, body: body))
  var thread = pthread_t()
  let status = pthread_create(
    &thread, &attributes,
    { argument in
      guard let argument else { return nil }
      let work = Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue()
      try? Data(work.name.utf8).write(to: URL(fileURLWithPath: "/proc/thread-self/comm"))
      work.body()
      return nil
    }, work.toOpaque())
  guard status == 0 else {
    work.release()
    return nil
  }
  return thread
}

/// What a thread is to do, as the object that C passes it.
private final class ThreadWork: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    (self.name, self.body) = (name, body)
  }
}
