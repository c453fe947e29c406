import CounterBasedRandom

/// An arm's success rates by task and training run, summarized as in Agarwal et al., "Deep Reinforcement Learning at the
/// Edge of the Statistical Precipice" (2021).
public struct TaskScores: Sendable, Equatable {
  /// Success rates, 0 … 1, of each task's runs; tasks may have different numbers of runs.
  public let byTask: [[Double]]

  public init(byTask: [[Double]]) {
    precondition(!byTask.isEmpty && byTask.allSatisfy { !$0.isEmpty }, "every task has a run")
    self.byTask = byTask
  }

  /// The mean of the middle half of all tasks' runs; a quarter of the values, rounded down, goes at each end.
  public var interquartileMean: Double {
    let sorted = byTask.flatMap(\.self).sorted()
    let cut = sorted.count / 4
    return Array(sorted[cut..<(sorted.count - cut)]).mean
  }

  /// How often a run of this arm scores higher than one of `other` on a task, the mean over tasks: Mann–Whitney's U divided
  /// by the number of pairs, in which a tie counts one half.
  public func probabilityOfImprovement(over other: TaskScores) -> Double {
    precondition(byTask.count == other.byTask.count, "both arms have the same tasks")
    return zip(byTask, other.byTask).map { mine, theirs in
      let wins = mine.reduce(0.0) { sum, score in
        theirs.reduce(sum) { $0 + (score > $1 ? 1 : score == $1 ? 0.5 : 0) }
      }
      return wins / Double(mine.count * theirs.count)
    }.mean
  }

  /// Runs drawn with replacement, separately for each task.
  fileprivate func resampled(_ random: CountedRandom) -> TaskScores {
    TaskScores(
      byTask: byTask.enumerated().map { task, scores in
        let random = random.at(task)
        return scores.indices.map { scores[random.integer($0, below: scores.count)] }
      })
  }
}

/// Percentile intervals from runs that are drawn with replacement within each task.
///
/// With a handful of runs they are too narrow, so they describe the spread of the data and decide nothing.
public struct StratifiedBootstrap: Sendable {
  /// The number of resamples.
  public let count: Int
  /// Equal seeds give equal intervals.
  public let seed: Int

  public init(count: Int = 2000, seed: Int = 0) {
    precondition(count > 0, "an interval needs resamples")
    self.count = count
    self.seed = seed
  }

  /// The interval of a summary of one arm.
  public func interval(
    of scores: TaskScores, level: Double = 0.95, _ summary: (TaskScores) -> Double
  ) -> ClosedRange<Double> {
    let random = CountedRandom(seed: seed, "bootstrap")
    return percentiles((0..<count).map { summary(scores.resampled(random.at($0))) }, level)
  }

  /// The interval of a summary of two arms, which are drawn independently.
  public func interval(
    of first: TaskScores, _ second: TaskScores, level: Double = 0.95, _ summary: (TaskScores, TaskScores) -> Double
  ) -> ClosedRange<Double> {
    let random = (CountedRandom(seed: seed, "first"), CountedRandom(seed: seed, "second"))
    return percentiles(
      (0..<count).map { summary(first.resampled(random.0.at($0)), second.resampled(random.1.at($0))) }, level)
  }

  private func percentiles(_ values: [Double], _ level: Double) -> ClosedRange<Double> {
    let sorted = values.sorted()
    return sorted.quantile((1 - level) / 2)...sorted.quantile((1 + level) / 2)
  }
}

extension [Double] {
  /// The quantile of sorted values, interpolated linearly as NumPy does.
  func quantile(_ p: Double) -> Double {
    let position = p * Double(count - 1)
    let index = Int(position)
    let next = Swift.min(index + 1, count - 1)
    return self[index] + (position - Double(index)) * (self[next] - self[index])
  }
}
