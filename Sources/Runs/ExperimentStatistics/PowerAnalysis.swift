/// What an experiment that is still to be run can find, and how many training seeds a difference takes.
///
/// All rates, deviations and differences are shares: 0.02 is two points. The model is that of `make statistics`: a run's
/// true success rate varies from seed to seed by an effect on the logit, and its episodes are binomial around it. So seeds
/// vary more, and episodes are noisier, the nearer the rate is to one half. The rule is that of `MethodComparison`. The power
/// is computed for normal distributions, and is within five points of the simulation's.
public struct PowerAnalysis: Sendable {
  public let tasks: Int, episodesPerTask: Int
  /// The baseline's expected success rate, between 0 and 1.
  public let baseline: Double
  /// The standard deviation of the true success rate between the baseline's training seeds.
  public let seedDeviation: Double
  /// The correlation φ of two runs' outcomes in the same episode. It is as large as initial states and tasks differ in
  /// difficulty, and it lowers the noise of a difference.
  public let pairCorrelation: Double
  public let alpha: Double

  public init(
    tasks: Int, episodesPerTask: Int, baseline: Double, seedDeviation: Double, pairCorrelation: Double = 0.2,
    alpha: Double = 0.05
  ) {
    precondition(
      tasks > 0 && episodesPerTask > 0 && seedDeviation >= 0, "there are episodes, and deviations are positive")
    precondition(baseline > 0 && baseline < 1, "a rate of 0 or 1 has no noise to plan with")
    precondition(pairCorrelation < 1, "runs that always agree have no noise to plan with")
    self.tasks = tasks
    self.episodesPerTask = episodesPerTask
    self.baseline = baseline
    self.seedDeviation = seedDeviation
    self.pairCorrelation = pairCorrelation
    self.alpha = alpha
  }

  /// How often a true difference is announced with the right sign; `difference` is the treatment's rate less the
  /// baseline's, and leaves the treatment's between 0 and 1.
  public func power(ofDifference difference: Double, seeds: Int) -> Double {
    precondition(seeds >= 2, "one seed compares two checkpoints")
    let treatment = baseline + difference
    guard treatment > 0, treatment < 1 else { return .nan }
    let variances = (runVariance(at: baseline), runVariance(at: treatment))
    let sum = variances.0 + variances.1
    let squares = variances.0 * variances.0 + variances.1 * variances.1
    let discordance = (noise(at: baseline) + noise(at: treatment)) + difference * difference
    return CombinedTest(
      seeds: seeds, standardError: (sum / Double(seeds)).squareRoot(),
      // Satterthwaite's (1946), for the sum of two variances.
      degreesOfFreedom: Double(seeds - 1) * sum * sum / squares,
      pairedStandardError: (discordance / (episodes * Double(seeds))).squareRoot(), alpha: alpha
    ).power(ofDifference: abs(difference))
  }

  /// The smallest true difference that is found with a given power, in the direction where noise is larger, so at least as
  /// surely in the other; nil if none is.
  public func smallestDifference(seeds: Int, power: Double = 0.8) -> Double? {
    let end = max(baseline, 1 - baseline) - 1e-6
    func excess(_ size: Double) -> Double { self.power(ofDifference: size * noisierSign, seeds: seeds) - power }
    return excess(end) > 0 ? root(in: 1e-9...end, of: excess) : nil
  }

  /// The seeds per arm that find a difference of that size with a given power, in the direction where noise is larger; nil
  /// if more than `limit` are needed or the rates have no room for it.
  public func seedsNeeded(forDifference size: Double, power: Double = 0.8, limit: Int = 1000) -> Int? {
    let difference = abs(size) * noisierSign
    return (2...max(2, limit)).first { self.power(ofDifference: difference, seeds: $0) >= power }
  }

  /// The direction of a difference in which noise is larger, −1 or 1: toward a rate of one half.
  public var noisierSign: Double { baseline > 0.5 ? -1 : 1 }

  private var episodes: Double { Double(tasks * episodesPerTask) }

  /// The variance of one outcome that a pair does not share.
  private func noise(at rate: Double) -> Double { rate * (1 - rate) * (1 - pairCorrelation) }

  /// The variance of a run's measured success rate in episodes that all runs share.
  private func runVariance(at rate: Double) -> Double {
    // An effect on the logit moves a rate in proportion to rate × (1 − rate).
    let deviation = seedDeviation * rate * (1 - rate) / (baseline * (1 - baseline))
    return deviation * deviation + noise(at: rate) / episodes
  }
}
