import Synchronization

/// Values that any thread may look up; the least recently used are dropped when their total cost exceeds the capacity.
public final class LRUCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry {
    let key: Key, value: Value
    let cost: Int
  }

  /// The total cost that is kept; the entry used last is kept whatever it costs.
  public let capacity: Int
  private let entries = Mutex<[Entry]>([])

  public init(capacity: Int) { self.capacity = capacity }

  /// Returns the value of `key`, calling `make` if the cache does not have it.
  ///
  /// `make` runs without a lock: two threads may both make a value, which costs time and is otherwise harmless.
  public func value(
    for key: Key, cost: (Value) throws -> Int = { _ in 1 }, make: () throws -> Value
  ) rethrows -> Value {
    if let found = entries.withLock({ Self.use(key, in: &$0) }) { return found }
    let value = try make()
    let entry = Entry(key: key, value: value, cost: try cost(value))
    // Destroyed here, after the lock is released.
    _ = entries.withLock { insert(entry, in: &$0) }
    return value
  }

  private static func use(_ key: Key, in entries: inout [Entry]) -> Value? {
    guard let index = entries.lastIndex(where: { $0.key == key }) else { return nil }
    let entry = entries.remove(at: index)
    entries.append(entry)
    return entry.value
  }

  private func insert(_ entry: Entry, in entries: inout [Entry]) -> [Entry] {
    entries.append(entry)
    var surplus = entries.reduce(0) { $0 + $1.cost } - capacity
    var count = 0
    while surplus > 0, count < entries.count - 1 {
      surplus -= entries[count].cost
      count += 1
    }
    defer { entries.removeFirst(count) }
    return Array(entries.prefix(count))
  }
}
