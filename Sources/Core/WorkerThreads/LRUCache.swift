import Synchronization

/// Values that any thread may look up; the least recently used are dropped when their total cost exceeds the capacity.
public final class LRUCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry {
    let value: Value
    let cost: Int
    var lastUse: Int
  }

  private struct Entries {
    var byKey: [Key: Entry] = [:]
    var cost = 0
    /// Counts uses.
    var clock = 0
  }

  /// The total cost that is kept; the entry used last is kept whatever it costs.
  public let capacity: Int
  private let entries = Mutex(Entries())

  public init(capacity: Int) { self.capacity = capacity }

  /// Returns the value of `key`, calling `make` if the cache does not have it.
  ///
  /// `make` runs without a lock: two threads may both make a value, which costs time and is otherwise harmless.
  public func value(
    for key: Key, cost: (Value) throws -> Int = { _ in 1 }, make: () throws -> Value
  ) rethrows -> Value {
    if let found = entries.withLock({ Self.use(key, in: &$0) }) { return found }
    let value = try make()
    let entry = Entry(value: value, cost: try cost(value), lastUse: 0)
    // Destroyed here, after the lock is released.
    _ = entries.withLock { insert(entry, key, in: &$0) }
    return value
  }

  private static func use(_ key: Key, in entries: inout Entries) -> Value? {
    entries.clock += 1
    entries.byKey[key]?.lastUse = entries.clock
    return entries.byKey[key]?.value
  }

  /// Returns what was dropped.
  private func insert(_ entry: Entry, _ key: Key, in entries: inout Entries) -> [Entry] {
    var dropped: [Entry] = []
    if let other = entries.byKey.updateValue(entry, forKey: key) { dropped.append(other) }
    _ = Self.use(key, in: &entries)
    entries.cost += entry.cost - (dropped.first?.cost ?? 0)
    while entries.cost > capacity, entries.byKey.count > 1 {
      guard let oldest = entries.byKey.min(by: { $0.value.lastUse < $1.value.lastUse })?.key,
        let entry = entries.byKey.removeValue(forKey: oldest)
      else { break }
      entries.cost -= entry.cost
      dropped.append(entry)
    }
    return dropped
  }
}
