import ExperimentStatistics
import Foundation

/// How success comes about in simulated experiments: on the logit scale, a task's level, an initial state's difficulty that
/// all runs share, a training run's effect, and an arm's effect.
struct ExperimentModel: Sendable {
  /// The success rates of ten tasks, 60 … 98 % and 85 % on average.
  static let taskRates = [0.60, 0.70, 0.78, 0.84, 0.88, 0.91, 0.92, 0.94, 0.95, 0.98]
  static let episodesPerTask = 50

  /// The logit of each task's initial state of average difficulty; difficulties have a standard deviation of one.
  let taskLogits: [Double]
  /// The standard deviation of the baseline's and the other arms' run effects.
  let baselineDeviation: Double, armDeviation: Double

  /// - Parameters:
  ///   - seedDeviation: the standard deviation of a baseline run's true success rate, as a share.
  ///   - armSeedDeviation: that of the other arms, if it is another one.
  init(seedDeviation: Double, armSeedDeviation: Double? = nil) {
    let logits = Self.taskRates.map { rate in
      root(in: -10...10) { logit in Self.normalMean { 1 / (1 + exp(-(logit + $0))) } - rate }
    }
    taskLogits = logits
    func deviation(_ target: Double) -> Double {
      guard target > 0 else { return 0 }
      return root(in: 0...4) { deviation in
        let mean = Self.normalMean { Self.rate(logits, $0 * deviation) }
        let square = Self.normalMean { pow(Self.rate(logits, $0 * deviation) - mean, 2) }
        return square.squareRoot() - target
      }
    }
    baselineDeviation = deviation(seedDeviation)
    armDeviation = armSeedDeviation.map(deviation) ?? baselineDeviation
  }

  /// The arm's effect on the logit that changes its mean success rate over runs by `difference` from the baseline's.
  func effect(ofDifference difference: Double) -> Double {
    let baseline = Self.normalMean { Self.rate(taskLogits, $0 * baselineDeviation) }
    return root(in: -8...8) { effect in
      Self.normalMean { Self.rate(taskLogits, effect + $0 * armDeviation) } - baseline - difference
    }
  }

  /// The correlation of two runs' outcomes in one episode if no run differs from another.
  var pairCorrelation: Double {
    let mean = Self.rate(taskLogits, 0)
    let both =
      taskLogits.map { logit in Self.normalMean { pow(1 + exp(-(logit + $0)), -2) } }.reduce(0, +)
      / Double(taskLogits.count)
    return (both - mean * mean) / (mean * (1 - mean))
  }

  /// The mean success rate over tasks and initial states with an effect on the logit.
  private static func rate(_ logits: [Double], _ effect: Double) -> Double {
    logits.reduce(0) { sum, logit in sum + normalMean { 1 / (1 + exp(-(logit + effect + $0))) } } / Double(logits.count)
  }

  /// The mean of a function of a standard normal number.
  private static func normalMean(_ function: (Double) -> Double) -> Double {
    var (sum, weights) = (0.0, 0.0)
    for step in -28...28 {
      let x = Double(step) / 4
      let weight = exp(-x * x / 2)
      sum += weight * function(x)
      weights += weight
    }
    return sum / weights
  }
}
