import Failures

extension LeRobotDataset {
  /// Tasks of the selected frames that share their words, which a policy cannot tell apart; each group by index.
  ///
  /// - Throws: if frames have a task without words, or a task that their episode does not list.
  public func checkInstructions() throws -> [[Int]] {
    let used = Set(table.taskIndices.map(Int.init))
    let file = metadata.layout == .sharedFiles ? "tasks.parquet" : "tasks.jsonl"
    if let empty = used.sorted().first(where: { tasks[$0]?.allSatisfy(\.isWhitespace) ?? true }) {
      throw Failure(
        "task \(empty) of \(root.path) has no instruction, so a policy would learn to ignore instructions; write it into "
          + "meta/\(file)")
    }
    for (episode, start) in zip(episodes, starts) where !episode.tasks.isEmpty {
      let index = Int(table.taskIndices[start])
      guard let words = tasks[index], !episode.tasks.contains(words) else { continue }
      throw Failure(
        "episode \(episode.index) of \(root.path) is of \"\(episode.tasks[0].prefix(60))\", and its frames have task \(index), "
          + "\"\(words.prefix(60))\"; meta/\(file), meta/episodes and data contradict each other")
    }
    let groups = Dictionary(grouping: used.sorted()) { tasks[$0] ?? "" }
    return groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
  }
}
