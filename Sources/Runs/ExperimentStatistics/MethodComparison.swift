import Failures

/// One training run of an arm, and the outcomes of its evaluation.
public struct EvaluatedRun: Sendable, Equatable {
  /// The training seed.
  public let seed: Int
  /// Whether each episode reached the goal, in the order that all runs of an experiment share.
  public let successes: [Bool]

  public init(seed: Int, successes: [Bool]) {
    self.seed = seed
    self.successes = successes
  }
}

/// The direction of a difference that the data shows, or that it shows none.
public enum Answer: Sendable, Equatable {
  case better, worse, cannotTell
}

/// What a comparison is about: two methods if each was trained with several seeds, otherwise two checkpoints.
public enum Verdict: Sendable, Equatable {
  case methods(Answer)
  case checkpoints(Answer)
}

/// A comparison of two arms, each trained with the same seeds and evaluated on the same episodes.
///
/// The unit is the training run. The difference of the arms' run means has a t interval over runs with a pooled variance
/// and 2S − 2 degrees of freedom for S seeds. A difference is announced if both that t test and McNemar's exact test over
/// all paired episodes reject equality; so p is the larger of the two.
///
/// In the simulation of `make statistics` equal methods are announced as different in at most 5 % of experiments at every
/// spread of training runs: 1 … 3 % if runs of a method do not differ, close to 5 % if they do. If one arm's runs vary
/// three times as much as the other's, it is 7 %.
///
/// Differences and intervals are shares, −1 … 1: 0.02 is two points.
public struct MethodComparison: Sendable {
  /// One seed's two runs, paired by episode, treatment first.
  public struct SeedPairs: Sendable {
    public let seed: Int
    public let pairs: PairedSuccesses

    public init(seed: Int, pairs: PairedSuccesses) {
      self.seed = seed
      self.pairs = pairs
    }
  }

  /// The pairs by training seed; their differences are for display, because a test of so few has less power.
  public let bySeed: [SeedPairs]
  /// The pairs of all seeds.
  public let pairs: PairedSuccesses
  /// The t over the arms' runs; nil with one seed.
  public let runs: PooledT?
  /// With one seed, the evidence of its pairs in their order, which may be looked at more than once; nil otherwise, and
  /// where the order is not known.
  public private(set) var evidence: PairedEProcess?

  /// Compares the runs of two arms.
  public init(_ treatment: [EvaluatedRun], against baseline: [EvaluatedRun]) throws {
    let others = Dictionary(baseline.map { ($0.seed, $0) }, uniquingKeysWith: { one, _ in one })
    guard others.count == baseline.count, Set(treatment.map(\.seed)).count == treatment.count else {
      throw Failure("a training seed occurs twice in an arm, so its runs are not independent")
    }
    guard Set(treatment.map(\.seed)) == Set(others.keys) else {
      throw Failure("the arms have different training seeds, so their runs cannot be paired")
    }
    try self.init(
      bySeed: treatment.map { run in
        guard let other = others[run.seed], other.successes.count == run.successes.count else {
          throw Failure("the runs of training seed \(run.seed) have different numbers of episodes")
        }
        return SeedPairs(seed: run.seed, pairs: PairedSuccesses(zip(run.successes, other.successes)))
      })
    if treatment.count == 1, let run = treatment.first, let other = others[run.seed] {
      var evidence = PairedEProcess()
      for (one, another) in zip(run.successes, other.successes) { evidence.add(first: one, second: another) }
      self.evidence = evidence
    }
  }

  /// Compares arms whose episodes are already paired.
  public init(bySeed: [SeedPairs]) throws {
    guard let first = bySeed.first, first.pairs.count > 0 else { throw Failure("there is no episode to compare") }
    guard bySeed.allSatisfy({ $0.pairs.count == first.pairs.count }) else {
      throw Failure("the training seeds have different numbers of episodes")
    }
    self.bySeed = bySeed
    pairs = bySeed.dropFirst().reduce(first.pairs) { $0 + $1.pairs }
    runs = bySeed.count < 2 ? nil : PooledT(bySeed.map(\.pairs.first.share), bySeed.map(\.pairs.second.share))
  }

  /// The treatment's mean share of successes less the baseline's.
  public var difference: Double { pairs.difference }

  /// The larger p of the two tests; McNemar's with one seed.
  public var p: Double { max(pairs.p, runs?.p() ?? 0) }

  /// The interval at 95 %.
  public var interval: ClosedRange<Double> { interval(level: 0.95) }

  /// The interval to print at a level of 0 … 1: at each end the wider of the t interval over runs and Newcombe's interval
  /// over pairs.
  ///
  /// It excludes zero where both tests reject, so it agrees with the answer, apart from the slight difference between
  /// Newcombe's interval and McNemar's exact test. The price is that it covers too often where runs hardly differ, 98 …
  /// 99 % with two or three seeds. No interval that agrees with the answer covers less there: it excludes zero only when
  /// a difference is announced, and equal methods are announced as different in 1 … 2 % of experiments. The t interval
  /// alone, `runs.interval`, covers 95 % at every spread of runs, but may exclude zero where nothing is announced.
  public func interval(level: Double) -> ClosedRange<Double> {
    let paired = pairs.interval(level: level)
    guard let unpaired = runs?.interval(level: level) else { return paired }
    return min(paired.lowerBound, unpaired.lowerBound)...max(paired.upperBound, unpaired.upperBound)
  }

  /// The verdict at a level of 0 … 1; with one seed it is McNemar's, about two checkpoints.
  public func verdict(alpha: Double = 0.05) -> Verdict { verdict(p: p, alpha: alpha) }

  /// The verdict for a p that was adjusted for several comparisons.
  func verdict(p: Double, alpha: Double) -> Verdict {
    let answer: Answer = p >= alpha || difference == 0 ? .cannotTell : difference > 0 ? .better : .worse
    return runs == nil ? .checkpoints(answer) : .methods(answer)
  }
}
