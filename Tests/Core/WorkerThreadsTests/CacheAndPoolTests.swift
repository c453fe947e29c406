import Foundation
import Synchronization
import Testing
import WorkerThreads

@Test func `a cache drops what was used least recently once it costs too much`() {
  let cache = LRUCache<String, Int>(capacity: 10)
  var made: [String] = []
  func value(_ key: String, cost: Int) -> Int {
    cache.value(for: key, cost: { _ in cost }) {
      made.append(key)
      return made.count
    }
  }
  #expect(value("a", cost: 4) == 1)
  #expect(value("b", cost: 4) == 2)
  #expect(value("a", cost: 4) == 1)
  #expect(value("c", cost: 4) == 3)
  #expect(value("a", cost: 4) == 1)
  #expect(value("b", cost: 4) == 4)
  // One entry is kept whatever it costs.
  #expect(value("large", cost: 100) == 5)
  #expect(value("large", cost: 100) == 5)
  #expect(made == ["a", "b", "c", "b", "large"])
}

@Test func `a value that cannot be made is not kept`() throws {
  struct Missing: Error {}
  let cache = LRUCache<Int, Int>(capacity: 1)
  #expect(throws: Missing.self) { try cache.value(for: 1) { throw Missing() } }
  #expect(try cache.value(for: 1) { 7 } == 7)
}

private final class Decoder {
  let key: String
  init(_ key: String) { self.key = key }
}

@Test func `a resource has one user at a time and is used again`() throws {
  let pool = ResourcePool<String, Decoder>(maximumIdle: 2)
  let made = Mutex(0)
  let users = Mutex<[ObjectIdentifier: Int]>([:])
  DispatchQueue.concurrentPerform(iterations: 200) { index in
    try? pool.withResource("video") {
      made.withLock { $0 += 1 }
      return Decoder("video")
    } _: { decoder in
      let id = ObjectIdentifier(decoder)
      users.withLock { $0[id, default: 0] += 1 }
      usleep(100)
      users.withLock {
        #expect($0[id] == 1)
        $0[id] = 0
      }
    }
  }
  #expect(pool.idleCount <= 2)
  #expect(made.withLock { $0 } < 200)
}

@Test func `a pool keeps the resources used last and none that failed`() throws {
  struct Broken: Error {}
  let pool = ResourcePool<String, Decoder>(maximumIdle: 2)
  for key in ["a", "b", "c", "b"] { #expect(try pool.withResource(key, make: { Decoder(key) }) { $0.key } == key) }
  #expect(pool.idleCount == 2)
  #expect(throws: Broken.self) { try pool.withResource("c", make: { Decoder("c") }) { _ in throw Broken() } }
  #expect(pool.idleCount == 1)
  pool.setMaximumIdle { _ in 0 }
  #expect(pool.idleCount == 0)
}

@Test func `no more resources are in use than allowed`() {
  let pool = ResourcePool<Int, Decoder>(maximumIdle: 8, maximumInUse: 2)
  let inUse = Mutex((now: 0, most: 0))
  DispatchQueue.concurrentPerform(iterations: 16) { index in
    try? pool.withResource(0, make: { Decoder("") }) { _ in
      inUse.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
      usleep(2000)
      inUse.withLock { $0.now -= 1 }
    }
  }
  #expect(inUse.withLock { $0.most } <= 2)
}
