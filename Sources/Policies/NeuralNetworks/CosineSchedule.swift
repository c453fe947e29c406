import Foundation

/// LeRobot's `cosine_decay_with_warmup`: the learning rate at each step.
///
/// When the run is shorter than the decay, warm-up and decay shrink alike. The warm-up starts at 1/(W+1) of the peak
/// and rises linearly; the cosine counts from step 0, not from the warm-up's end.
public struct CosineSchedule: Sendable, Equatable {
  /// The learning rate at the top.
  public let peak: Double
  let final: Double
  let warmupSteps: Int
  let decaySteps: Int

  /// - Parameters:
  ///   - peak: the learning rate at the top.
  ///   - final: the learning rate at and after the decay's end.
  ///   - steps: the length of the run.
  public init(peak: Double, final: Double, warmupSteps: Int, decaySteps: Int, steps: Int) {
    self.peak = peak
    self.final = final
    guard steps < decaySteps else {
      self.warmupSteps = warmupSteps
      self.decaySteps = decaySteps
      return
    }
    self.warmupSteps = Int(Double(warmupSteps) * (Double(steps) / Double(decaySteps)))
    self.decaySteps = steps
  }

  /// The learning rate of step `step`, the first being 0.
  public func learningRate(at step: Int) -> Double {
    if step < warmupSteps {
      let start = 1 / Double(warmupSteps + 1)
      return peak * (start + (1 - start) * Double(step) / Double(warmupSteps))
    }
    let progress = Double(min(step, decaySteps)) / Double(max(decaySteps, 1))
    let cosine = 0.5 * (1 + Foundation.cos(Double.pi * progress))
    return final + (peak - final) * cosine
  }
}
