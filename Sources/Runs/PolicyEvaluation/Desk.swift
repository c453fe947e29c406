import Foundation

/// Where slots and planner meet: it hands out episodes, keeps results, and gathers those who wait for a plan.
final class Desk: @unchecked Sendable {
  // What follows belongs to whoever holds this lock.
  private let lock = NSCondition()
  private var agenda: Agenda
  private var results: [EpisodeResult] = []
  private var waiting: [Slot] = []
  private var atWork: Int

  /// A desk for some slots that are all at work.
  init(_ agenda: Agenda, slots: Int) {
    self.agenda = agenda
    atWork = slots
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    lock.lock()
    defer { lock.unlock() }
    return body()
  }

  // MARK: Slots, on any thread

  /// The next episode, whoever asks first.
  func nextEpisode() -> Agenda.Item? { locked { agenda.next() } }

  /// Keeps how an episode ended.
  func note(_ result: EpisodeResult) { locked { results.append(result) } }

  /// A task that no environment can be made for costs its own episodes, not the other tasks'.
  func giveUp(_ item: Agenda.Item, _ problem: String) {
    locked {
      for lost in [item] + agenda.remaining(of: item.task) {
        results.append(EpisodeResult(task: lost.task, episode: lost.episode, problem: problem))
      }
    }
  }

  /// A slot stops working: it waits for a plan, or there was no episode left for it.
  func handIn(_ slot: Slot) {
    locked {
      atWork -= 1
      if slot.request != nil { waiting.append(slot) }
      lock.signal()
    }
  }

  // MARK: The planner, on its one thread

  /// Those who wait, as many as the planner gathers; nil when nobody waits and nobody works. They go back to work.
  ///
  /// - Parameter patience: seconds that the first who waits is kept waiting for those who still work.
  func takeWaiting(_ gathering: Gathering, patience: Double) -> [Slot]? {
    locked {
      while waiting.isEmpty && atWork > 0 { lock.wait() }
      guard !waiting.isEmpty else { return nil }
      switch gathering {
      case .everyone:
        while atWork > 0 { lock.wait() }
        return takeFirst(waiting.count)
      case .upTo(let count):
        let end = Date(timeIntervalSinceNow: patience)
        while atWork > 0, waiting.count < count, lock.wait(until: end) {}
        return takeFirst(min(count, waiting.count))
      }
    }
  }

  /// Gives those who have waited longest back to work; belongs to whoever holds the lock.
  private func takeFirst(_ count: Int) -> [Slot] {
    let taken = Array(waiting.prefix(count))
    waiting.removeFirst(count)
    atWork += count
    return taken
  }

  /// Results so far, in the order in which episodes ended.
  var ended: [EpisodeResult] { locked { results } }

  /// No episode is begun from here on.
  func close() { locked { agenda.clear() } }
}
