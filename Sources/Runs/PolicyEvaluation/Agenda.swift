/// Episodes that nobody has begun yet, task after task in order.
struct Agenda {
  /// One episode to be played.
  struct Item: Equatable {
    let task: String
    let episode: Int
  }

  private var items: [Item]

  /// All episodes of some tasks.
  init(tasks: [String], episodes: Int) {
    items = tasks.flatMap { task in (0..<episodes).map { Item(task: task, episode: $0) } }.reversed()
  }

  /// Takes the next one; nil when all have been taken.
  mutating func next() -> Item? { items.popLast() }

  /// Takes all that are left of a task, in order.
  mutating func remaining(of task: String) -> [Item] {
    defer { items.removeAll { $0.task == task } }
    return items.filter { $0.task == task }.reversed()
  }

  /// Takes all.
  mutating func clear() { items = [] }
}
