import CounterBasedRandom
import ExperimentStatistics
import Foundation

/// One simulated experiment: every arm's runs, evaluated on the same initial states.
struct SimulatedExperiment {
  /// An arm's true difference from the baseline, and its effect on the logit.
  struct Arm: Sendable {
    let difference: Double
    let effect: Double
  }

  /// Each arm's pairs with the baseline, by training seed.
  let pairs: [[MethodComparison.SeedPairs]]
  /// The first seed's outcomes of the baseline and of each arm, in the order of evaluation, in which tasks take turns.
  let baselineEpisodes: Episodes, armEpisodes: [Episodes]

  init(_ model: ExperimentModel, arms: [Arm], seeds: Int, random: CountedRandom) {
    let tasks = model.taskLogits.count
    let states = random.at("initial states").normals(count: tasks * ExperimentModel.episodesPerTask)
    let odds = states.enumerated().map { exp(-(model.taskLogits[$0 % tasks] + Double($1))) }
    let effects = random.at("runs").normals(count: seeds * (arms.count + 1)).map(Double.init)
    let baseline = (0..<seeds).map { seed in
      Episodes(failureOdds: odds, effect: effects[seed] * model.baselineDeviation, random.at(0, seed))
    }
    let runs = arms.enumerated().map { index, arm in
      (0..<seeds).map { seed in
        let run = effects[(index + 1) * seeds + seed] * model.armDeviation
        return Episodes(failureOdds: odds, effect: arm.effect + run, random.at(index + 1, seed))
      }
    }
    pairs = runs.map { runs in
      (0..<seeds).map { MethodComparison.SeedPairs(seed: $0, pairs: PairedSuccesses(runs[$0], baseline[$0])) }
    }
    baselineEpisodes = baseline[0]
    armEpisodes = runs.map { $0[0] }
  }

  /// An arm compared with the baseline after the first `seeds` training seeds.
  func comparison(arm: Int, seeds: Int) throws -> MethodComparison {
    try MethodComparison(bySeed: Array(pairs[arm].prefix(seeds)))
  }
}

/// Outcomes of a run's episodes, one bit each, because counting pairs of bits takes almost no time.
struct Episodes {
  let count: Int
  private(set) var words: [UInt64]

  /// Draws every episode's outcome.
  ///
  /// - Parameters:
  ///   - failureOdds: the odds against success of a run without effect, by episode.
  ///   - effect: the run's and its arm's effect on the logit.
  init(failureOdds: [Double], effect: Double, _ random: CountedRandom) {
    count = failureOdds.count
    words = Array(repeating: 0, count: (count + 63) / 64)
    let factor = exp(-effect)
    for block in 0..<((count + 3) / 4) {
      let draw = random.words(block)
      for (offset, word) in [draw.0, draw.1, draw.2, draw.3].enumerated() where 4 * block + offset < count {
        let index = 4 * block + offset
        // A uniform number below 1 / (1 + odds).
        let isSuccess = (Double(word) + 0.5) * 0x1p-32 * (1 + failureOdds[index] * factor) < 1
        if isSuccess { words[index / 64] |= 1 << UInt64(index % 64) }
      }
    }
  }

  subscript(index: Int) -> Bool { words[index / 64] >> UInt64(index % 64) & 1 == 1 }
}

extension PairedSuccesses {
  init(_ first: Episodes, _ second: Episodes) {
    var (both, onlyFirst, onlySecond) = (0, 0, 0)
    for (one, other) in zip(first.words, second.words) {
      both += (one & other).nonzeroBitCount
      onlyFirst += (one & ~other).nonzeroBitCount
      onlySecond += (other & ~one).nonzeroBitCount
    }
    self.init(
      both: both, onlyFirst: onlyFirst, onlySecond: onlySecond, neither: first.count - both - onlyFirst - onlySecond)
  }
}
