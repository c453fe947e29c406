import Foundation
import Synchronization
import Testing

@testable import WorkerThreads

private struct Damaged: Error {}

private final class ConcurrencyCounter: Sendable {
  let live = Mutex((now: 0, most: 0))
  func enter() { live.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
  func leave() { live.withLock { $0.now -= 1 } }
  var most: Int { live.withLock { $0.most } }
}

@Test(arguments: [0, 1, 3, 8])
func `batches come in order whatever the number of threads`(workers: Int) throws {
  let loader = OrderedPrefetcher(steps: 5..<60, workers: workers, ahead: 4) { step -> Int in
    usleep(UInt32((step * 7919) % 5) * 300)
    return step * step
  }
  for step in 5..<60 { #expect(try loader.next() == step * step) }
  #expect(try loader.next() == nil)
  #expect(try loader.next() == nil)
}

@Test func `no more batches exist than were allowed`() throws {
  let counter = ConcurrencyCounter()
  let loader = OrderedPrefetcher(steps: 0..<1000, workers: 6, ahead: 3) { step -> Int in
    counter.enter()
    return step
  }
  usleep(100_000)
  #expect(counter.most == 3 && loader.readyCount == 3)
  _ = try loader.next()
  usleep(100_000)
  #expect(counter.most == 4 && loader.readyCount == 3)
}

@Test func `an error in a thread comes out in its turn and stays`() throws {
  for workers in [0, 4] {
    let loader = OrderedPrefetcher(steps: 0..<50, workers: workers, ahead: 8) { step -> Int in
      if step == 3 { throw Damaged() }
      return step
    }
    for step in 0..<3 { #expect(try loader.next() == step) }
    for _ in 0..<2 { #expect(throws: Damaged.self) { _ = try loader.next() } }
  }
}

@Test func `stopping or dropping a loader ends its threads`() throws {
  let counter = ConcurrencyCounter()
  for drop in [false, true] {
    var loader: OrderedPrefetcher<Int>? = OrderedPrefetcher(steps: 0..<1000, workers: 4, ahead: 8) { step in
      counter.enter()
      defer { counter.leave() }
      usleep(2000)
      return step
    }
    _ = try loader?.next()
    if !drop {
      loader?.stop()
      #expect(throws: CancellationError.self) { try loader?.next() }
    }
    loader = nil
    #expect(counter.live.withLock { $0.now } == 0)
  }
}

@Test func `waiting is counted and ready batches cost none`() throws {
  let slow = OrderedPrefetcher(steps: 0..<3, workers: 1, ahead: 1) { step -> Int in
    usleep(30_000)
    return step
  }
  while try slow.next() != nil {}
  #expect(slow.stallSeconds > 0.05)
  let quick = OrderedPrefetcher(steps: 0..<4, workers: 2, ahead: 4) { $0 }
  usleep(50_000)
  while try quick.next() != nil {}
  #expect(quick.stallSeconds < 0.02)
}

@Test func `eight workers run eight loads at once`() throws {
  let counter = ConcurrencyCounter()
  let loader = OrderedPrefetcher(steps: 0..<64, workers: 8) { step -> Int in
    counter.enter()
    defer { counter.leave() }
    usleep(20_000)
    return step
  }
  while try loader.next() != nil {}
  #expect(counter.most == 8)
}
