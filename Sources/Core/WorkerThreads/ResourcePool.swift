import Foundation
import Synchronization

/// Resources that one thread uses at a time, such as renderers and decoders; idle ones are kept for the next request.
public final class ResourcePool<Key: Hashable & Sendable, Resource>: Sendable {
  /// Unchecked because an idle resource has no user, and the thread that takes it out is its only one.
  private struct Idle: @unchecked Sendable {
    var resources: [(key: Key, resource: Resource)] = []
    var limit: Int
  }

  private let idle: Mutex<Idle>
  private let permits: DispatchSemaphore?

  /// Creates an empty pool.
  ///
  /// - Parameters:
  ///   - maximumIdle: the idle resources to keep; the least recently used are dropped first.
  ///   - maximumInUse: the resources that may be in use at once, nil for any number; further requests wait.
  public init(maximumIdle: Int, maximumInUse: Int? = nil) {
    idle = Mutex(Idle(limit: max(0, maximumIdle)))
    permits = maximumInUse.map { DispatchSemaphore(value: max(1, $0)) }
  }

  /// The number of idle resources.
  public var idleCount: Int { idle.withLock { $0.resources.count } }

  /// Runs `body` with a resource of its own: an idle one of this key, or one that `make` creates.
  ///
  /// A resource whose use throws is not kept.
  public func withResource<Value>(
    _ key: Key, make: () throws -> Resource, _ body: (Resource) throws -> Value
  ) throws -> Value {
    permits?.wait()
    defer { permits?.signal() }
    let resource = try take(key) ?? make()
    let value = try body(resource)
    let returned = Idle(resources: [(key, resource)], limit: 0)
    // Destroyed here, after the lock is released.
    _ = idle.withLock { idle in
      idle.resources += returned.resources
      return Self.dropSurplus(&idle)
    }
    return value
  }

  /// Changes the number of idle resources to keep.
  public func setMaximumIdle(_ change: (Int) -> Int) {
    _ = idle.withLock { idle in
      idle.limit = max(0, change(idle.limit))
      return Self.dropSurplus(&idle)
    }
  }

  private func take(_ key: Key) -> Resource? {
    let taken = idle.withLock { idle in
      let index = idle.resources.lastIndex { $0.key == key }
      return Idle(resources: index.map { [idle.resources.remove(at: $0)] } ?? [], limit: 0)
    }
    return taken.resources.first?.resource
  }

  private static func dropSurplus(_ idle: inout Idle) -> Idle {
    let surplus = max(0, idle.resources.count - idle.limit)
    defer { idle.resources.removeFirst(surplus) }
    return Idle(resources: Array(idle.resources.prefix(surplus)), limit: 0)
  }
}
